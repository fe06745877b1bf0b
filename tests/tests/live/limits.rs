//! Whose limit it was.

use std::time::{Duration, Instant};
use std::{io, thread};

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::freezer::Freezer;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, counters};

/// What a victim on another processor may still get while it is being killed.
const RUNNING: Rss = Rss::Within(2 << 20);

/// The process's own cgroup has room; its grandparent has not.
pub(crate) fn limit_of_an_ancestor(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let parent = stage.cgroup(32)?;
    let child = parent.child("child")?;
    child.limit_mib(64)?;
    let grandchild = child.child("grandchild")?;
    let mut victim = Workload::within(&grandchild)?.start(&["anon", "64"])?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;

    let summary = kill
        .report
        .dump
        .and_then(|dump| dump.summary)
        .context("no summary")?;
    ensure!(
        summary.oom_memcg.as_deref() == Some(parent.path()),
        "{summary:?}"
    );
    ensure!(summary.task_memcg == grandchild.path(), "{summary:?}");
    stage.finish_with(parent.path(), &[victim.pid()])?;
    Ok(())
}

/// A limit below what is used: cgroup v1 refuses it, v2 kills.
pub(crate) fn limit_written_below_usage(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(48)?;
    let mut holder = Workload::within(&cgroup)?.start(&["hold", "24"])?;
    holder.wait_for("filled")?;
    let lower = (8 << 20).to_string();
    let killed = if cgroup.version() == 1 {
        let refused = cgroup
            .write("memory.limit_in_bytes", &lower)
            .err()
            .context("the limit was taken")?;
        let cause = refused
            .root_cause()
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error);
        ensure!(cause == Some(libc::EBUSY), "refused otherwise: {refused:#}");
        ensure!(
            cgroup.processes()? == [holder.pid()] && cgroup.kills()? == 0,
            "v1 has killed"
        );
        vec![]
    } else {
        cgroup.write("memory.max", &lower)?;
        let kill = stage.agreed_kill(holder.pid(), Rss::Exact)?;
        holder.end_killed()?;
        if let Some(event) = kill.event {
            ensure!(event.u64("trigger.pid") == Some(u64::from(std::process::id())));
            ensure!(
                event.text("incident.cause") == Some("limit_write"),
                "{}",
                event.value
            );
            let message = event.text("message").unwrap_or_default();
            ensure!(!message.contains("asked for"), "{message}");
        }
        vec![holder.pid()]
    };
    stage.finish_with(cgroup.path(), &killed)?;
    Ok(())
}

/// A process at the limit is killed by a user: nothing for the OOM killer.
pub(crate) fn killed_by_a_user_while_full(stage: Stage) -> Result<()> {
    let cgroup = stage.cgroup(32)?;
    let mut victim = if cgroup.version() == 1 {
        // With the OOM killer off, whoever hits the limit waits there.
        cgroup.write("memory.oom_control", "1")?;
        let victim = Workload::within(&cgroup)?.start(&["anon", "64"])?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while counters::value(&cgroup.read("memory.oom_control")?, "under_oom") != Some(1) {
            ensure!(Instant::now() < deadline, "the limit is not hit");
            thread::sleep(Duration::from_millis(1));
        }
        victim
    } else {
        let victim = Workload::within(&cgroup)?.start(&["hold", "30"])?;
        victim.wait_for("filled")?;
        victim
    };
    ensure!(cgroup.usage()? >= 30 << 20, "the cgroup is not full");
    victim.kill()?;
    victim.end_killed()?;
    ensure!(cgroup.kills()? == 0, "the OOM killer has killed");
    stage.finish_with(cgroup.path(), &[])?;
    Ok(())
}

