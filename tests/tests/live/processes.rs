//! Who dies, and who asked.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, counters};

/// A process asks for more than its cgroup may have.
pub(crate) fn victim_is_trigger(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let before = counters::host_kills()?;
    let mut victim = Workload::within(&cgroup)?
        .adj(100)
        .uid(65534)
        .start(&["anon", "64"])?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    let started = victim.started_since_boot_us()?;
    victim.end_killed()?;

    let dump = kill.report.dump.context("no dump")?;
    ensure!(dump.trigger_tid == Some(victim.pid()), "{dump:?}");
    ensure!(
        kill.report.killed.oom_score_adj == 100 && kill.report.killed.uid == 65534,
        "{:?}",
        kill.report.killed
    );
    ensure!(
        dump.summary
            .is_some_and(|summary| summary.oom_memcg.as_deref() == Some(cgroup.path()))
    );
    ensure!(
        cgroup.kills()? == 1 && counters::host_kills()? > before,
        "the kernel's counters do not know of it"
    );
    if let Some(event) = kill.event {
        ensure!(event.u64("victim.threads") == Some(1));
        ensure!(event.u64("victim.parent_pid") == Some(u64::from(std::process::id())));
        ensure!(
            event.u64("limit.cgroup_id") == Some(cgroup.id()?)
                && event.u64("victim.cgroup_id") == Some(cgroup.id()?)
        );
        let arguments: Vec<_> = event.list("victim.cmdline").iter().skip(1).collect();
        ensure!(
            arguments == ["anon", "64"] || stage.excuses(&event, "victim.cmdline"),
            "{arguments:?}"
        );
        let start = event
            .u64("victim.start_since_boot_us")
            .context("no start")?;
        // The file counts in ticks, rounded down.
        let tick = 1_000_000 / rustix::param::clock_ticks_per_second();
        ensure!(
            (started..started + tick).contains(&start),
            "started at {started}, the event says {start}"
        );
    }
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// A small process asks, a big one that sleeps is chosen, and the small one gets its memory.
pub(crate) fn victim_is_not_trigger(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(48)?;
    let mut holder = Workload::within(&cgroup)?.adj(500).start(&["hold", "20"])?;
    holder.wait_for("filled")?;
    // A little more than fits beside the holder: a part of what the holder gives back is enough,
    // so a slow exit of it does not get the trigger killed too.
    let mut trigger = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    let kill = stage.agreed_kill(holder.pid(), Rss::Exact)?;
    holder.end_killed()?;
    let mut killed = vec![holder.pid()];
    if !trigger.survived()? {
        killed.push(trigger.pid());
    }

    let dump = kill.report.dump.context("no dump")?;
    ensure!(dump.trigger_tid == Some(trigger.pid()), "{dump:?}");
    ensure!(dump.tasks.len() == 2, "{:?}", dump.tasks);
    if let Some(event) = kill.event {
        ensure!(event.u64("trigger.pid") == Some(u64::from(trigger.pid())));
        ensure!(event.text("trigger.cgroup_path").map(str::as_bytes) == Some(cgroup.path()));
    }
    stage.finish_with(cgroup.path(), &killed)?;
    Ok(())
}

/// One thread of several asks; the process dies, under its first thread's id.
pub(crate) fn worker_is_trigger(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let mut victim = Workload::within(&cgroup)?.start(&["threads", "64", "4"])?;
    let worker = victim.wait_for_id("worker")?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;

    let dump = kill.report.dump.context("no dump")?;
    ensure!(
        worker != victim.pid() && dump.trigger_tid == Some(worker),
        "{dump:?}"
    );
    ensure!(dump.invoked.comm == b"worker", "{:?}", dump.invoked);
    if let Some(event) = kill.event {
        ensure!(event.u64("trigger.pid") == Some(u64::from(victim.pid())));
        ensure!(
            event.u64("victim.threads") == Some(5),
            "{:?}",
            event.at("victim.threads")
        );
    }
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// The process's first thread is gone: the kernel marks and names the one that is left.
pub(crate) fn leader_has_exited(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let mut victim = Workload::within(&cgroup)?.start(&["leader-exit", "64"])?;
    let survivor = victim.wait_for_id("survivor")?;
    let kill = stage.agreed_kill(survivor, Rss::Exact)?;
    victim.end_killed()?;

    ensure!(
        survivor != victim.pid() && kill.report.killed.comm == b"survivor",
        "{:?}",
        kill.report.killed
    );
    let dump = kill.report.dump.context("no dump")?;
    ensure!(
        dump.summary
            .is_some_and(|summary| summary.pid == victim.pid())
    );
    stage.finish_with(cgroup.path(), &[survivor])?;
    Ok(())
}

/// Two processes share one address space: both die, and the kernel's log names one.
pub(crate) fn another_process_shares_the_memory(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let mut first = Workload::within(&cgroup)?.start(&["clone-vm", "64"])?;
    let second = first.wait_for_id("sharer")?;
    first.forked(second);
    first.end_killed()?;
    let reported: Vec<u32> = stage
        .reports_of(&[first.pid(), second], 1)?
        .iter()
        .map(|report| report.killed.tid)
        .collect();
    let [chosen] = reported.as_slice() else {
        anyhow::bail!(
            "the kernel names {reported:?} of {} and {second}",
            first.pid()
        );
    };
    let other = if *chosen == second {
        first.pid()
    } else {
        second
    };
    stage.agreed_kill(*chosen, Rss::Exact)?;
    ensure!(cgroup.kills()? == 1, "the kernel counts the sharer too");
    ensure!(!cgroup.processes()?.contains(&other), "{other} lives on");
    if let Some(event) = stage.event(other)? {
        ensure!(
            event.text("incident.kill_kind") == Some("shared_mm"),
            "{}",
            event.value
        );
        ensure!(
            event.u64("victim.shares_memory_with_pid") == Some(u64::from(*chosen)),
            "{}",
            event.value
        );
        ensure!(
            event.at("victim.memory").is_none(),
            "the same memory twice: {}",
            event.value
        );
        let incident = stage
            .event(*chosen)?
            .and_then(|event| event.text("incident.id").map(str::to_owned));
        ensure!(
            event.text("incident.id").map(str::to_owned) == incident,
            "not one incident: {}",
            event.value
        );
    }
    stage.finish_with(cgroup.path(), &[*chosen, other])?;
    Ok(())
}

/// A process with children dies alone.
pub(crate) fn children_live_on(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(48)?;
    let mut victim = Workload::within(&cgroup)?
        .adj(500)
        .start(&["fork", "5", "64"])?;
    let children = (0..5)
        .map(|_| victim.wait_for_id("child"))
        .collect::<Result<Vec<_>>>()?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;

    let dump = kill.report.dump.context("no dump")?;
    ensure!(dump.tasks.len() == 6, "{:?}", dump.tasks);
    let mut alive = cgroup.processes()?;
    alive.retain(|pid| children.contains(pid));
    ensure!(alive.len() == 5, "of {children:?} only {alive:?} are left");
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// The file that a process runs is removed while it runs, as an upgrade does it.
pub(crate) fn program_is_deleted(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let folder = tempfile::tempdir().context("no folder for a program")?;
    let program = folder.path().join("upgraded");
    fs::copy(oomtrace_tests::process::program()?, &program).context("cannot copy the workload")?;
    let cgroup = stage.cgroup(48)?;
    let mut holder = Workload::within(&cgroup)?
        .program(&program)
        .adj(500)
        .start(&["hold", "20"])?;
    holder.wait_for("filled")?;
    fs::remove_file(&program).context("cannot remove the program")?;
    let seen = holder.look()?;
    ensure!(
        seen.deleted && seen.path == program.as_os_str().as_bytes(),
        "{seen:?}"
    );
    // As in `victim_is_not_trigger`.
    let mut trigger = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    let kill = stage.agreed_kill(holder.pid(), Rss::Exact)?;
    holder.end_killed()?;
    let mut killed = vec![holder.pid()];
    if !trigger.survived()? {
        killed.push(trigger.pid());
    }
    if let Some(event) = kill.event {
        ensure!(
            event.text("victim.exe").map(str::as_bytes) == Some(&seen.path)
                && event
                    .at("victim.exe_deleted")
                    .is_some_and(|flag| flag == true)
                || stage.excuses(&event, "victim.exe"),
            "{}",
            event.value
        );
    }
    stage.finish_with(cgroup.path(), &killed)?;
    Ok(())
}
