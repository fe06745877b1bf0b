//! The daemon's configuration: TOML text to settings, and back.
//!
//! Pure: reading the file, the environment and the names of hosts is the caller's. Every mistake is
//! named with its line and its key; nothing that is written is ignored.

mod amount;
mod parse;
mod print;
mod sink;
mod table;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use parse::parse;
pub use print::print;
pub use sink::{Address, Kind, Sink};

/// What the daemon is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How kills are seen.
    pub capture: Capture,
    /// Where events are kept.
    pub store: Store,
    /// Where figures are offered.
    pub metrics: Metrics,
    /// What the daemon gives up once it is set up.
    pub privileges: Privileges,
    /// Where events are delivered.
    pub sinks: Vec<Sink>,
}

/// `[capture]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// By which means kills are seen.
    pub source: Source,
    /// Begin with the kills that the kernel log holds and the store does not.
    pub backfill: bool,
    /// Name of this host in the events; the kernel's if absent.
    pub hostname: Option<String>,
    /// Keep the arguments of command lines, not only the program.
    pub cmdline: bool,
    /// Patterns to mask in command lines besides the known secrets.
    pub redact: Vec<String>,
    /// Put hooks on tracepoints only.
    pub tracepoints_only: bool,
    /// Where engines keep the names of containers.
    pub names: Names,
}

/// Where engines keep the names of containers; the usual places where empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Docker's data directories.
    pub docker_roots: Vec<PathBuf>,
    /// The socket of Docker's daemon.
    pub docker_socket: Option<PathBuf>,
    /// containerd's state directories.
    pub containerd_states: Vec<PathBuf>,
    /// Storage of Podman and CRI-O.
    pub storage_roots: Vec<PathBuf>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            source: Source::Auto,
            backfill: true,
            hostname: None,
            cmdline: true,
            redact: Vec::new(),
            tracepoints_only: false,
            names: Names::default(),
        }
    }
}

/// By which means kills are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The BPF probe; without it, end.
    Bpf,
    /// The kernel log.
    Klog,
    /// The probe where it can be loaded, else the kernel log.
    #[default]
    Auto,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its directory.
    pub path: PathBuf,
    /// Bytes on disk; the oldest events are removed beyond.
    pub max_bytes: u64,
    /// Events that are older are removed.
    pub max_age: Duration,
    /// Force each event to the disk before it is delivered.
    pub sync: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/oomtrace"),
            max_bytes: 256 * 1024 * 1024,
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
            sync: true,
        }
    }
}

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Address to listen on for Prometheus; no listener if absent.
    pub listen: Option<SocketAddr>,
    /// File to write for node_exporter's textfile collector.
    pub textfile: Option<PathBuf>,
    /// Most owners with a time series of their own; the rest are `other`.
    pub owners_max: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            listen: None,
            textfile: None,
            owners_max: 200,
        }
    }
}

/// `[privileges]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    /// Drop the capabilities that are no longer needed.
    pub drop_capabilities: bool,
    /// Filter system calls.
    pub seccomp: bool,
    /// Confine the writes of the delivering threads by Landlock, where the kernel has it.
    pub landlock: bool,
}

impl Default for Privileges {
    fn default() -> Self {
        Self {
            drop_capabilities: true,
            seccomp: true,
            landlock: true,
        }
    }
}
