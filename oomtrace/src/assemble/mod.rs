//! Which records make one event: the only place that pairs them.
//!
//! Pure: no clock, no I/O. Time comes in with [`Assembler::clock`] and [`Assembler::tick`], records
//! in any order. What waits is bounded in number and in bytes: past the bound the oldest kill is
//! told of with what there is. A kill is told of once, at the latest 50 ms after its mark; every
//! field that it lacks is in its `missing`, with the reason.

mod badness;
mod candidates;
mod clock;
mod context;
pub mod dedup;
mod emit;
mod event;
mod incident;
mod invocation;
mod limit;
mod missing;
mod no_victim;
mod node_memory;
mod outcome;
mod paths;
mod pending;
mod placement;
mod recent;
pub mod reconcile;
mod recurrence;
mod request;
mod snapshots;
mod victim;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::candidates::{Candidates, Taken};
use self::clock::Clock;
use self::context::CaptureContext;
use self::event::Parts;
use self::missing::Reason;
use self::pending::PendingKill;
use self::recent::RecentKills;
pub use self::reconcile::Observed;
pub use self::recurrence::Recurrences;
pub use self::snapshots::Snapshots;
use crate::decode::{Candidate, Record};
use crate::model::{
    Event, Gap, Host, KernelCounters, Liveness, LivenessRequest, OomKill, SnapshotRequest,
};

/// Kills that wait for their records at any one time.
pub const WAITING_MAX: usize = 2_048;

/// Bytes of chains, contexts, outcomes and sharers that wait at any one time.
pub const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the assembler puts out.
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
    /// Records that were there already.
    pub duplicates: u64,
    /// Chains, contexts and outcomes whose kill never came.
    pub orphans: u64,
    /// Chains, contexts, outcomes and candidates that came after their kill was told of and are of
    /// no use to its outcome.
    pub late: u64,
}

/// Turns records into events.
#[derive(Debug)]
pub struct Assembler {
    host: Host,
    clock: Clock,
    pending: BTreeMap<u32, PendingKill>,
    waiting_bytes: usize,
    candidates: Candidates,
    recent: RecentKills,
    lost_records: u64,
    observed: Observed,
    unused: Unused,
    expects_context: bool,
}

impl Assembler {
    /// An assembler for a capture on `host`.
    #[must_use]
    pub fn new(host: Host) -> Self {
        // Where no hook reaches the victim's own context, waiting for it would be in vain.
        let expects_context = !host
            .unavailable
            .iter()
            .any(|missing| missing.field == "victim.cmdline");
        Self {
            host,
            clock: Clock::default(),
            pending: BTreeMap::new(),
            waiting_bytes: 0,
            candidates: Candidates::default(),
            recent: RecentKills::default(),
            lost_records: 0,
            observed: Observed::default(),
            unused: Unused::default(),
            expects_context,
        }
    }

    /// Takes a reading of both clocks, in nanoseconds. To be called when the rings have been emptied
    /// and before their records are handed over: `observed_timestamp` is the latest moment known
    /// here, and absent where that is before the kill.
    pub fn clock(&mut self, boot_ns: u64, realtime_ns: u64) {
        self.clock.set(boot_ns, realtime_ns);
    }

    /// Takes the probe's counters, for `lost_records`.
    pub fn counters(&mut self, counters: &KernelCounters) {
        self.lost_records = counters.lost_records();
    }

