//! A tracer that does not keep up: what it missed is said, and nothing is said that is not so.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::event::Event;
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::{Said, Tracer};
use oomtrace_tests::{Stage, counters};
use rustix::process::Signal;

/// Cgroups in which processes are killed at the same time.
const CGROUPS: usize = 2;

/// A ring for 256 kills.
const SMALL_RING: [&str; 2] = ["env", "OOMTRACE_ESSENTIAL_RING_BYTES=65536"];

/// Kills so many processes one by one in each of the cgroups.
fn kill_in_each(cgroups: &[Cgroup], kills: usize) -> Result<()> {
    cgroup::in_each(cgroups, |cgroup| {
        let procs = cgroup.directory().join("cgroup.procs");
        let procs = procs.to_str().context("a path that is no text")?;
        let storm = Workload::outside()?.start(&["storm", procs, &kills.to_string()])?;
        storm.wait_for("killed")?;
        Ok(vec![()])
    })?;
    Ok(())
}

/// The kills reported, and those reported as missed, at least and at most.
fn sums(said: &Said) -> (u64, u64, u64) {
    let of = |kind: &str| -> Vec<&Event> {
        let events = said.events.iter();
        events.filter(|event| event.kind() == kind).collect()
    };
    let missed = |field: &str| of("gap").iter().filter_map(|gap| gap.u64(field)).sum();
    let kills = u64::try_from(of("oom_kill").len()).unwrap_or(u64::MAX);
    (
        kills,
        missed("kills_missed_min"),
        missed("kills_missed_max"),
    )
}

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

/// Stopped while so much is killed that records of victims' ends find no room, and continued when
/// a victim that has not ended would be reported as alive.
#[test]
fn the_dead_are_not_reported_alive() -> Result<()> {
    const KILLS: usize = 350;
    const LEVELS: usize = 16;
    let stage = Stage::without_tracer()?;
    let top = stage.cgroup(64)?;
    // Long paths fill the ring of details.
    let mut above = VecDeque::new();
    for _ in 0..LEVELS {
        // The lowest first: a cgroup is removed before the one above it.
        above.push_front(above.front().unwrap_or(&top).child("x".repeat(200))?);
    }
    let cgroups = above.front().unwrap_or(&top).children(CGROUPS, 1)?;
    let tracer = Tracer::start(&[])?;
    tracer.signal(Signal::STOP)?;
    kill_in_each(&cgroups, KILLS)?;
    thread::sleep(Duration::from_secs(12));
    tracer.signal(Signal::CONT)?;
    // All is reported once a kill that comes last is.
    let mut last = Workload::within(&cgroups[0])?.start(&["anon", "8"])?;
    last.end_killed()?;
    tracer.kill_of(last.pid(), Duration::from_secs(60))?;
    thread::sleep(Duration::from_secs(3));
    let said = tracer.stop()?;
    let ends: Vec<&Event> = said
        .events
        .iter()
        .filter(|event| event.kind() == "oom_outcome")
        .collect();
    let (kills, ..) = sums(&said);
    ensure!(
        kills == u64::try_from(CGROUPS * KILLS + 1)?,
        "{kills} kills"
    );
    let (alive, exited): (Vec<&Event>, Vec<&Event>) = ends
        .into_iter()
        .partition(|end| end.text("state") == Some("still_alive"));
    ensure!(
        alive.is_empty(),
        "{} of the dead are said to be alive",
        alive.len()
    );
    ensure!(
        exited.len() < CGROUPS * KILLS,
        "no record of an end was lost: the test shows nothing"
    );
    let lossless =
        |event: &&Event| event.kind() == "oom_kill" && event.u64("lost_records") == Some(0);
    let with_lost = |event: &&Event| event.value.to_string().contains("record_lost");
    let contradicting = said.events.iter().filter(lossless).find(with_lost);
    ensure!(
        contradicting.is_none(),
        "a record was lost, and lost_records is 0: {contradicting:?}"
    );
    Ok(())
}
