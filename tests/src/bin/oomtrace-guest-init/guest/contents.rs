//! What fills a cgroup that a host may not have: swap, and the kernel's own memory.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::{self, Workload};
use rustix::mount::{MountFlags, UnmountFlags};

const MIB: u64 = 1 << 20;

/// Swap that goes off again.
struct Swap;

impl Swap {
    const FILE: &str = "/disk/swap";

    fn on() -> Result<Self> {
        Self::call(&["swap-on", Self::FILE, "96"])?;
        Ok(Self)
    }

    fn call(arguments: &[&str]) -> Result<()> {
        let status = Command::new(process::program()?)
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .context("cannot start the workload")?;
        ensure!(status.success(), "{arguments:?} ended with {status}");
        Ok(())
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        // The next scene would find swap and say so.
        let _ = Self::call(&["swap-off", Self::FILE]);
    }
}

/// Most of what the process holds is swapped out, and then swap is full too.
pub(crate) fn swap(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let _swap = Swap::on()?;
    let cgroup = stage.cgroup(24)?;
    let more = 40 * MIB;
    if cgroup.version() == 1 {
        cgroup.write(
            "memory.memsw.limit_in_bytes",
            &(24 * MIB + more).to_string(),
        )?;
    } else {
        cgroup.write("memory.swap.max", &more.to_string())?;
    }
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "128"])?;
    // On the way to the limit, pages move between memory and swap.
    let kill = stage.agreed_kill(victim.pid(), Rss::Within(MIB))?;
    victim.end_killed()?;
    let row = kill.report.row().context("no row")?;
    let page = oomtrace_tests::host::page_size();
    ensure!(row.swapents * page > 16 * MIB, "{row:?}");
    if let Some(event) = kill.event {
        let told = event.u64("victim.memory.swap_bytes");
        ensure!(told.is_some_and(|bytes| bytes > 16 * MIB), "{told:?}");
    }
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// Empty files fill the cgroup: kernel memory that no table of tasks shows.
pub(crate) fn slab(stage: Stage) -> Result<()> {
    const PLACE: &str = "/many";
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(16)?;
    std::fs::create_dir_all(PLACE).context(PLACE)?;
    rustix::mount::mount(
        "many",
        PLACE,
        "tmpfs",
        MountFlags::empty(),
        Some(c"nr_inodes=0"),
    )
    .context("cannot mount a tmpfs")?;
    let mut victim = Workload::within(&cgroup)?.start(&["inodes", PLACE, "100000"])?;
    let mut ran = || -> Result<()> {
        let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
        victim.end_killed()?;
        ensure!(
            kill.report.killed.anon_rss_kib < 4 << 10,
            "{:?}",
            kill.report.killed
        );
        if let Some(event) = kill.event {
            let part = |name: &str| {
                event
                    .u64(&format!("limit.usage.{name}"))
                    .unwrap_or_default()
            };
            let kernel = part("slab_bytes") + part("other_kernel_bytes");
            ensure!(
                kernel > 8 * MIB || stage.excuses(&event, "limit.usage"),
                "{}",
                event.value
            );
        }
        Ok(())
    };
    let outcome = ran();
    rustix::mount::unmount(Path::new(PLACE), UnmountFlags::DETACH).context(PLACE)?;
    outcome?;
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// The cgroup is removed as soon as its last process has gone.
pub(crate) fn removed_at_once(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let parent: Cgroup = stage.cgroup(64)?;
    let cgroup = parent.child("short-lived")?;
    cgroup.limit_mib(24)?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "64"])?;
    victim.end_killed()?;
    let path = cgroup.path().to_vec();
    drop(cgroup);
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    if let Some(event) = kill.event {
        ensure!(
            event.bytes("victim.cgroup_path").as_deref() == Some(&path)
                || stage.excuses(&event, "victim.cgroup_path"),
            "{}",
            event.value
        );
    }
    stage.finish_with(parent.path(), &[victim.pid()])?;
    Ok(())
}
