//! More processes than the kernel usually has to choose among, and fewer process ids.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, counters};

use super::global::await_kill;

/// Processes beside the victim.
const TASKS: usize = 5000;

/// One process of thousands dies; every one of them was looked at, and none is lost.
pub(crate) fn many_tasks(stage: Stage) -> Result<()> {
    // A machine with little memory is given fewer by the kernel.
    fs::write("/proc/sys/kernel/threads-max", "20000").context("threads-max")?;
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(320)?;
    // Each of them would be killed with the one whose memory it shares; so these are never chosen.
    let crowd = Workload::within(&cgroup)?
        .adj(-900)
        .start(&["crowd", &TASKS.to_string()])?;
    crowd.wait_for("crowd")?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "320"])?;
    await_kill(&mut victim)?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    let rows = kill.report.dump.map_or(0, |dump| dump.tasks.len());
    ensure!(rows > TASKS, "the kernel looked at {rows} tasks");
    if let Some(event) = kill.event {
        ensure!(
            event.u64("candidates_total") == Some(rows as u64)
                && !event.list("candidates").is_empty()
                && !event.says_missing("candidates")
                || stage.excuses(&event, "candidates"),
            "{}",
            event.value
        );
    }
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// Process ids are used again within a second, while processes are killed at several places at once:
/// each kill has its own event, command line and end.
pub(crate) fn few_pids(stage: Stage) -> Result<()> {
    const PID_MAX: &str = "/proc/sys/kernel/pid_max";
    const CGROUPS: usize = 3;
    const KILLS: usize = 70;
    let top = stage.cgroup(128)?;
    let cgroups = top.children(CGROUPS, 3)?;
    let before = fs::read_to_string(PID_MAX).context(PID_MAX)?;
    let counted = counters::host_kills()?;
    fs::write(PID_MAX, "330").context(PID_MAX)?;
    let killed = cgroup::in_each(&cgroups, |cgroup: &Cgroup| {
        (0..KILLS)
            .map(|number| {
                let mark = format!("{}-{number}", String::from_utf8_lossy(cgroup.path()));
                let mut victim = Workload::within(cgroup)?.start(&["anon", "32", &mark])?;
                victim.end_killed()?;
                Ok((victim.pid(), mark))
            })
            .collect()
    });
    fs::write(PID_MAX, before).context(PID_MAX)?;
    let killed = killed?;
    let tids: Vec<u32> = killed.iter().map(|(pid, _)| *pid).collect();
    let used: BTreeSet<u32> = tids.iter().copied().collect();
    ensure!(used.len() < tids.len(), "no process id was used again");
    let counted = counters::host_kills()? - counted;
    let said = stage.finish_with(top.path(), &tids)?;
    said.all_ended()?;
    ensure!(
        u64::try_from(said.killed_in(top.path()).len())? == counted,
        "the kernel counts {counted}"
    );
    for event in said.killed_in(top.path()) {
        let line = event.list("victim.cmdline");
        let Some(mark) = line.get(3).and_then(|word| word.as_str()) else {
            ensure!(event.says_missing("victim.cmdline"), "{}", event.value);
            continue;
        };
        let path = event.bytes("victim.cgroup_path").unwrap_or_default();
        let pid = event.u64("victim.pid");
        ensure!(
            mark.as_bytes().starts_with(&path)
                && killed
                    .iter()
                    .any(|(its, its_mark)| its_mark == mark && Some(u64::from(*its)) == pid),
            "the command line is another victim's: {}",
            event.value
        );
    }
    Ok(())
}
