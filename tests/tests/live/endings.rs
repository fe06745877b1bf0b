//! What becomes of a victim.

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;

/// A victim is held where it begins to exit: the kernel's reaper takes its memory, and after ten
/// seconds it is still there.
pub(crate) fn held_at_its_exit(stage: Stage) -> Result<()> {
    const SECONDS: &str = "12";
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(48)?;
    let mut parent = Workload::within(&cgroup)?.start(&["stuck", "96", SECONDS])?;
    let victim = parent.wait_for_id("stuck")?;
    parent.forked(victim);
    let kill = stage.agreed_kill(victim, Rss::Exact)?;
    parent.wait_for("held")?;
    std::thread::sleep(std::time::Duration::from_secs(11));
    ensure!(parent.survived()?, "the parent died");
    let reaped = stage.reaped()?;
    ensure!(
        reaped.iter().any(|line| line.tid == victim),
        "the reaper does not say that it has taken anything of {victim}: {reaped:?}"
    );
    let traced = stage.traced();
    let said = stage.finish_with(cgroup.path(), &[victim])?;
    if !traced {
        return Ok(());
    }
    let event = kill.event.context("no event")?;
    let ends: Vec<_> = said
        .events
        .iter()
        .filter(|end| {
            end.kind() == "oom_outcome"
                && end.u64("pid") == Some(u64::from(victim))
                && end.text("incident.id") == event.text("incident.id")
        })
        .collect();
    let [alive, exited] = ends.as_slice() else {
        anyhow::bail!("{} outcomes", ends.len());
    };
    ensure!(
        alive.text("state") == Some("still_alive")
            && alive.text("level") == Some("warn")
            && alive
                .u64("alive_after_us")
                .is_some_and(|us| (10_000_000..11_000_000).contains(&us)),
        "{}",
        alive.value
    );
    ensure!(
        exited.text("state") == Some("exited")
            && exited
                .u64("exit_latency_us")
                .is_some_and(|us| us >= 12_000_000),
        "{}",
        exited.value
    );
    let anon = event
        .u64("victim.memory.anon_bytes")
        .context("no anonymous memory")?;
    for end in [alive, exited] {
        // The reaper comes two seconds after the kill and takes anonymous memory, all of it.
        ensure!(
            end.text("reaper.state") == Some("finished")
                && end
                    .u64("reaper.started_after_us")
                    .is_some_and(|us| us >= 1_900_000)
                && end
                    .u64("reaper.freed_bytes")
                    .is_some_and(|bytes| bytes >= anon / 10 * 9)
                && end
                    .u64("reaper.left_anon_bytes")
                    .is_some_and(|bytes| bytes <= anon / 10)
                // What could be shared it leaves alone.
                && end.u64("reaper.left_shmem_bytes") >= Some(1 << 20),
            "{}",
            end.value
        );
    }
    Ok(())
}
