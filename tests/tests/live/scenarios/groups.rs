//! Whose limit it was, and why this process.

use anyhow::Result;
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::stage::Kill;

use super::{Scenario, kill_in, scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "leaking sibling",
        "parent_limit",
        &["anon_filled"],
        &["1 level above it"],
        |stage| {
            let pod = stage.cgroup(48)?;
            let (quiet, leaking) = (pod.child("quiet")?, pod.child("leaking")?);
            let held = Workload::within(&quiet)?.start(&["hold", "8"])?;
            held.wait_for("filled")?;
            let _running = Workload::within(&leaking)?.start(&["anon", "64"])?;
            kill_in(stage, &leaking, Rss::Exact)
        },
    ),
    scenario(
        "pod below its containers",
        "parent_limit",
        &["children_above_limit"],
        &["add up to 80 MiB"],
        |stage| {
            let pod = stage.cgroup(48)?;
            let (one, two) = (limited(&pod, "one", 40)?, limited(&pod, "two", 40)?);
            let held = Workload::within(&one)?.start(&["hold", "20"])?;
            held.wait_for("filled")?;
            let _running = Workload::within(&two)?.start(&["anon", "36"])?;
            kill_in(stage, &two, Rss::Exact)
        },
    ),
    scenario(
        "container below its pod",
        "anon_filled",
        &["limit_reached"],
        &[],
        |stage| {
            let pod = stage.cgroup(64)?;
            let one = limited(&pod, "one", 24)?;
            let _running = Workload::within(&one)?.start(&["anon", "36"])?;
            kill_in(stage, &one, Rss::Exact)
        },
    ),
    scenario(
        "innocent sidecar",
        "larger_process_survived",
        &["score_adjusted", "victim_chosen"],
        &["oom_score_adj of 1000"],
        sidecar,
    )
    .without("candidates", "anon_filled_by_many"),
    scenario(
        "trigger is another",
        "anon_filled",
        &["trigger_is_not_victim"],
        &["asked for the memory"],
        |stage| {
            let cgroup = stage.cgroup(48)?;
            let large = Workload::within(&cgroup)?.start(&["hold", "32"])?;
            large.wait_for("filled")?;
            let _small = Workload::within(&cgroup)?.start(&["anon", "24"])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    ),
    scenario(
        "again in the same place",
        "anon_filled",
        &["repeated_kill"],
        &["2 times in"],
        |stage| {
            let cgroup = stage.cgroup(24)?;
            let mut first = Workload::within(&cgroup)?.start(&["anon", "64"])?;
            stage.agreed_kill(first.pid(), Rss::Exact)?;
            first.end_killed()?;
            let mut second = Workload::within(&cgroup)?.start(&["anon", "64"])?;
            let kill = stage.agreed_kill(second.pid(), Rss::Exact)?;
            second.end_killed()?;
            Ok(kill)
        },
    ),
];

fn limited(parent: &Cgroup, name: &str, mib: u64) -> Result<Cgroup> {
    let child = parent.child(name)?;
    child.limit_mib(mib)?;
    Ok(child)
}

/// It holds next to nothing and is killed for its `oom_score_adj`.
fn sidecar(stage: &Stage) -> Result<Kill> {
    let cgroup = stage.cgroup(48)?;
    let small = Workload::within(&cgroup)?.adj(1000).start(&["hold", "4"])?;
    small.wait_for("filled")?;
    let _leak = Workload::within(&cgroup)?.start(&["anon", "64"])?;
    stage.agreed_kill(small.pid(), Rss::Exact)
}
