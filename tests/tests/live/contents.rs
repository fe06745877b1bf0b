//! What filled the cgroup.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use rustix::mount::{MountFlags, UnmountFlags};

const MIB: u64 = 1 << 20;

pub(crate) struct Tmpfs {
    directory: tempfile::TempDir,
}

impl Tmpfs {
    pub(crate) fn mount() -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory")?;
        rustix::mount::mount(
            "oomtrace-test",
            directory.path(),
            "tmpfs",
            MountFlags::empty(),
            Some(c"size=128m"),
        )
        .context("cannot mount a tmpfs")?;
        Ok(Self { directory })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Else its memory would stay charged to a cgroup that is removed next.
        let _ = rustix::mount::unmount(self.directory.path(), UnmountFlags::DETACH);
    }
}

pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// A file on a tmpfs fills the cgroup: killing its writer frees nothing.
pub(crate) fn tmpfs(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    let mount = Tmpfs::mount()?;
    let file = mount.path().join("file");
    let mut victim = Workload::within(&cgroup)?.start(&["file", text(&file)?, "64"])?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;

    let dump = kill.report.dump.context("no dump")?;
    let shmem = dump
        .stats
        .get("total_shmem")
        .or_else(|| dump.stats.get("shmem"))
        .copied();
    ensure!(
        shmem.is_some_and(|bytes| bytes > 28 * MIB),
        "{:?}",
        dump.stats
    );
    ensure!(
        kill.report.killed.anon_rss_kib < 4 << 10,
        "{:?}",
        kill.report.killed
    );
    if let Some(event) = kill.event {
        let told = event.u64("limit.usage.shmem_bytes").context("no shmem")?;
        let report = shmem.context("no shmem")?;
        // It stays, so the delay of the reading takes nothing away.
        ensure!(
            told.abs_diff(report) <= MIB,
            "the kernel has {report} bytes of shmem, the event {told}"
        );
    }
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

/// Page cache fills the cgroup first and gives way: in the end it is anonymous memory.
pub(crate) fn page_cache(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(32)?;
    // Beside the binaries: on a disk, where /tmp may be a tmpfs.
    let program = oomtrace_tests::process::program()?;
    let directory = tempfile::tempdir_in(program.parent().context("no directory")?)?;
    let file = directory.path().join("file");
    let mut victim = Workload::within(&cgroup)?.start(&["page-cache", text(&file)?, "64", "64"])?;
    victim.wait_for("cached")?;
    ensure!(cgroup.kills()? == 0, "page cache alone must not kill");
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;

    let dump = kill.report.dump.context("no dump")?;
    ensure!(
        kill.report.killed.anon_rss_kib > 28 << 10,
        "{:?}",
        kill.report.killed
    );
    let peak_hits = dump.memory.context("no memory line")?;
    ensure!(peak_hits.usage_kib << 10 > 31 * MIB, "{peak_hits:?}");
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}
