//! Tasks of the project: `cargo xtask --help`.
//!
//! Nothing in here is part of oomtrace. Each verb has one file (or folder) of its name; they share
//! [`workspace`] (where things lie) and [`command`] (running other programs).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool that speaks on the terminal; oomtrace itself writes through its sink"
)]
#![expect(
    unreachable_pub,
    reason = "a program has no outside; `pub` marks what a module offers to the others"
)]

mod bench;
mod build_ebpf;
mod codegen;
mod command;
mod dist;
mod fuzz;
mod packages;
mod screens;
mod steps;
mod test;
mod tidy;
mod vm_test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Tasks of the oomtrace project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub enum Verb {
    /// Run every check and test, installing by apt what they need (as root on Debian or Ubuntu)
    Test(test::Arguments),
    /// Check the rules of the house: dependencies between modules, unsafe, licences, documents
    Tidy,
    /// Build the kernel side into the committed object
    BuildEbpf {
        /// Build into the target directory and compare with what is committed
        #[arg(long)]
        check: bool,
    },
    /// Write what is generated from the types: JSON Schema, tables of the documents
    Codegen {
        /// Write nothing; fail if what is committed differs
        #[arg(long)]
        check: bool,
    },
    /// Run the fuzz targets
    Fuzz(fuzz::Arguments),
    /// Cause every kind of kill on several kernels, in guests
    VmTest(vm_test::Arguments),
    /// Make everything that a release consists of: static binaries, packages, image, sums
    Dist(dist::Arguments),
    /// Make the pictures of what a person sees, of real kills (as root)
    Screens,
    /// Measure what oomtrace costs, beside its peers
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let done = match Verb::parse() {
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Tidy => tidy::run(),
        Verb::BuildEbpf { check } => build_ebpf::run(check).map(|outcome| println!("{outcome}")),
        Verb::Codegen { check } => codegen::run(check),
        Verb::Fuzz(arguments) => fuzz::run(&arguments),
        Verb::VmTest(arguments) => vm_test::run(&arguments),
        Verb::Dist(arguments) => dist::run(&arguments),
        Verb::Screens => screens::run(),
        Verb::Bench(arguments) => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
