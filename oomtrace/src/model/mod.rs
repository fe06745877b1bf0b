//! Meaning: the events that oomtrace speaks of, in one schema for live capture and kernel logs.
//!
//! The structures here are the JSON schema: field names, order and absence are what a consumer
//! sees (`docs/output.md`). A field that is `None` is not written; [`Missing`] says why. Every
//! number carries its unit in its name and stays below 2^53. Text fields hold UTF-8; where bytes
//! had to be replaced, the `_hex` field beside them holds the original.

mod build;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
mod header;
mod host;
pub mod id;
mod identity;
mod incident;
mod limit;
mod mask;
mod memory;
mod node;
mod other;
mod reason;
mod report;
mod runtime;
mod text;
mod units;

pub use event::{Event, OomKill, Recurrence};
pub use header::{EventKind, Header, KernelInfo, Level, Missing, Source, TracerInfo};
pub use host::{
    GfpFlag, Host, KernelCounters, Liveness, LivenessRequest, LostVictim, ReadingMoment, Snapshot,
    SnapshotRequest, StatReading, Survivors,
};
pub use identity::{
    Candidate, CandidatesBasis, Evidence, Finding, Owner, OwnerKind, QosClass, Trigger, Victim,
};
pub use incident::{Cause, Constraint, Incident, Invocation, KillKind, Scope};
pub use limit::{Basis, CgroupLevel, ChildLimits, LimitHit, LimitedCounter, StatBasis, Usage};
pub use mask::{MASK_RULES_SHIFT, MaskRule};
pub use memory::{ReportedMemory, VictimMemory};
pub use node::{NodeBasis, NodeMemory, NodeZone};
pub use other::{
    Gap, IncidentId, OomNoVictim, OomOutcome, OutcomeState, Reaper, ReaperState, UserspaceOomKill,
};
pub use reason::{GapReason, Reason};
pub use report::{
    AllocationSite, CgroupStats, ChosenProcess, KernelReport, MemInfo, NamedValue, ReapedProcess,
    ReportedCounter, SlabInfo, ZoneInfo,
};
pub use runtime::{JvmCounters, Runtime, RuntimeKind};
pub use text::{Text, hex};
pub use units::{Bytes, PageSize, Pages, Unit};

/// Version of the event schema, `schema_version` in every event.
pub const SCHEMA_VERSION: u32 = 1;

/// Largest integer that every JSON consumer reads exactly.
pub const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;
