//! `cargo xtask test`: everything that must hold, in one command.
//!
//! On a fresh Debian or Ubuntu machine, as root, it installs what it needs. A part that cannot run
//! is a failure with a name, never a silent gap; a failure does not keep the rest from running.

use std::fs;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::steps::Steps;
use crate::{build_ebpf, codegen, command, fuzz, packages, tidy, workspace};

/// Largest release binary, in bytes.
const BINARY_BYTES_MAX: u64 = 3 * 1024 * 1024;

/// Seconds each fuzz target gets here; `cargo xtask fuzz` runs them longer.
const FUZZ_SECONDS: u32 = 10;

/// What to run.
#[derive(Args)]
pub struct Arguments {
    /// Run only the steps whose name contains this
    #[arg(long, value_name = "PART")]
    only: Option<String>,
}

/// Runs all steps.
///
/// # Errors
/// Names the steps that failed.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::matching(arguments.only.clone());
    steps.step("packages", packages::install_for_tests);
    steps.step("format", format);
    steps.step("clippy", clippy);
    steps.step("tidy", tidy::run);
    steps.step("generated files are current", || codegen::run(true));
    steps.cargo_test("unit, property and documentation tests", |cargo| {
        cargo.args(["--package", "oomtrace", "--package", "oomtrace-common"]);
        cargo.args(["--features", "oomtrace/schema"]);
    });
    steps.cargo_test("tests of xtask", |cargo| {
        cargo.args(["--package", "xtask"]);
    });
    steps.step("kernel side", || {
        println!("{}", build_ebpf::run(true)?);
        Ok(())
    });
    steps.step("release build", release);
    steps.step("binary size", binary_size);
    steps.cargo_test("command line and live tests", |cargo| {
        cargo.args(["--package", "oomtrace-tests"]);
        // Each live test causes real kills and reads counters of the whole machine.
        cargo.args(["--", "--test-threads=1"]);
        cargo.env("OOMTRACE_BIN", workspace::release_binary());
    });
    steps.step("fuzz targets, briefly", || {
        fuzz::run(&fuzz::Arguments::lasting(FUZZ_SECONDS))
    });
    steps.finish()
}

/// The workspace and the two crates that stand outside of it.
fn format() -> Result<()> {
    command::run(command::cargo().args(["fmt", "--all", "--", "--check"]))?;
    for manifest in ["oomtrace-ebpf/Cargo.toml", "fuzz/Cargo.toml"] {
        command::run(command::cargo().args(["fmt", "--manifest-path", manifest, "--", "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    command::run(
        command::cargo()
            .args(["clippy", "--locked", "--workspace", "--all-targets"])
            .args(["--features", "oomtrace/schema", "--", "--deny", "warnings"]),
    )
}

/// Builds what a user runs.
///
/// # Errors
/// The build fails.
pub fn release() -> Result<()> {
    command::run(command::cargo().args(["build", "--locked", "--release", "--package", "oomtrace"]))
}

fn binary_size() -> Result<()> {
    let binary = workspace::release_binary();
    let size = fs::metadata(&binary)
        .with_context(|| format!("looking at {}", binary.display()))?
        .len();
    println!("{size} bytes");
    anyhow::ensure!(
        size <= BINARY_BYTES_MAX,
        "the release binary has {size} bytes, {BINARY_BYTES_MAX} are promised"
    );
    Ok(())
}
