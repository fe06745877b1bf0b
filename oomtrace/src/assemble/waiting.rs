//! The kills whose records have not all come. Bounded in number and in bytes.

use std::collections::BTreeMap;

use super::candidates::Candidates;
use super::incident;
use super::pending::PendingKill;
use super::recent::RecentKills;
use crate::decode::Record;
use crate::model::{PageSize, SnapshotRequest};

/// Kills that wait for their records at any one time.
pub(super) const WAITING_MAX: usize = 2_048;

/// Bytes of chains, contexts, outcomes and sharers that wait at any one time.
pub(super) const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a capture sends of each kill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// A hook reaches the victim's own context. Where none does, waiting for it would be in vain.
    pub(super) context: bool,
    /// The memory controller is on version 1, where no group is killed.
    pub(super) cgroup_v1: bool,
}

/// The kills, by running number.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    kills: BTreeMap<u32, PendingKill>,
    bytes: usize,
}

impl Waiting {
    /// Takes a record in; false if there is one of the same already.
    pub(super) fn take(&mut self, sequence: u32, record: Record) -> bool {
        let kill = self.kills.entry(sequence).or_default();
        let before = kill.bytes;
        let is_new = kill.take(record);
        self.bytes += kill.bytes - before;
        is_new
    }

    pub(super) fn get(&self, sequence: u32) -> Option<&PendingKill> {
        self.kills.get(&sequence)
    }

    pub(super) fn remove(&mut self, sequence: u32) -> Option<PendingKill> {
        let kill = self.kills.remove(&sequence)?;
        self.bytes = self.bytes.saturating_sub(kill.bytes);
        Some(kill)
    }

    /// The oldest kill, which waits no longer.
    pub(super) fn pop_first(&mut self) -> Option<(u32, PendingKill)> {
        let (sequence, kill) = self.kills.pop_first()?;
        self.bytes = self.bytes.saturating_sub(kill.bytes);
        Some((sequence, kill))
    }

    /// There is more than may wait.
    pub(super) fn is_too_much(&self) -> bool {
        self.kills.len() > WAITING_MAX || self.bytes > WAITING_BYTES_MAX
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kills.len()
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The running numbers, lowest first.
    pub(super) fn sequences(&self) -> Vec<u32> {
        self.kills.keys().copied().collect()
    }

    /// When something is due next.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.kills.values().map(PendingKill::deadline).min()
    }

    /// What user space is to look at, once a kill.
    pub(super) fn request(
        &mut self,
        sequence: u32,
        page_size: PageSize,
    ) -> Option<SnapshotRequest> {
        self.kills.get_mut(&sequence)?.request(page_size)
    }

    /// Whether everything is here that a kill's event is made of.
    pub(super) fn is_ready(
        &self,
        sequence: u32,
        recent: &RecentKills,
        candidates: &Candidates,
        expected: Expected,
    ) -> bool {
        let Some(slot) = self.kills.get(&sequence) else {
            return false;
        };
        if !slot.chains_complete() || !slot.context_complete(expected.context) {
            return false;
        }
        if !slot.details_complete() || !has_candidates(slot, recent, candidates) {
            return false;
        }
        // A sibling's incident is that of the kill before it.
        let may_be_sibling = sequence > 1
            && !slot.no_victim
            && !expected.cgroup_v1
            && slot.chain.as_ref().is_none_or(incident::has_groups);
        !may_be_sibling || recent.kill(sequence - 1).is_some()
    }
}

/// Whether all that the kernel looked at are here, or are in another kill's event.
fn has_candidates(slot: &PendingKill, recent: &RecentKills, candidates: &Candidates) -> bool {
    let kill = slot.kill.as_ref();
    let Some((oom_sequence, scored)) = kill.and_then(|kill| kill.oom_sequence.zip(kill.scored))
    else {
        return true;
    };
    recent.invocation(oom_sequence).is_some() || candidates.received(oom_sequence) >= scored
}
