//! The whole machine is out of memory, or is told so.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::{Running, Workload};
use oomtrace_tests::{Stage, counters};

use super::cmdline::count;

/// More than any guest has.
const EVERYTHING_MIB: &str = "4096";

/// This process must outlive what it causes; what it starts must not inherit that.
pub(super) fn protect() -> Result<()> {
    fs::write("/proc/self/oom_score_adj", "-1000").context("oom_score_adj")
}

/// Waits for the end of one that fills the machine: emulated, that takes its time.
pub(super) fn await_kill(victim: &mut Running) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(100);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match victim.end_killed() {
            Err(_) if victim.is_running()? && Instant::now() < deadline => {}
            ended => return ended,
        }
    }
}

/// One process fills the machine.
pub(crate) fn out_of_memory(stage: Stage) -> Result<()> {
    protect()?;
    stage.await_reports(1)?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    let before = counters::host_kills()?;
    let mut victim = Workload::within(&cgroup)?
        .adj(0)
        .start(&["anon", EVERYTHING_MIB])?;
    await_kill(&mut victim)?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    let summary = kill
        .report
        .dump
        .and_then(|dump| dump.summary)
        .context("no summary")?;
    ensure!(summary.oom_memcg.is_none(), "{summary:?}");
    ensure!(
        counters::host_kills()? == before + 1,
        "a second process died of it"
    );
    if let Some(event) = kill.event {
        ensure!(event.at("limit").is_none(), "{}", event.value);
    }
    stage.finish_with(b"/", &[victim.pid()])?;
    Ok(())
}

/// The OOM killer is called by hand: no allocation, order -1.
pub(crate) fn sysrq(stage: Stage) -> Result<()> {
    protect()?;
    stage.await_reports(1)?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    let mut victim = Workload::within(&cgroup)?.adj(900).start(&["hold", "48"])?;
    victim.wait_for("filled")?;
    fs::write("/proc/sysrq-trigger", "f").context("/proc/sysrq-trigger")?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;
    let dump = kill.report.dump.context("no dump")?;
    ensure!(dump.invoked.order == -1, "{:?}", dump.invoked);
    stage.finish_with(b"/", &[victim.pid()])?;
    Ok(())
}

/// `vm.oom_kill_allocating_task`: who asks dies, whatever the others hold.
pub(crate) fn allocating_task(stage: Stage) -> Result<()> {
    const SWITCH: &str = "/proc/sys/vm/oom_kill_allocating_task";
    protect()?;
    stage.await_reports(1)?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    let mut holder = Workload::within(&cgroup)?.adj(500).start(&["hold", "64"])?;
    holder.wait_for("filled")?;
    fs::write(SWITCH, "1").context(SWITCH)?;
    let ran = || -> Result<()> {
        let mut victim = Workload::within(&cgroup)?
            .adj(0)
            .start(&["anon", EVERYTHING_MIB])?;
        await_kill(&mut victim)?;
        let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
        let dump = kill.report.dump.context("no dump")?;
        ensure!(dump.trigger_tid == Some(victim.pid()), "{dump:?}");
        ensure!(
            cgroup.processes()?.contains(&holder.pid()),
            "the other process died"
        );
        Ok(())
    };
    let outcome = ran();
    fs::write(SWITCH, "0").context(SWITCH)?;
    outcome?;
    holder.kill()?;
    stage.finish()?;
    Ok(())
}

/// The machine runs out of memory again and again; each time one process dies of it and is told of.
pub(crate) fn again_and_again(stage: Stage) -> Result<()> {
    const TIMES: usize = 50;
    protect()?;
    let cgroup = oomtrace_tests::cgroup::Cgroup::top()?;
    // Most of the memory is taken once, by a process that cannot be chosen. A victim must hold more
    // than exit_mmap() gathers before it gives any of it back (`MAX_GATHER_BATCH_COUNT`, 10,000 pages):
    // for as long as that is all, the victim counts as gone, its memory is not there yet, and who asks
    // for a page then finds nobody left to kill.
    let victim_mib = (20_000 * oomtrace_tests::host::page_size()) >> 20;
    let most = available_mib()?
        .saturating_sub(victim_mib)
        .max(1)
        .to_string();
    let holder = Workload::within(&cgroup)?
        .adj(-1000)
        .start(&["hold", &most])?;
    // It takes longer than what others wait for.
    let filled = (0..6).any(|_| holder.wait_for("filled").is_ok());
    ensure!(filled, "the memory is not filled");
    let before = counters::host_kills()?;
    let mut tids = Vec::new();
    for _ in 0..TIMES {
        let mut victim = Workload::within(&cgroup)?
            .adj(0)
            .start(&["anon", EVERYTHING_MIB])?;
        await_kill(&mut victim)?;
        tids.push(victim.pid());
    }
    let times = u64::try_from(TIMES)?;
    ensure!(
        counters::host_kills()? == before + times,
        "{} kills for {TIMES} victims",
        counters::host_kills()? - before
    );
    for tid in &tids {
        stage.event(*tid)?;
    }
    let said = stage.finish_with(b"/", &tids)?;
    count(&said, "the whole machine", &tids, "anon")
}

fn available_mib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .context("/proc/meminfo has no MemAvailable")?;
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .context("MemAvailable")?;
    Ok(kib >> 10)
}