    /// Takes a record in.
    pub fn record(&mut self, record: Record, out: &mut Vec<Output>) {
        if let Record::Candidate(candidate) = record {
            self.candidate(candidate, out);
            return;
        }
        let sequence = record.meta().sequence;
        if self.recent.kill(sequence).is_some() {
            self.late_record(sequence, record, out);
            return;
        }
        let is_kill = matches!(record, Record::Kill(_));
        let is_essential = is_kill || matches!(record, Record::NoVictim(_));
        let slot = self.pending.entry(sequence).or_default();
        let before = slot.bytes;
        if !slot.take(record) {
            self.unused.duplicates += 1;
            return;
        }
        self.waiting_bytes += slot.bytes - before;
        if is_kill {
            self.observed.kills += 1;
            // Until it is known to be no chosen victim of a group.
            self.observed.maybe_twice += u64::from(self.host.cgroup_version != 1);
        }
        if is_essential
            && let Some(kill) = &slot.kill
            && kill
                .oom_sequence
                .is_some_and(|number| self.recent.invocation(number).is_none())
        {
            self.candidates.awaited(kill);
        }
        self.settle_from(sequence, out);
        while self.pending.len() > WAITING_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            let Some((sequence, slot)) = self.pending.pop_first() else {
                break;
            };
            self.emit(sequence, slot, Reason::AssemblerFull, out);
            self.settle_from(sequence.saturating_add(1), out);
        }
    }

    /// Takes notice that it is `boot_ns` now, and puts out what is due.
    pub fn tick(&mut self, boot_ns: u64, out: &mut Vec<Output>) {
        self.clock.advance(boot_ns);
        let waiting: Vec<u32> = self.pending.keys().copied().collect();
        for sequence in waiting {
            let Some(slot) = self.pending.get_mut(&sequence) else {
                continue;
            };
            if slot.emit_deadline() <= boot_ns {
                if let Some(slot) = self.pending.remove(&sequence) {
                    self.emit(sequence, slot, Reason::NotReceived, out);
                }
            } else if slot.open_deadline() <= boot_ns {
                self.open(sequence, out);
            }
            self.settle_from(sequence, out);
        }
        self.ask_for_overdue(boot_ns, out);
        // Not before what waited for them has been told of.
        self.candidates.forget(boot_ns);
    }

    /// Takes the answer to [`Output::Overdue`].
    pub fn liveness(&mut self, liveness: &Liveness, out: &mut Vec<Output>) {
        self.clock.advance(liveness.boot_ns);
        if liveness.is_alive {
            self.emit_still_alive(liveness.sequence, liveness.boot_ns, out);
        }
    }

    /// When [`Assembler::tick`] has something to do, nanoseconds of `CLOCK_BOOTTIME`; nothing while
    /// nothing waits and no victim's end is awaited.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let waiting = self.pending.values().map(PendingKill::deadline).min();
        waiting
            .into_iter()
            .chain(self.recent.next_alive_deadline())
            .min()
    }

    /// The capture is over: puts out everything that waits.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        while let Some((sequence, slot)) = self.pending.pop_first() {
            self.emit(sequence, slot, Reason::CaptureEnded, out);
        }
        // Whether a victim lives on is not asked any more.
        self.recent.await_none();
    }

    /// What the kernel must have counted for the kills seen so far; for
    /// [`reconcile::Reconciler`].
    #[must_use]
    pub const fn observed(&self) -> Observed {
        self.observed
    }

    /// What did not become an event.
    #[must_use]
    pub const fn unused(&self) -> Unused {
        self.unused
    }

    /// The event of kills that are known to have been missed.
    #[must_use]
    pub fn gap(&self, missed: reconcile::Missed) -> Gap {
        missed.event(&self.ctx())
    }

    const fn ctx(&self) -> CaptureContext<'_> {
        CaptureContext {
            host: &self.host,
            clock: &self.clock,
            lost_records: self.lost_records,
        }
    }

    /// Takes a task in that an invocation looked at.
    fn candidate(&mut self, candidate: Candidate, out: &mut Vec<Output>) {
        if self.recent.invocation(candidate.meta.sequence).is_some() {
            self.unused.late += 1;
            return;
        }
        let page_size = self.host.page_size_bytes;
        match self.candidates.take(candidate, page_size) {
            Taken::Known => self.unused.duplicates += 1,
            Taken::Kept => {}
            Taken::For(waiter) => self.settle_from(waiter, out),
        }
    }

    /// Puts out what is ready of `sequence`, and of the kills that were waiting for it to be told.
    fn settle_from(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let mut next = Some(sequence);
        while let Some(sequence) = next {
            let Some(slot) = self.pending.get(&sequence) else {
                return;
            };
            if slot.chains_complete() {
                self.open(sequence, out);
            }
            if !self.is_ready(sequence) {
                return;
            }
            if let Some(slot) = self.pending.remove(&sequence) {
                self.emit(sequence, slot, Reason::NotReceived, out);
            }
            next = sequence.checked_add(1);
        }
    }

    /// Whether everything is here that a kill's event is made of.
    fn is_ready(&self, sequence: u32) -> bool {
        let Some(slot) = self.pending.get(&sequence) else {
            return false;
        };
        if !slot.chains_complete() || !slot.context_complete(self.expects_context) {
            return false;
        }
        if !slot.details_complete() || !self.candidates_complete(slot) {
            return false;
        }
        // A sibling's incident is that of the kill before it.
        let may_be_sibling = sequence > 1
            && !slot.no_victim
            && self.host.cgroup_version != 1
            && slot.chain.as_ref().is_none_or(incident::has_groups);
        !may_be_sibling || self.recent.kill(sequence - 1).is_some()
    }

    /// Whether all that the kernel looked at are here, or stand in another kill's event.
    fn candidates_complete(&self, slot: &PendingKill) -> bool {
        let seen = slot
            .kill
            .as_ref()
            .and_then(|kill| kill.oom_sequence.zip(kill.scored));
        let Some((oom_sequence, scored)) = seen else {
            return true;
        };
        self.recent.invocation(oom_sequence).is_some()
            || self.candidates.received(oom_sequence) >= scored
    }

    /// Asks user space to look, once.
    fn open(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let page_size = self.host.page_size_bytes;
        let Some(slot) = self.pending.get_mut(&sequence) else {
            return;
        };
        let Some(kill) = slot
            .kill
            .as_ref()
            .filter(|_| !slot.opened && !slot.no_victim)
        else {
            return;
        };
        slot.opened = true;
        let (chain, trigger_chain) = (slot.chain.as_ref(), slot.trigger_chain.as_ref());
        out.push(Output::Opened(request::of(
            kill,
            chain,
            trigger_chain,
            page_size,
        )));
    }
}
