//! A node of the machine is out of memory, for those who may use no other one.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;

use super::global::{await_kill, protect};
use crate::boot::CPUSET_V1;

/// The node that is used up; the kernel itself mostly lives on the other one.
const NODE: &str = "1";

/// `cpuset.mems` names one node.
pub(crate) fn cpuset(stage: Stage) -> Result<()> {
    protect()?;
    stage.await_reports(1)?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    let mut workload = Workload::within(&cgroup)?;
    if cgroup.version() == 1 {
        // There the controller has a hierarchy of its own.
        let directory = Path::new(CPUSET_V1).join("one-node");
        fs::create_dir(&directory).context("a cpuset")?;
        for (file, text) in [("cpuset.cpus", "0-1"), ("cpuset.mems", NODE)] {
            fs::write(directory.join(file), text).context(file)?;
        }
        workload = workload.also_within(&directory);
    } else {
        fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset")
            .context("cgroup.subtree_control")?;
        cgroup.write("cpuset.mems", NODE)?;
    }
    let victim = workload.adj(0).start(&["anon", "4096"])?;
    constrained(stage, victim, "CONSTRAINT_CPUSET")
}

/// The process bound itself to one node.
pub(crate) fn mempolicy(stage: Stage) -> Result<()> {
    protect()?;
    stage.await_reports(1)?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    let victim = Workload::within(&cgroup)?
        .adj(0)
        .start(&["on-node", NODE, "4096"])?;
    constrained(stage, victim, "CONSTRAINT_MEMORY_POLICY")
}

fn constrained(
    stage: Stage,
    mut victim: oomtrace_tests::process::Running,
    constraint: &str,
) -> Result<()> {
    await_kill(&mut victim)?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    let summary = kill
        .report
        .dump
        .and_then(|dump| dump.summary)
        .context("no summary")?;
    ensure!(
        summary.constraint == constraint && summary.oom_memcg.is_none(),
        "{summary:?}"
    );
    stage.finish_with(b"/", &[victim.pid()])?;
    Ok(())
}
