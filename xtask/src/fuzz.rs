//! `cargo xtask fuzz`: runs the targets in `fuzz/`.
//!
//! The engine needs compiler flags that are not stable; the toolchain at hand is made to accept them
//! for these throw-away builds, so that what is fuzzed is built by the compiler that builds the
//! product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{command, workspace};

/// Seconds of a long run.
const LONG_SECONDS: u32 = 600;

/// How long to run.
#[derive(Args)]
pub struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u32,
    /// Ten minutes for each target
    #[arg(long, conflicts_with = "seconds")]
    long: bool,
    /// Only this target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

impl Arguments {
    /// All targets, for so many seconds each.
    pub fn lasting(seconds: u32) -> Self {
        Self {
            seconds,
            long: false,
            target: None,
        }
    }
}

/// Runs every target and prints how often each was executed.
///
/// # Errors
/// No targets, no cargo-fuzz, a build that fails, or a finding (its input is kept in
/// `fuzz/artifacts`).
pub fn run(arguments: &Arguments) -> Result<()> {
    let seconds = if arguments.long {
        LONG_SECONDS
    } else {
        arguments.seconds
    };
    let wanted = arguments.target.as_deref();
    let targets: Vec<String> = targets()?
        .into_iter()
        .filter(|name| wanted.is_none_or(|wanted| wanted == name))
        .collect();
    anyhow::ensure!(!targets.is_empty(), "there is no such fuzz target");
    let tool = cargo_fuzz()?;
    build(&tool)?;
    let mut summary = Vec::new();
    let mut failed = Vec::new();
    for target in &targets {
        println!("-- fuzzing {target} for {seconds} s");
        match fuzz(&tool, target, seconds) {
            Ok(0) => failed.push(format!("{target}: never executed")),
            Ok(count) => summary.push(format!("{target}: {count} executions, no finding")),
            Err(error) => failed.push(format!("{target}: {error:#}")),
        }
    }
    println!("{}", summary.join("\n"));
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}

/// Names of the targets: the files in `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry
            .with_context(|| format!("listing {}", folder.display()))?
            .path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// cargo-fuzz in the repository, with this machine's own target (it would take that of the machine
/// it was built on) and unstable flags allowed.
fn cargo_fuzz_command(tool: &Path, verb: &str) -> Command {
    let mut command = Command::new(tool);
    command
        .current_dir(workspace::root())
        .args(["fuzz", verb])
        // The parsers have no unsafe code of their own, which would want a sanitizer of addresses;
        // without it, more runs fit into the time. Limits of memory and wrong sums are watched all
        // the same.
        .args(["--sanitizer", "none"])
        .env("RUSTC_BOOTSTRAP", "1");
    if let Some(triple) = host_triple() {
        command.args(["--target", &triple]);
    }
    command
}

/// Builds all targets first, in sight: it takes minutes.
fn build(tool: &Path) -> Result<()> {
    command::run(&mut cargo_fuzz_command(tool, "build"))
}

fn fuzz(tool: &Path, target: &str, seconds: u32) -> Result<u64> {
    let root = workspace::root();
    // New inputs go into the first folder; seeds are only read.
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("making {}", corpus.display()))?;
    let seeds = root.join("fuzz/seeds").join(target);
    let mut command = cargo_fuzz_command(tool, "run");
    command.arg(target).arg(&corpus);
    if seeds.is_dir() {
        command.arg(&seeds);
    }
    command
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-verbosity=0", "-rss_limit_mb=1024"]);
    let done = command.output().context("starting cargo fuzz")?;
    let log = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        eprint!("{log}");
        anyhow::bail!("cargo fuzz run {target} ended with {}", done.status);
    }
    executions(&log).with_context(|| format!("{target} printed no number of executions: {log}"))
}

/// `stat::number_of_executed_units: 12345`.
fn executions(log: &str) -> Option<u64> {
    log.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|number| number.trim().parse().ok())
}

/// The target triple of this machine, as the compiler names it.
fn host_triple() -> Option<String> {
    let about = command::output(Command::new("rustc").arg("-vV")).ok()?;
    about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}

/// cargo-fuzz from the search path, from our own tools, or freshly installed there.
fn cargo_fuzz() -> Result<PathBuf> {
    if let Some(found) = command::find_program("cargo-fuzz") {
        return Ok(found);
    }
    let tools = oomtrace_tests::host::cache_folder()?.join("tools");
    let tool = tools.join("bin/cargo-fuzz");
    if !tool.is_file() {
        println!("-- installing cargo-fuzz into {}", tools.display());
        command::run(
            command::cargo()
                .args(["install", "cargo-fuzz", "--locked", "--quiet", "--root"])
                .arg(&tools),
        )
        .context("installing cargo-fuzz")?;
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_engine() {
        let log = "INFO: x\nstat::number_of_executed_units: 40961\nstat::average_exec_per_sec: 9\n";
        assert_eq!(executions(log), Some(40961));
        assert_eq!(executions("Done 12 runs"), None);
    }
}
