//! What can be wrong with a record.

use std::fmt;

use thiserror::Error;

/// Which record a [`DecodeError`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// [`oomtrace_common::record::RecordHeader`].
    Header,
    /// [`oomtrace_common::record::Kill`] of a victim.
    Kill,
    /// [`oomtrace_common::record::Kill`] of a process that shared a victim's address space.
    SharedKill,
    /// [`oomtrace_common::record::Kill`] without a victim.
    NoVictim,
    /// [`oomtrace_common::record::Candidate`].
    Candidate,
    /// [`oomtrace_common::record::Chain`].
    Chain,
    /// [`oomtrace_common::record::Level`] of a chain.
    Level,
    /// [`oomtrace_common::record::VictimContext`].
    VictimContext,
    /// [`oomtrace_common::record::VictimEnviron`].
    VictimEnviron,
    /// [`oomtrace_common::record::Outcome`].
    Outcome,
    /// [`oomtrace_common::record::NodeMemory`].
    NodeMemory,
    /// [`oomtrace_common::record::Zone`] of the node's memory.
    Zone,
    /// [`oomtrace_common::record::Exe`].
    Exe,
    /// [`oomtrace_common::record::SummedRss`].
    SummedRss,
    /// [`oomtrace_common::record::Reaping`].
    Reaping,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "record header",
            Self::Kill => "kill record",
            Self::SharedKill => "shared-memory kill record",
            Self::NoVictim => "record of an invocation without a victim",
            Self::Candidate => "candidate record",
            Self::Chain => "cgroup chain record",
            Self::Level => "level of a cgroup chain record",
            Self::VictimContext => "victim context record",
            Self::VictimEnviron => "victim environment record",
            Self::Outcome => "outcome record",
            Self::NodeMemory => "record of the node's memory",
            Self::Zone => "zone of a record of the node's memory",
            Self::Exe => "record of an executable",
            Self::SummedRss => "record of the summed RSS",
            Self::Reaping => "record of the reaper",
        })
    }
}

/// A record that cannot be read. The record is to be counted and skipped; those after it are whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There are fewer bytes than the structure (or a length inside the record) asks for.
    #[error("{kind} is cut short: it needs {need} bytes and has {have}; the record is skipped")]
    Truncated {
        /// What was being read.
        kind: Part,
        /// Bytes that it takes.
        need: usize,
        /// Bytes that there are.
        have: usize,
    },
    /// The kind is none that this oomtrace knows.
    #[error(
        "record kind {kind} is not known to this oomtrace; read it with the version that recorded \
         it, or a newer one"
    )]
    UnknownKind {
        /// `RecordHeader.kind`.
        kind: u16,
    },
    /// The layouts are of a version that this oomtrace does not know.
    #[error(
        "record layout version {version} is not known to this oomtrace (it knows 1 to {known}); \
         read it with the version that recorded it, or a newer one"
    )]
    UnknownVersion {
        /// `RecordHeader.version`.
        version: u16,
        /// The newest version that is known.
        known: u16,
    },
    /// A chain is none of those that are known.
    #[error("cgroup chain record has the unknown role {role}; the record is skipped")]
    UnknownRole {
        /// `Chain.role`.
        role: u16,
    },
    /// A step of the reaper is none of those that are known.
    #[error("record of the reaper has the unknown step {step}; the record is skipped")]
    UnknownStep {
        /// `Reaping.step`.
        step: u32,
    },
}
