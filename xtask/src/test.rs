//! `cargo xtask test`: everything that must hold, in one command.
//!
//! On a fresh Debian or Ubuntu machine, as root, it installs what it needs. A part that cannot run
//! is a failure with a name, never a silent gap; a failure does not keep the rest from running.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;
use oomtrace_tests::deploy::fleet::Fleet;
use oomtrace_tests::deploy::sql;

use crate::steps::Steps;
use crate::{build_ebpf, codegen, command, dist, fuzz, packages, tidy, vm_test, workspace};

/// Largest release binary as cargo builds it, in bytes. The static binaries of a release are to stay
/// below 4 MiB; this one has tables for unwinding besides, which debuggers read.
const BINARY_BYTES_MAX: u64 = dist::BINARY_BYTES_MAX as u64 + 400 * 1024;

/// Seconds each fuzz target gets here; `cargo xtask fuzz` runs them longer.
const FUZZ_SECONDS: u32 = 10;

/// What to run.
#[derive(Args)]
pub struct Arguments {
    /// Run only the steps whose name contains this
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Also run what needs minutes: a fleet of 10,000 nodes in three databases
    #[arg(long)]
    full: bool,
}

/// The fleet whose figures are in deploy/sql/README.md.
const FLEET: Fleet = Fleet {
    nodes: 10_000,
    days: 30,
    seed: 1,
};

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
    // An object of another toolchain than the committed one's cannot be compared byte by byte, so
    // it must pass the live tests as well.
    let mut other_object = None;
    steps.step("kernel side", || {
        let outcome = build_ebpf::run(true)?;
        println!("{outcome}");
        if let build_ebpf::Outcome::OtherToolchain { fresh, .. } = outcome {
            other_object = Some(fresh);
        }
        Ok(())
    });
    let with_other_object = workspace::target().join("oomtrace-with-other-object");
    if let Some(object) = &other_object {
        steps.step("release build with the other object", || {
            build_release(|cargo| {
                cargo.env("OOMTRACE_BPF_OBJECT", object);
            })?;
            fs::copy(workspace::release_binary(), &with_other_object)
                .with_context(|| format!("writing {}", with_other_object.display()))?;
            Ok(())
        });
    }
    steps.step("release build", release);
    steps.step("binary size", binary_size);
    steps.cargo_test("command line and live tests", |cargo| {
        cargo.args(["--package", "oomtrace-tests"]);
        // Each live test causes real kills and reads counters of the whole machine.
        cargo.args(["--", "--test-threads=1"]);
        cargo.env("OOMTRACE_BIN", workspace::release_binary());
    });
    if other_object.is_some() {
        steps.cargo_test("live tests with the other object", |cargo| {
            cargo.args([
                "--package",
                "oomtrace-tests",
                "--test",
                "live",
                "--",
                "--test-threads=1",
            ]);
            cargo.env("OOMTRACE_BIN", &with_other_object);
        });
    }
    if arguments.full {
        steps.step("a fleet in three databases", || {
            print!("{}", sql::measure(&FLEET)?);
            Ok(())
        });
    }
    steps.step("fuzz targets, briefly", || {
        fuzz::run(&fuzz::Arguments::lasting(FUZZ_SECONDS))
    });
    steps.step("kills on other kernels, briefly", || {
        vm_test::run(&vm_test::Arguments::brief())
    });
    steps.finish()
}

/// The workspace and the two crates outside of it.
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
    build_release(|_| {})
}

fn build_release(adjust: impl FnOnce(&mut Command)) -> Result<()> {
    let mut cargo = command::cargo();
    cargo.args(["build", "--locked", "--release", "--package", "oomtrace"]);
    // Inherited from a shell, it would end up in what users run.
    cargo.env_remove("OOMTRACE_BPF_OBJECT");
    adjust(&mut cargo);
    command::run(&mut cargo)
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
