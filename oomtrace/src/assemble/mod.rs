//! Which records make one event: the only place that pairs them.
//!
//! Pure: no clock, no I/O. Time comes in with [`Assembler::clock`] and [`Assembler::tick`], records
//! in any order. What waits is bounded in number and in bytes: past the bound the oldest kill is
//! emitted with what there is. A kill is emitted once, at the latest 50 ms after its mark; every
//! field that it lacks is in its `missing`, with the reason.

mod assembler;
mod badness;
mod candidates;
mod clock;
mod context;
pub mod dedup;
mod event;
mod incident;
mod invocation;
mod limit;
mod missing;
mod no_victim;
mod node_memory;
mod outcome;
mod parts;
mod paths;
mod pending;
mod placement;
mod reaped;
mod recent;
pub mod reconcile;
mod recurrence;
mod request;
mod snapshots;
mod text;
mod victim;
mod waiting;

#[cfg(test)]
mod tests;

pub use self::assembler::Assembler;
pub use self::reconcile::Observed;
pub use self::recurrence::Recurrences;
pub use self::snapshots::Snapshots;
use crate::model::{Event, LivenessRequest, OomKill, SnapshotRequest};

/// What the assembler emits.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A kill has begun: user space is to look now at what it alone can see. Once for each kill
    /// record, before its [`Output::Kill`]; not for processes that share a victim's memory.
    Opened(SnapshotRequest),
    /// A kill, complete or as complete as it gets.
    Kill {
        /// The kill's running number: that of its [`SnapshotRequest`]. A process that shared the
        /// victim's memory carries the victim's.
        sequence: u32,
        /// The event; its message and findings are still empty.
        event: Box<OomKill>,
    },
    /// A victim should have exited by now and nothing was seen of its end: user space is to look
    /// whether it still runs.
    Overdue(LivenessRequest),
    /// Another event, in need of nothing more but a message: a victim's end, or an invocation that
    /// found nothing to kill.
    Event(Event),
}

/// What did not become an event, and why. For diagnostics: none of it is a kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Duplicate records.
    pub duplicates: u64,
    /// Chains, contexts and outcomes whose kill never came.
    pub orphans: u64,
    /// Chains, contexts, outcomes and candidates that arrived after their kill was emitted and are of
    /// no use to its outcome.
    pub late: u64,
}
