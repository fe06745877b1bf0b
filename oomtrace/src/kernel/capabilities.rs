//! The capabilities of this process.

use rustix::thread::{CapabilitySet, CapabilitySets};

/// The effective capabilities that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `CAP_BPF`: may load maps and programs.
    pub bpf: bool,
    /// `CAP_PERFMON`: may attach to tracepoints and read kernel memory.
    pub perfmon: bool,
    /// `CAP_SYS_ADMIN`: includes both.
    pub sys_admin: bool,
}

impl Capabilities {
    /// Reads those of the calling thread.
    ///
    /// # Errors
    ///
    /// `capget(2)` failed.
    pub fn read() -> std::io::Result<Self> {
        let CapabilitySets { effective, .. } = rustix::thread::capabilities(None)?;
        Ok(Self {
            bpf: effective.contains(CapabilitySet::BPF),
            perfmon: effective.contains(CapabilitySet::PERFMON),
            sys_admin: effective.contains(CapabilitySet::SYS_ADMIN),
        })
    }

    /// Those that are needed and not there.
    #[must_use]
    pub fn missing(self) -> Vec<&'static str> {
        if self.sys_admin {
            return Vec::new();
        }
        let mut missing = Vec::new();
        if !self.bpf {
            missing.push("CAP_BPF");
        }
        if !self.perfmon {
            missing.push("CAP_PERFMON");
        }
        missing
    }
}
