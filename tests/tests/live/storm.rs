//! As many kills as the machine makes.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::process::Workload;

const CGROUPS: usize = 20;
const KILLS: usize = 15;

fn kill_in(cgroup: &Cgroup) -> Result<Vec<u32>> {
    (0..KILLS)
        .map(|_| {
            let mut victim = Workload::within(cgroup)?.start(&["anon", "32"])?;
            victim.end_killed()?;
            Ok(victim.pid())
        })
        .collect()
}

/// The kernel stops printing reports; the events go on.
pub(crate) fn storm(stage: Stage) -> Result<()> {
    let top = stage.cgroup(256)?;
    let cgroups = top.children(CGROUPS, 8)?;
    let tids = cgroup::in_each(&cgroups, kill_in)?;
    ensure!(tids.len() == CGROUPS * KILLS);
    for cgroup in &cgroups {
        ensure!(
            cgroup.kills()? == u64::try_from(KILLS)?,
            "the kernel counts {}",
            cgroup.kills()?
        );
    }
    let reports = stage.reports_of(&tids, u64::try_from(tids.len())?)?;
    ensure!(
        reports.len() == tids.len(),
        "{} kill lines for {} kills",
        reports.len(),
        tids.len()
    );
    let suppressed = reports
        .iter()
        .filter(|report| report.dump.is_none())
        .count();
    ensure!(suppressed > 0, "no storm: the kernel suppressed nothing");
    let first = reports.first().context("no report")?.at_us;
    let last = reports.last().context("no report")?.at_us;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "storm: {} kills in {} ms; the kernel suppressed {suppressed} of their reports",
        tids.len(),
        (last - first) / 1000
    )?;
    for tid in &tids {
        stage.event(*tid)?;
    }
    stage.finish_with(top.path(), &tids)?.all_ended()
}
