//! A tracer that is stopped while processes are killed.

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
pub(crate) const CGROUPS: usize = 2;

/// Kills so many processes one by one in each of the cgroups.
pub(crate) fn kill_in_each(cgroups: &[Cgroup], kills: usize) -> Result<()> {
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
pub(crate) fn sums(said: &Said) -> (u64, u64, u64) {
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

/// Stopped while so much is killed that records of victims' ends find no room, and continued when
/// a victim that has not ended would be reported as alive.
pub(crate) fn the_dead_are_not_reported_alive() -> Result<()> {
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
    let before = counters::host_kills()?;
    let tracer = Tracer::start(&[])?;
    tracer.signal(Signal::STOP)?;
    kill_in_each(&cgroups, KILLS)?;
    thread::sleep(Duration::from_secs(12));
    tracer.signal(Signal::CONT)?;
    // All is reported once a kill that comes last is.
    let first = cgroups.first().context("no cgroup")?;
    let mut last = Workload::within(first)?.start(&["anon", "8"])?;
    last.end_killed()?;
    tracer.kill_of(last.pid(), Duration::from_secs(60))?;
    thread::sleep(Duration::from_secs(3));
    let killed = counters::host_kills()? - before;
    let said = tracer.stop()?;
    let ends: Vec<&Event> = said
        .events
        .iter()
        .filter(|event| event.kind() == "oom_outcome")
        .collect();
    let (kills, min, max) = sums(&said);
    ensure!(
        (kills + min, kills + max) == (killed, killed),
        "the kernel counts {killed} kills; {kills} reported, {min} to {max} said to be missed"
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
