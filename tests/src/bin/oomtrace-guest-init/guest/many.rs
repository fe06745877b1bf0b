//! More processes than the kernel usually has to choose among.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;

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
