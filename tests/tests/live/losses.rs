//! A tracer that does not keep up: what it missed is said, and nothing is said that is not so.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use oomtrace_tests::tracer::{Said, Tracer};
use oomtrace_tests::{Stage, counters};
use rustix::process::Signal;

use crate::stopped::{CGROUPS, kill_in_each, sums};

/// A ring for 256 kills.
const SMALL_RING: [&str; 2] = ["env", "OOMTRACE_ESSENTIAL_RING_BYTES=65536"];

fn ensure_said(said: &Said) -> Result<()> {
    let is_it = |line: &String| line.contains("missed; the gap events say");
    ensure!(
        said.complaints.iter().any(is_it),
        "nothing on standard error of kills that were missed: {:?}",
        said.complaints
    );
    Ok(())
}

/// Stopped while more is killed than its ring holds, and ended as soon as it runs again.
#[test]
fn kills_lost_while_stopped_are_a_gap() -> Result<()> {
    const KILLS: usize = 300;
    let stage = Stage::without_tracer()?;
    let top = stage.cgroup(64)?;
    let cgroups = top.children(CGROUPS, 1)?;
    let before = counters::host_kills()?;
    let tracer = Tracer::start_by(&SMALL_RING, &[])?;
    tracer.signal(Signal::STOP)?;
    kill_in_each(&cgroups, KILLS)?;
    let killed = counters::host_kills()? - before;
    ensure!(killed >= u64::try_from(CGROUPS * KILLS)?, "only {killed}");
    tracer.signal(Signal::TERM)?;
    tracer.signal(Signal::CONT)?;
    let said = tracer.finish(1)?;
    let (kills, min, max) = sums(&said);
    ensure!(
        min > 0 && (kills + min, kills + max) == (killed, killed),
        "{killed} kills; {kills} reported, {min} to {max} said to be missed"
    );
    ensure_said(&said)
}

/// The same, ended while processes are killed all the time.
#[test]
fn kills_go_on_while_the_tracer_ends() -> Result<()> {
    const KILLS: usize = 250;
    let stage = Stage::without_tracer()?;
    let top = stage.cgroup(64)?;
    let cgroups = top.children(CGROUPS, 1)?;
    let before = counters::host_kills()?;
    let tracer = Tracer::start_by(&SMALL_RING, &[])?;
    tracer.signal(Signal::STOP)?;
    kill_in_each(&cgroups, KILLS)?;
    let (said, killed) = thread::scope(|scope| -> Result<_> {
        let more = scope.spawn(|| kill_in_each(&cgroups, KILLS));
        let begun = counters::host_kills()?;
        while counters::host_kills()? < begun + 20 {
            thread::sleep(Duration::from_millis(2));
        }
        tracer.signal(Signal::CONT)?;
        thread::sleep(Duration::from_millis(200));
        let killed = counters::host_kills()? - before;
        tracer.signal(Signal::TERM)?;
        let said = tracer.finish(1)?;
        more.join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        Ok((said, killed))
    })?;
    let all = counters::host_kills()? - before;
    let (kills, min, max) = sums(&said);
    ensure!(
        min > 0 && kills + min <= all && kills + max >= killed,
        "{killed} to {all} kills; {kills} reported, {min} to {max} said to be missed"
    );
    ensure_said(&said)
}

#[test]
fn the_dead_are_not_reported_alive() -> Result<()> {
    crate::stopped::the_dead_are_not_reported_alive()
}
