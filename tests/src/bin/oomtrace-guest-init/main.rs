//! The first process of a guest that `cargo xtask vm-test` boots.
//!
//! As process 1 it mounts what the scenes need, runs those that the kernel's command line names, each
//! in a process of its own, and powers the machine off. What it reports goes to a serial
//! line of its own, one JSON object a line ([`line`]); another one is the kernel's. Where systemd is
//! process 1, it does the same as a service, `oomtrace-guest-init all`.

mod boot;
mod guest;
mod line;
mod play;
mod scenes;

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if rustix::process::getpid().is_init() {
        play::all();
        return ExitCode::FAILURE;
    }
    let name = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = in_guest().and_then(|()| match name.as_deref() {
        Some(guest::privileges::DROP) => guest::privileges::become_nobody(&rest),
        name => one(name),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The mark tells it from what the scene printed on its way.
            line::complain(&format!("FAILED: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// That this is one: on a host, some scenes would take all of its memory.
fn in_guest() -> Result<()> {
    let line = std::fs::read_to_string("/proc/cmdline").context("the kernel's command line")?;
    ensure!(
        boot::is_guest(&line),
        "this is no guest of cargo xtask vm-test: nothing is run here"
    );
    Ok(())
}

/// Plays one scene, or all and ends the machine.
fn one(name: Option<&str>) -> Result<()> {
    let name = name.context("which scene?")?;
    if name == "all" {
        play::all();
        anyhow::bail!("the machine goes on");
    }
    let scene = scenes::named(name).with_context(|| format!("no scene is called {name:?}"))?;
    (scene.run)()
}
