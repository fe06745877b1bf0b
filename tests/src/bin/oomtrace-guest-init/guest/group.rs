//! Cgroups whose processes die together, or not at all.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, counters};

/// `memory.oom.group`: three processes die for one; the fourth is protected.
pub(crate) fn whole_group(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(48)?;
    cgroup.write("memory.oom.group", "1")?;
    let mut protected = Workload::within(&cgroup)?
        .adj(-1000)
        .start(&["hold", "1"])?;
    let mut members = [
        Workload::within(&cgroup)?.start(&["hold", "4"])?,
        Workload::within(&cgroup)?.start(&["hold", "6"])?,
    ];
    protected.wait_for("filled")?;
    for member in &members {
        member.wait_for("filled")?;
    }
    let mut chosen = Workload::within(&cgroup)?.start(&["anon", "64"])?;
    let kill = stage.agreed_kill(chosen.pid(), Rss::Exact)?;
    chosen.end_killed()?;
    for member in &mut members {
        member.end_killed()?;
    }
    ensure!(
        cgroup.processes()? == [protected.pid()],
        "the protected process is gone"
    );
    let mut tids = vec![chosen.pid()];
    tids.extend(members.iter().map(|member| member.pid()));
    // The kernel prints the chosen one twice, and counts it twice.
    let reports = stage.reports_of(&tids, 4)?;
    let printed: BTreeSet<u32> = reports.iter().map(|report| report.killed.tid).collect();
    ensure!(
        printed == tids.iter().copied().collect(),
        "the kernel's log has {printed:?}"
    );
    ensure!(
        cgroup.kills()? == 4,
        "the kernel counts {}",
        cgroup.kills()?
    );
    if let Some(event) = kill.event {
        let incident = event.text("incident.id").context("no incident")?.to_owned();
        for member in &members {
            let event = stage.event(member.pid())?.context("no event")?;
            ensure!(
                event.text("incident.kill_kind") == Some("group")
                    && event.text("incident.id") == Some(&incident)
                    && event.bytes("incident.group_cgroup_path").as_deref() == Some(cgroup.path()),
                "{}",
                event.value
            );
        }
    }
    stage.finish_with(cgroup.path(), &tids)?;
    protected.kill()
}

/// Everyone in the cgroup is protected: the charge fails or waits, and nobody dies.
pub(crate) fn nobody_may_be_killed(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let before = counters::host_kills()?;
    let mut protected = Workload::within(&cgroup)?
        .adj(-1000)
        .start(&["anon", "64"])?;
    // Version 2 counts how often it was out of memory; version 1 has no such counter.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let hits = |file: &str, key: &str| -> Result<u64> {
        counters::value(&cgroup.read(file)?, key).with_context(|| format!("{file} has no {key}"))
    };
    let out_of_memory = || -> Result<bool> {
        if cgroup.version() == 1 {
            // Where memory with swap is counted, that limit is hit before the other one.
            let hit = |file: &str| cgroup.read(file).is_ok_and(|text| text.trim() != "0");
            return Ok(hit("memory.failcnt") || hit("memory.memsw.failcnt"));
        }
        Ok(hits("memory.events", "oom")? > 0)
    };
    while !out_of_memory()? {
        ensure!(std::time::Instant::now() < deadline, "the limit is not hit");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stage.agreed_no_victim(cgroup.path())?;
    cgroup.limit_mib(128)?;
    ensure!(protected.survived()?, "the protected process was killed");
    ensure!(
        cgroup.kills()? == 0 && counters::host_kills()? == before,
        "the kernel has killed"
    );
    ensure!(
        stage.reports()?.is_empty(),
        "the kernel's log tells of a kill"
    );
    let printed = stage.without_victim(cgroup.path())?;
    let said = stage.finish_with(cgroup.path(), &[])?;
    let mut told = 0;
    for event in said.events {
        ensure!(
            event.kind() == "oom_no_victim"
                && event.bytes("limit.cgroup_path").as_deref() == Some(cgroup.path())
                && event.u64("trigger.pid") == Some(u64::from(protected.pid())),
            "{}",
            event.value
        );
        told += 1 + event.u64("repeats_total").context("no repeats_total")?;
    }
    // Those since the last event are not told of.
    ensure!(
        told <= printed,
        "{told} invocations are told of, the kernel prints {printed}"
    );
    Ok(())
}
