//! Bytes of a record to a [`Record`].
//!
//! Pure, and no byte is trusted: a recording can hold anything. A record may be longer than the
//! structure that is known here (fields are only ever appended); a shorter one is refused. Units
//! are converted here and nowhere else: what leaves is typed [`Pages`](crate::model::Pages) or
//! [`Bytes`](crate::model::Bytes). What the kernel side could not read is `None`.

mod candidate;
mod chain;
mod error;
mod header;
mod kill;
mod node_memory;
mod outcome;
mod victim_context;
mod victim_detail;
mod victim_environ;

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod detail_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use candidate::Candidate;
pub use chain::{Chain, Level, Limit, Role};
pub use error::{DecodeError, Part};
pub use header::Meta;
pub use kill::{Kill, KillRss, OomControl};
pub use node_memory::{NodeMemory, Watermarks, Zone};
use oomtrace_common::record;
pub use outcome::Outcome;
pub use victim_context::VictimContext;
pub use victim_detail::{Exe, Reaping, ReapingStep, SummedRss};
pub use victim_environ::VictimEnviron;

use crate::model::PageSize;

/// A decoded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A process was killed.
    Kill(Kill),
    /// A process was killed because it shares a victim's address space.
    SharedKill(Kill),
    /// The cgroups of a victim or a trigger.
    Chain(Chain),
    /// The victim's own context.
    VictimContext(VictimContext),
    /// What of the victim's environment is kept.
    VictimEnviron(VictimEnviron),
    /// The victim is gone.
    Outcome(Outcome),
    /// A task was about to be scored.
    Candidate(Candidate),
    /// The OOM killer found nothing to kill.
    NoVictim(Kill),
    /// The node's memory.
    NodeMemory(NodeMemory),
    /// The victim's executable.
    Exe(Exe),
    /// The victim's RSS, summed over the processors.
    SummedRss(SummedRss),
    /// A step of the reaper.
    Reaping(Reaping),
}

impl Record {
    /// When, where, which kill (of a candidate: which invocation).
    #[must_use]
    pub const fn meta(&self) -> Meta {
        match self {
            Self::Kill(kill) | Self::SharedKill(kill) | Self::NoVictim(kill) => kill.meta,
            Self::Chain(chain) => chain.meta,
            Self::VictimContext(context) => context.meta,
            Self::VictimEnviron(environ) => environ.meta,
            Self::Outcome(outcome) => outcome.meta,
            Self::Candidate(candidate) => candidate.meta,
            Self::NodeMemory(node) => node.meta,
            Self::Exe(exe) => exe.meta,
            Self::SummedRss(rss) => rss.meta,
            Self::Reaping(reaping) => reaping.meta,
        }
    }
}

/// Decodes one record.
///
/// # Errors
///
/// [`DecodeError`] says what is wrong with it. The caller counts it and goes on: records are
/// independent of each other.
pub fn decode(bytes: &[u8], page_size: PageSize) -> Result<Record, DecodeError> {
    let (header, bytes) = header::split(bytes)?;
    match header.kind {
        record::KIND_KILL => Kill::decode(bytes, Part::Kill, page_size).map(Record::Kill),
        record::KIND_SHARED_KILL => {
            Kill::decode(bytes, Part::SharedKill, page_size).map(Record::SharedKill)
        }
        record::KIND_CHAIN => Chain::decode(bytes, page_size).map(Record::Chain),
        record::KIND_VICTIM_CONTEXT => VictimContext::decode(bytes).map(Record::VictimContext),
        record::KIND_VICTIM_ENVIRON => VictimEnviron::decode(bytes).map(Record::VictimEnviron),
        record::KIND_OUTCOME => Outcome::decode(bytes).map(Record::Outcome),
        record::KIND_CANDIDATE => Candidate::decode(bytes).map(Record::Candidate),
        record::KIND_NODE_MEMORY => NodeMemory::decode(bytes).map(Record::NodeMemory),
        record::KIND_EXE => Exe::decode(bytes).map(Record::Exe),
        record::KIND_SUMMED_RSS => SummedRss::decode(bytes).map(Record::SummedRss),
        record::KIND_REAPING => Reaping::decode(bytes).map(Record::Reaping),
        record::KIND_NO_VICTIM => {
            Kill::decode(bytes, Part::NoVictim, page_size).map(Record::NoVictim)
        }
        kind => Err(DecodeError::UnknownKind { kind }),
    }
}
