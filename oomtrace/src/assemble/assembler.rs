//! The one place that holds what has come of a capture and puts events out.

use std::sync::Arc;

use oomtrace_common::record::kill_flags;

use super::candidates::{Candidates, Listed, Taken};
use super::clock::Clock;
use super::context::CaptureContext;
use super::event::{self, Placement};
use super::incident::Mark;
use super::limit::Verdict;
use super::missing::Reason;
use super::parts::Parts;
use super::pending::PendingKill;
use super::placement::Incidents;
use super::recent::{RecentKill, RecentKills, RecentVictim};
use super::reconcile::{Missed, Observed};
use super::waiting::{Expected, Waiting};
use super::{Output, Unused, no_victim, outcome};
use crate::decode::{Candidate, Kill, Outcome, Reaping, Record, VictimContext};
use crate::model::{Event, Gap, Host, KernelCounters, KillKind, Liveness};

/// Turns records into events.
#[derive(Debug)]
pub struct Assembler {
    host: Host,
    clock: Clock,
    expected: Expected,
    pub(super) waiting: Waiting,
    pub(super) candidates: Candidates,
    recent: RecentKills,
    lost_records: u64,
    observed: Observed,
    unused: Unused,
}

impl Assembler {
    /// An assembler for a capture on `host`.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let no_context = |host: &Host| {
            let mut missing = host.unavailable.iter();
            missing.any(|missing| missing.field == "victim.cmdline")
        };
        Self {
            expected: Expected {
                context: !no_context(&host),
                cgroup_v1: host.cgroup_version == 1,
            },
            host,
            clock: Clock::default(),
            waiting: Waiting::default(),
            candidates: Candidates::default(),
            recent: RecentKills::default(),
            lost_records: 0,
            observed: Observed::default(),
            unused: Unused::default(),
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
        if !self.waiting.take(sequence, record) {
            self.unused.duplicates += 1;
            return;
        }
        if is_kill {
            self.observed.kills += 1;
            // Until it is known to be no chosen victim of a group.
            self.observed.maybe_twice += u64::from(!self.expected.cgroup_v1);
        }
        let kill = self
            .waiting
            .get(sequence)
            .and_then(|slot| slot.kill.as_ref());
        if is_essential
            && let Some(kill) = kill
            && kill
                .oom_sequence
                .is_some_and(|number| self.recent.invocation(number).is_none())
        {
            self.candidates.awaited(kill);
        }
        self.settle_from(sequence, out);
        while self.waiting.is_too_much() {
            let Some((sequence, slot)) = self.waiting.pop_first() else {
                break;
            };
            self.emit(sequence, slot, Reason::AssemblerFull, out);
            self.settle_from(sequence.saturating_add(1), out);
        }
    }

    /// Advances the clock to `boot_ns` and emits everything now due.
    pub fn tick(&mut self, boot_ns: u64, out: &mut Vec<Output>) {
        self.clock.advance(boot_ns);
        for sequence in self.waiting.sequences() {
            let Some(slot) = self.waiting.get(sequence) else {
                continue;
            };
            if slot.emit_deadline() <= boot_ns {
                if let Some(slot) = self.waiting.remove(sequence) {
                    self.emit(sequence, slot, Reason::NotReceived, out);
                }
            } else if slot.open_deadline() <= boot_ns {
                self.open(sequence, out);
            }
            self.settle_from(sequence, out);
        }
        while let Some(request) = self.recent.overdue(boot_ns) {
            out.push(Output::Overdue(request));
        }
        // Not before the events of those that waited for them.
        self.candidates.forget(boot_ns);
    }

    /// Takes the answer to [`Output::Overdue`].
    pub fn liveness(&mut self, liveness: &Liveness, out: &mut Vec<Output>) {
        self.clock.advance(liveness.boot_ns);
        if !liveness.is_alive {
            return;
        }
        let (sequence, now_boot_ns) = (liveness.sequence, liveness.boot_ns);
        let event = outcome::found_alive(&self.ctx(), &self.recent, sequence, now_boot_ns);
        out.extend(event.map(|event| Output::Event(Event::OomOutcome(Box::new(event)))));
    }

    /// When [`Assembler::tick`] has something to do, nanoseconds of `CLOCK_BOOTTIME`; nothing while
    /// nothing waits and no victim's end is awaited.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let waiting = self.waiting.next_deadline();
        waiting
            .into_iter()
            .chain(self.recent.next_alive_deadline())
            .min()
    }

    /// Ends the capture: emits everything that waits.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        while let Some((sequence, slot)) = self.waiting.pop_first() {
            self.emit(sequence, slot, Reason::CaptureEnded, out);
        }
        // Whether a victim lives on is not asked any more.
        self.recent.await_none();
    }

    /// What the kernel must have counted for the kills seen so far; for
    /// [`super::reconcile::Reconciler`].
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
    pub fn gap(&self, missed: Missed) -> Gap {
        missed.event(&self.ctx())
    }

    const fn ctx(&self) -> CaptureContext<'_> {
        CaptureContext::new(&self.host, &self.clock, self.lost_records)
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

    /// Emits what is ready of `sequence`, and the kills that waited for its event.
    fn settle_from(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let mut next = Some(sequence);
        while let Some(sequence) = next {
            let Some(slot) = self.waiting.get(sequence) else {
                return;
            };
            if slot.chains_complete() {
                self.open(sequence, out);
            }
            let (recent, candidates) = (&self.recent, &self.candidates);
            let waiting = &self.waiting;
            if !waiting.is_ready(sequence, recent, candidates, self.expected) {
                return;
            }
            if let Some(slot) = self.waiting.remove(sequence) {
                self.emit(sequence, slot, Reason::NotReceived, out);
            }
            next = sequence.checked_add(1);
        }
    }

    /// Asks user space to look, once.
    fn open(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let request = self.waiting.request(sequence, self.host.page_size_bytes);
        out.extend(request.map(Output::Opened));
    }

    /// Emits the events of a kill. `late` is the reason for records that have not arrived.
    fn emit(&mut self, sequence: u32, mut slot: PendingKill, late: Reason, out: &mut Vec<Output>) {
        let request = slot.request(self.host.page_size_bytes);
        out.extend(request.map(Output::Opened));
        let details = slot.details();
        let (parts, rest) = slot.into_parts(late);
        match parts {
            Some(parts) if parts.no_victim => {
                self.emit_no_victim(sequence, &parts, out);
                self.unused.late += (rest.sharers.len() + rest.outcomes.len()) as u64;
                return;
            }
            Some(parts) => self.emit_victim(sequence, parts, out),
            None => {
                for sharer in rest.sharers {
                    self.emit_sharer(sequence, &sharer, out);
                }
                self.unused.orphans += details as u64;
                return;
            }
        }
        for reaping in rest.reapings {
            self.reaping(reaping);
        }
        for sharer in rest.sharers {
            self.emit_sharer(sequence, &sharer, out);
        }
        for outcome in rest.outcomes {
            self.emit_outcome(&outcome, out);
        }
    }

    /// Takes a record of a kill whose event is out.
    fn late_record(&mut self, sequence: u32, record: Record, out: &mut Vec<Output>) {
        match record {
            Record::Kill(_) | Record::NoVictim(_) => self.unused.duplicates += 1,
            Record::SharedKill(kill) => {
                let known = self.recent.kill(sequence).is_some_and(|recent| {
                    let mut victims = recent.victims.iter();
                    victims.any(|one| one.tgid == kill.victim.tgid)
                });
                if known {
                    self.unused.duplicates += 1;
                } else {
                    self.emit_sharer(sequence, &kill, out);
                }
            }
            Record::VictimContext(context) => self.late_context(context),
            Record::Chain(_)
            | Record::Candidate(_)
            | Record::VictimEnviron(_)
            | Record::NodeMemory(_)
            | Record::Exe(_)
            | Record::SummedRss(_) => self.unused.late += 1,
            Record::Reaping(reaping) => self.reaping(reaping),
            Record::Outcome(outcome) => self.emit_outcome(&outcome, out),
        }
    }

    fn late_context(&mut self, context: VictimContext) {
        self.unused.late += u64::from(!self.recent.take_context(context));
    }

    fn reaping(&mut self, reaping: Reaping) {
        self.unused.late += u64::from(!self.recent.take_reaping(reaping));
    }

    fn emit_victim(&mut self, sequence: u32, parts: Parts, out: &mut Vec<Output>) {
        let parts = Arc::new(parts);
        let ctx = CaptureContext::new(&self.host, &self.clock, self.lost_records);
        let mut incidents = Incidents {
            ctx,
            recent: &mut self.recent,
            candidates: &mut self.candidates,
            observed: &mut self.observed,
        };
        let placed = incidents.place(sequence, &parts);
        let verdict = parts.verdict_within(placed.limit, &ctx);
        let event = event::victim_event(&ctx, &parts, &verdict, placed.placement);
        let unseen = kill_flags::NOT_FOLLOWED | kill_flags::PAST_EXIT | kill_flags::TRACEPOINT_ONLY;
        let followed = !parts.kill.has(unseen);
        let kill = RecentKill {
            incident: placed.first,
            mark: Mark::of(&parts.kill, parts.chain.as_ref()),
            victims: vec![RecentVictim::of(&parts.kill, &event)],
            parts: Some(parts),
        };
        self.recent.remember(sequence, kill);
        if followed {
            self.recent.await_end(sequence);
        }
        out.push(Output::Kill {
            sequence,
            event: Box::new(event),
        });
    }

    /// A process died because it used the memory of the victim `sequence`.
    fn emit_sharer(&mut self, sequence: u32, sharer: &Kill, out: &mut Vec<Output>) {
        let victim = self.recent.kill(sequence);
        let first = victim.map(|kill| kill.incident);
        let parts = victim.and_then(|kill| kill.parts.clone());
        let incident = first.and_then(|first| self.recent.incident(first).cloned());
        let kill_index = first.map_or(0, |first| self.recent.next_index(first));
        let ctx = self.ctx();
        let placement = Placement {
            incident_id: incident
                .as_ref()
                .map_or_else(|| ctx.kill_id(sharer), |incident| incident.id.clone()),
            kill_index,
            kind: Ok(KillKind::SharedMm),
            group_path: Ok(None),
            chosen: None,
            candidates: Listed::Elsewhere,
        };
        let limit = incident.and_then(|incident| incident.limit);
        let verdict = match &parts {
            Some(parts) => parts.verdict_within(limit, &ctx),
            None => Verdict::Unknown(Reason::NotReceived),
        };
        let event = event::sharer_event(&ctx, sharer, parts.as_deref(), &verdict, placement);
        if let Some(kill) = self.recent.kill_mut(sequence) {
            kill.victims.push(RecentVictim::of(sharer, &event));
        }
        out.push(Output::Kill {
            sequence,
            event: Box::new(event),
        });
    }

    fn emit_outcome(&mut self, outcome: &Outcome, out: &mut Vec<Output>) {
        let ctx = CaptureContext::new(&self.host, &self.clock, self.lost_records);
        match outcome::ended(&ctx, &mut self.recent, outcome) {
            Some(event) => out.push(Output::Event(Event::OomOutcome(Box::new(event)))),
            None => self.unused.late += 1,
        }
    }

    /// Emits an invocation without a victim. It is no kill: `observed` does not count it.
    fn emit_no_victim(&mut self, sequence: u32, parts: &Parts, out: &mut Vec<Output>) {
        let page_size = self.host.page_size_bytes;
        let shown = no_victim::SHOWN_MAX;
        let listed = self.candidates.listed(&parts.kill, page_size, shown);
        let event = no_victim::event(&self.ctx(), parts, listed);
        if let Some(oom_sequence) = parts.kill.oom_sequence {
            self.recent.remember_invocation(oom_sequence, sequence);
        }
        let kill = RecentKill {
            incident: sequence,
            mark: Mark::of_none(&parts.kill),
            parts: None,
            victims: Vec::new(),
        };
        self.recent.remember(sequence, kill);
        out.push(Output::Event(Event::OomNoVictim(Box::new(event))));
    }
}
