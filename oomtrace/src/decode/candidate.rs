//! A task that the OOM killer was about to score.

use oomtrace_common::record::{self, candidate_valid as valid};

use super::header::{counter, fixed, id, name};
use super::{DecodeError, KillRss, Meta, Part};
use crate::model::{Bytes, Pages};

/// A task as `oom_evaluate_task()` found it. The kernel may still have passed it over: what it
/// decided is not part of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// When and where; `sequence` is the running number of the invocation, not that of a kill.
    pub meta: Meta,
    /// Thread group.
    pub tgid: Option<u32>,
    /// Name, any bytes.
    pub comm: Option<Vec<u8>>,
    /// Real uid in the initial user namespace.
    pub uid: Option<u32>,
    /// `signal_struct.oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// Resident pages.
    pub rss: Option<KillRss>,
    /// Swap entries.
    pub swap: Option<Pages>,
    /// Page tables.
    pub pgtables: Option<Bytes>,
}

impl Candidate {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, _) = fixed::<record::Candidate>(bytes, Part::Candidate)?;
        let when = |bit| raw.valid & bit != 0;
        Ok(Self {
            meta: Meta::of(&raw.header),
            tgid: id(raw.tgid),
            comm: when(valid::COMM).then(|| name(&raw.comm)),
            uid: when(valid::UID).then_some(raw.uid),
            oom_score_adj: when(valid::ADJ).then(|| i32::from(raw.oom_score_adj)),
            rss: when(valid::RSS).then(|| KillRss {
                anon: counter(raw.anon_pages),
                file: counter(raw.file_pages),
                shmem: counter(raw.shmem_pages),
            }),
            swap: when(valid::SWAP).then(|| counter(raw.swap_entries_pages)),
            pgtables: when(valid::PGTABLES).then(|| Bytes(counter(raw.pgtables_bytes).0)),
        })
    }
}
