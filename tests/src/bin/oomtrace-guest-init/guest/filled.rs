//! The whole machine is out of memory, and what fills it is not a process.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, counters};
use rustix::mount::{MountFlags, UnmountFlags};

use super::global::{await_kill, protect};

/// More than any guest has.
const EVERYTHING_MIB: &str = "4096";

/// What the victim holds itself, so that its end leaves room for the others before its sockets are
/// closed: more than `exit_mmap()` gathers before it gives any of it back.
const OWN_MIB: &str = "96";

/// The same where that is in a zone of which much is to stay free.
const OWN_MOVABLE_MIB: &str = "80";

/// Processes that may be killed too, where the victim's sockets are not closed yet and somebody else
/// needs memory: with nobody left to kill, the kernel panics.
const BYSTANDERS: usize = 4;

/// What an event must say of a whole node.
struct Expected {
    /// The code of the finding that explains most.
    code: &'static str,
    /// What the message calls it.
    message: &'static str,
    /// The figure of `node_memory` and the least that it must be, in MiB.
    figure: Option<(&'static str, u64)>,
}

/// Sockets that one process opens: their memory is the kernel's own.
pub(crate) fn slab(stage: Stage) -> Result<()> {
    by_sockets(
        stage,
        OWN_MIB,
        &Expected {
            code: "kernel_memory",
            message: "kernel objects (slab)",
            figure: Some(("slab_bytes", 192)),
        },
    )
}

/// Huge pages are reserved that nobody uses.
pub(crate) fn hugepages(stage: Stage) -> Result<()> {
    const RESERVED: &str = "/proc/sys/vm/nr_hugepages";
    fs::write(RESERVED, "128").context(RESERVED)?;
    let reserved: u64 = fs::read_to_string(RESERVED)
        .context(RESERVED)?
        .trim()
        .parse()
        .context(RESERVED)?;
    let played = if reserved < 96 {
        Err(anyhow::anyhow!("only {reserved} huge pages could be had"))
    } else {
        killed(
            stage,
            &["anon", EVERYTHING_MIB],
            &Expected {
                code: "hugetlb_filled",
                message: "reserved for huge pages",
                figure: Some(("hugepages_bytes", 2 * reserved)),
            },
        )
    };
    fs::write(RESERVED, "0").context(RESERVED)?;
    played
}

/// Files of a tmpfs, whose writer has ended long before.
pub(crate) fn tmpfs(stage: Stage) -> Result<()> {
    const PLACE: &str = "/files";
    const FILES_MIB: u64 = 220;
    fs::create_dir_all(PLACE).context(PLACE)?;
    rustix::mount::mount(
        "files",
        PLACE,
        "tmpfs",
        MountFlags::empty(),
        Some(c"size=80%"),
    )
    .context("cannot mount a tmpfs")?;
    let file = format!("{PLACE}/file");
    let write = || -> Result<()> {
        let mut writer = Workload::outside()?.start(&["file", &file, &FILES_MIB.to_string()])?;
        let ended = writer.end()?;
        ensure!(ended.success(), "the writer ended with {ended}");
        Ok(())
    };
    let played = write().and_then(|()| {
        killed(
            stage,
            &["anon", EVERYTHING_MIB],
            &Expected {
                code: "shmem_filled",
                message: "shared memory or files on tmpfs",
                figure: Some(("shmem_bytes", FILES_MIB)),
            },
        )
    });
    rustix::mount::unmount(Path::new(PLACE), UnmountFlags::DETACH).context(PLACE)?;
    played
}

/// Kernel objects cannot move, and what is free is in a zone for what can.
pub(crate) fn zone(stage: Stage) -> Result<()> {
    by_sockets(
        stage,
        OWN_MOVABLE_MIB,
        &Expected {
            code: "free_elsewhere",
            message: "free in other zones",
            figure: None,
        },
    )
}

/// Kernel objects cannot move, and what is free is lent only to what can.
pub(crate) fn cma(stage: Stage) -> Result<()> {
    by_sockets(
        stage,
        OWN_MOVABLE_MIB,
        &Expected {
            code: "cma_unusable",
            message: "(CMA)",
            figure: None,
        },
    )
}

/// One process opens sockets, as many as there is memory for.
fn by_sockets(stage: Stage, own_mib: &str, expected: &Expected) -> Result<()> {
    const FILES: &str = "/proc/sys/fs/file-max";
    let before = fs::read_to_string(FILES).context(FILES)?;
    fs::write(FILES, "100000000").context(FILES)?;
    let played = killed(stage, &["sockets", own_mib], expected);
    fs::write(FILES, before).context(FILES)?;
    played
}

/// A process asks until it is killed; the event is held against the kernel's report and says what
/// filled the node.
fn killed(stage: Stage, workload: &[&str], expected: &Expected) -> Result<()> {
    protect()?;
    stage.await_reports(1)?;
    let before = counters::host_kills()?;
    let cgroup = Cgroup::top()?;
    let bystanders = (0..BYSTANDERS).map(|_| {
        let bystander = Workload::within(&cgroup)?.adj(100).start(&["hold", "1"])?;
        bystander.wait_for("filled")?;
        Ok(bystander)
    });
    let mut bystanders = bystanders.collect::<Result<Vec<_>>>()?;
    let mut victim = Workload::within(&cgroup)?.adj(500).start(workload)?;
    await_kill(&mut victim)?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    let mut killed = vec![victim.pid()];
    for bystander in &mut bystanders {
        if !bystander.is_running()? {
            killed.push(bystander.pid());
        }
    }
    let kills = counters::host_kills()? - before;
    ensure!(kills == killed.len() as u64, "{kills} kills, of {killed:?}");
    if let Some(event) = &kill.event {
        let findings = event.list("findings");
        let codes: Vec<_> = findings
            .iter()
            .filter_map(|finding| finding.get("code")?.as_str())
            .collect();
        ensure!(codes.contains(&expected.code), "{codes:?}: {}", event.value);
        let message = event.text("message").context("no message")?;
        ensure!(message.contains(expected.message), "{message}");
        if let Some((figure, least_mib)) = expected.figure {
            let bytes = event.u64(&format!("node_memory.{figure}"));
            ensure!(
                bytes.is_some_and(|bytes| bytes >= least_mib << 20),
                "{figure}: {bytes:?}"
            );
        }
    }
    stage.finish_with(b"/", &killed)?;
    Ok(())
}
