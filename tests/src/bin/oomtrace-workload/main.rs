//! Processes that fill memory in a known way, for the live tests.
//!
//! `oomtrace-workload [--cgroup DIR]… [--adj N] [--uid N] [--wait] COMMAND …`
//!
//! The options are carried out first and then the program executes itself anew, so that all that
//! COMMAND touches is charged to the cgroup. What a test has to know is written to standard output,
//! one `key value` a line; `--wait` holds COMMAND until a line arrives on standard input.

mod fill;
mod leader;
mod options;
mod place;
mod sharer;
mod storm;
mod stuck;
mod swap;

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

fn main() -> ExitCode {
    match options::enter().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere left to report a failure of this write to.
            let _ = writeln!(io::stderr(), "oomtrace-workload: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        // More words are for the command line's own sake.
        ["anon", mib, ..] => fill::anonymous(number(mib)?),
        ["hold", mib, ..] => fill::hold(number(mib)?),
        ["threads", mib, threads] => fill::from_worker(number(mib)?, number(threads)?),
        ["leader-exit", mib] => leader::exit_first(number(mib)?),
        ["clone-vm", mib] => sharer::share(number(mib)?),
        ["crowd", count] => sharer::crowd(number(count)?),
        ["file", path, mib] => fill::file(path, number(mib)?),
        ["page-cache", path, mib, anon_mib] => {
            fill::page_cache(path, number(mib)?, number(anon_mib)?)
        }
        ["comm", hex, mib] => fill::named(hex, number(mib)?),
        ["fork", children, mib] => fill::forked(number(children)?, number(mib)?),
        ["inodes", directory, count] => fill::inodes(directory, number(count)?),
        ["sockets", mib] => fill::sockets(number(mib)?),
        ["on-node", node, mib] => place::on_node(number(node)?, number(mib)?),
        ["exec", program, arguments @ ..] => {
            Err(Command::new(program).args(arguments).exec()).context("cannot execute the program")
        }
        ["storm", procs, count] => storm::one_by_one(procs, number(count)?),
        ["stuck", mib, seconds] => stuck::hold_at_exit(number(mib)?, number(seconds)?),
        ["swap-on", path, mib] => swap::on(path, number(mib)?),
        ["swap-off", path] => swap::off(path),
        _ => bail!("no such command: {words:?}"),
    }
}

fn number(word: &str) -> Result<usize> {
    word.parse()
        .with_context(|| format!("{word:?} is no number"))
}

/// Tells the test something, at once.
fn say(key: &str, value: impl std::fmt::Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{key} {value}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