/// A process that a user has killed, and that still has its memory, is what the OOM killer would
/// choose: it marks it, kills nothing and prints nothing. No event.
pub(crate) fn marked_and_not_killed(stage: Stage) -> Result<()> {
    let cgroup = stage.cgroup(48)?;
    let mut holder = Workload::within(&cgroup)?.adj(500).start(&["hold", "36"])?;
    let mut asking = Workload::within(&cgroup)?
        .waiting()
        .start(&["anon", "32"])?;
    holder.wait_for("filled")?;
    let freezer = Freezer::freeze(holder.pid())?;
    holder.kill()?;
    asking.go()?;
    // The mark thaws it; without one this would wait for ever.
    holder.end_killed()?;
    let mut killed = Vec::new();
    if !asking.survived()? {
        killed.push(asking.pid());
    }
    drop(freezer);
    let reports = stage.reports()?;
    let named = reports
        .iter()
        .any(|report| report.killed.tid == holder.pid());
    ensure!(
        !named && cgroup.kills()? == killed.len() as u64,
        "the kernel has killed what it had only to mark"
    );
    stage.finish_with(cgroup.path(), &killed)?;
    Ok(())
}

/// A process that a user has just killed still has its memory when another one hits the limit: the
/// kernel may then only mark it. Whatever it does, there is an event for each kill and for no mark.
pub(crate) fn dying_already(stage: Stage) -> Result<()> {
    const ROUNDS: usize = 4;
    stage.await_reports(ROUNDS * 2)?;
    let cgroup = stage.cgroup(48)?;
    let mut started = Vec::new();
    for round in 0..ROUNDS {
        let mut holder = Workload::within(&cgroup)?.adj(500).start(&["hold", "42"])?;
        let mut asking = Workload::within(&cgroup)?
            .waiting()
            .start(&["anon", "32"])?;
        holder.wait_for("filled")?;
        started.extend([holder.pid(), asking.pid()]);
        asking.go()?;
        // From before the limit is hit to after it.
        thread::sleep(Duration::from_micros(1500 * u64::try_from(round)?));
        holder.kill()?;
        holder.end_killed()?;
        let status = asking.end()?;
        if !status.success() {
            asking.end_killed()?;
        }
    }
    let reports = stage.reports_of(&started, cgroup.kills()?)?;
    let killed: Vec<u32> = reports.iter().map(|report| report.killed.tid).collect();
    ensure!(
        cgroup.kills()? == u64::try_from(killed.len())?,
        "the log knows {killed:?}"
    );
    for tid in &killed {
        stage.agreed_kill(*tid, RUNNING)?;
    }
    stage.finish_with(cgroup.path(), &killed)?;
    Ok(())
}

/// Two cgroups and their parent run out together; each kill has the limit that the kernel names.
pub(crate) fn siblings_and_their_parent(stage: Stage) -> Result<()> {
    const ROUNDS: usize = 2;
    stage.await_reports(ROUNDS * 4)?;
    let parent = stage.cgroup(40)?;
    let siblings = [parent.child("a")?, parent.child("b")?];
    for sibling in &siblings {
        sibling.limit_mib(24)?;
    }
    let mut tids = Vec::new();
    for _ in 0..ROUNDS {
        let mut all = Vec::new();
        for _ in 0..2 {
            for sibling in &siblings {
                all.push(
                    Workload::within(sibling)?
                        .waiting()
                        .start(&["anon", "32"])?,
                );
            }
        }
        for running in &mut all {
            running.go()?;
        }
        for running in &mut all {
            running.end_killed()?;
            tids.push(running.pid());
        }
    }
    let mut hit = Vec::new();
    for tid in &tids {
        let kill = stage.agreed_kill(*tid, RUNNING)?;
        let Some(path) = kill.report.dump.and_then(|dump| dump.summary?.oom_memcg) else {
            bail!("the kernel does not name the limit of {tid}");
        };
        if !hit.contains(&path) {
            hit.push(path);
        }
    }
    ensure!(hit.len() >= 2, "only one limit was hit: {hit:?}");
    stage.finish_with(parent.path(), &tids)?;
    Ok(())
}
