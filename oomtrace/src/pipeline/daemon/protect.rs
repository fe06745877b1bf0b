//! What the daemon gives up once it is set up, and what it has to keep for what it does later.

use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::OFlags;
use rustix::thread::CapabilitySet;

use crate::config::{Config, Kind};
use crate::pipeline::follow::Source;
use crate::process;
use crate::process::privileges::{
    InForce, Need, Protections, confine_writes, directories_of, give_up,
};

/// Gives up what is not needed any more. Before any other thread is started: they inherit it.
pub(super) fn protect(config: &Config, source: &dyn Source) -> InForce {
    let wanted = Protections {
        drop_capabilities: config.privileges.drop_capabilities,
        seccomp: config.privileges.seccomp,
        landlock: config.privileges.landlock,
    };
    let reads_clock = process::boot_ahead_ns().is_ok();
    let can_write = || writes(config).iter().all(|path| is_writable(path));
    let can_write_now = can_write();
    let in_force = give_up(
        wanted,
        &[
            // Before Linux 5.19 reading a map takes a capability, and before 5.8 that one.
            Need {
                any_of: &[CapabilitySet::BPF, CapabilitySet::SYS_ADMIN],
                works: &|| source.can_read_counters(),
            },
            // The clock of the kernel's log, where kernel.perf_event_paranoid asks for it.
            Need {
                any_of: &[CapabilitySet::PERFMON, CapabilitySet::SYS_ADMIN],
                works: &|| !reads_clock || process::boot_ahead_ns().is_ok(),
            },
            // Files of another user.
            Need {
                any_of: &[CapabilitySet::DAC_OVERRIDE],
                works: &|| !can_write_now || can_write(),
            },
        ],
    );
    for failure in &in_force.failures {
        log::warn!("{failure}");
    }
    log::info!("in force: {in_force}");
    in_force
}

/// Runs `start` on a thread that may write below `directories` only, so that the threads that it starts
/// inherit that; as it is where `is_confined` is not set.
pub(super) fn confined<T: Send>(
    is_confined: bool,
    directories: &[PathBuf],
    start: impl FnOnce() -> T + Send,
) -> T {
    if !is_confined {
        return start();
    }
    let inside = || {
        if let Err(error) = confine_writes(directories) {
            log::warn!("cannot confine writes by Landlock: {error}");
        }
        start()
    };
    thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// The directories below which a sink writes, besides the store's.
pub(super) fn directories(kind: &Kind) -> Vec<PathBuf> {
    match kind {
        Kind::File { path, .. } => directories_of(path),
        _ => Vec::new(),
    }
}

/// Files and directories that are written later.
fn writes(config: &Config) -> Vec<PathBuf> {
    let mut paths = vec![config.store.path.clone()];
    let files = config.sinks.iter().filter_map(|sink| match &sink.kind {
        Kind::File { path, .. } => Some(path),
        _ => None,
    });
    for file in files.chain(&config.metrics.textfile) {
        paths.push(file.clone());
        paths.extend(directories_of(file));
    }
    paths
}

/// False if it may not be written; what is not there, or cannot be tried, is not refused.
fn is_writable(path: &Path) -> bool {
    let tried = if path.is_dir() {
        let unnamed = OFlags::TMPFILE.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(unnamed).open(path)
    } else if path.is_file() {
        OpenOptions::new().append(true).open(path)
    } else {
        Err(io::Error::from(ErrorKind::NotFound))
    };
    !tried.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
