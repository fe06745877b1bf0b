//! Recent kills, kept after their events were emitted: what later records of the same kill, and the
//! next kill of the same incident, need. Bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::incident::{Incident, Mark};
use super::parts::Parts;
use super::reaped::Reaped;
use crate::decode::{Kill, Reaping, VictimContext};
use crate::model::{LivenessRequest, OomKill};

/// How long after the mark a victim that has not exited is reported.
const ALIVE_NS: u64 = 10_000_000_000;

/// Kills that are remembered; as many as the kernel side follows to their death.
const KILLS_MAX: usize = oomtrace_common::limits::OUTSTANDING_VICTIMS_MAX as usize;

/// Kills whose records are kept whole, for processes that share the victim's memory.
const WHOLE_MAX: usize = 32;

/// A process whose kill was emitted.
#[derive(Clone, Debug)]
pub(super) struct RecentVictim {
    pub(super) tgid: Option<u32>,
    pub(super) start_boot_ns: Option<u64>,
    pub(super) comm: Option<Vec<u8>>,
    pub(super) event_id: String,
    /// Whether the event has the command line.
    pub(super) has_context: bool,
    /// The command line, where it came later.
    pub(super) late: Option<VictimContext>,
    /// Whether its end was reported.
    pub(super) gone: bool,
    /// What the reaper has done with it.
    pub(super) reaped: Reaped,
}

impl RecentVictim {
    /// The victim of a kill whose event is `event`.
    pub(super) fn of(kill: &Kill, event: &OomKill) -> Self {
        Self {
            tgid: kill.victim.tgid,
            start_boot_ns: kill.victim.start_boot_ns,
            comm: kill.victim.comm.clone(),
            event_id: event.header.event_id.clone().unwrap_or_default(),
            has_context: event.victim.cmdline.is_some(),
            late: None,
            gone: false,
            reaped: Reaped::default(),
        }
    }
}

/// A kill that was emitted, with the processes that shared the victim's memory.
#[derive(Clone, Debug)]
pub(super) struct RecentKill {
    /// Running number of the first kill of its incident.
    pub(super) incident: u32,
    pub(super) mark: Mark,
    pub(super) parts: Option<Arc<Parts>>,
    pub(super) victims: Vec<RecentVictim>,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct RecentKills {
    kills: BTreeMap<u32, RecentKill>,
    incidents: BTreeMap<u32, Incident>,
    /// Running number of the first kill of an invocation, by the invocation's own number.
    invocations: BTreeMap<u32, u32>,
    /// Victims whose end is awaited: until when, and the running number of the kill.
    awaited: BTreeSet<(u64, u32)>,
}

impl RecentKills {
    pub(super) fn kill(&self, sequence: u32) -> Option<&RecentKill> {
        self.kills.get(&sequence)
    }

    pub(super) fn kill_mut(&mut self, sequence: u32) -> Option<&mut RecentKill> {
        self.kills.get_mut(&sequence)
    }

    pub(super) fn incident(&self, first: u32) -> Option<&Incident> {
        self.incidents.get(&first)
    }

    /// The running number of the first emitted kill of an invocation.
    pub(super) fn invocation(&self, oom_sequence: u32) -> Option<u32> {
        self.invocations.get(&oom_sequence).copied()
    }

    pub(super) fn remember_invocation(&mut self, oom_sequence: u32, first: u32) {
        self.invocations.entry(oom_sequence).or_insert(first);
        while self.invocations.len() > KILLS_MAX {
            self.invocations.pop_first();
        }
    }

    /// The next position in an incident.
    pub(super) fn next_index(&mut self, first: u32) -> u32 {
        match self.incidents.get_mut(&first) {
            Some(known) => {
                let index = known.kills;
                known.kills = known.kills.saturating_add(1);
                index
            }
            None => 0,
        }
    }

    pub(super) fn begin_incident(&mut self, first: u32, known: Incident) {
        self.incidents.insert(first, known);
        while self.incidents.len() > KILLS_MAX {
            self.incidents.pop_first();
        }
    }

    pub(super) fn remember(&mut self, sequence: u32, kill: RecentKill) {
        self.kills.insert(sequence, kill);
        while self.kills.len() > KILLS_MAX {
            if let Some((sequence, kill)) = self.kills.pop_first() {
                self.awaited.remove(&(alive_deadline(&kill), sequence));
            }
        }
        // Only one can have become too old.
        if let Some((_, old)) = self.kills.iter_mut().rev().nth(WHOLE_MAX) {
            old.parts = None;
        }
    }

    /// The end of the victim of a kill that was remembered is awaited.
    pub(super) fn await_end(&mut self, sequence: u32) {
        if let Some(kill) = self.kills.get(&sequence) {
            self.awaited.insert((alive_deadline(kill), sequence));
        }
    }

    /// It has come.
    pub(super) fn has_ended(&mut self, sequence: u32) {
        if let Some(kill) = self.kills.get(&sequence) {
            self.awaited.remove(&(alive_deadline(kill), sequence));
        }
    }

    /// No end is awaited any more.
    pub(super) fn await_none(&mut self) {
        self.awaited.clear();
    }

    /// When the next victim will have been awaited for long enough; nothing while none is.
    pub(super) fn next_alive_deadline(&self) -> Option<u64> {
        self.awaited.first().map(|(deadline, _)| *deadline)
    }

    /// What to ask about the next victim that has been awaited for long enough; it is not awaited any
    /// more. Silence proves nothing: the record of an end may be lost, or the kernel may have skipped
    /// the hook.
    pub(super) fn overdue(&mut self, now_boot_ns: u64) -> Option<LivenessRequest> {
        while let Some((deadline, sequence)) = self.awaited.first().copied()
            && deadline <= now_boot_ns
        {
            self.awaited.pop_first();
            let kill = self.kills.get(&sequence);
            let victim = kill.and_then(|kill| kill.victims.first());
            let known = victim
                .filter(|victim| !victim.gone)
                .and_then(|victim| victim.tgid.zip(victim.start_boot_ns));
            if let Some((pid, start_boot_ns)) = known {
                return Some(LivenessRequest {
                    sequence,
                    pid,
                    start_boot_ns,
                });
            }
        }
        None
    }

    /// Takes a step of the reaper in; false where its victim is not remembered.
    pub(super) fn take_reaping(&mut self, reaping: Reaping) -> bool {
        let start = Some(reaping.start_boot_ns).filter(|ns| *ns != 0);
        let victim = self.victim_mut(reaping.meta.sequence, reaping.tgid, start);
        victim.map(|victim| victim.reaped.take(reaping)).is_some()
    }

    /// Takes a command line in that came after its kill's event; false where nothing lacks it.
    pub(super) fn take_context(&mut self, context: VictimContext) -> bool {
        match self.victim_mut(context.meta.sequence, context.tgid, None) {
            Some(victim) if !victim.has_context && victim.late.is_none() => {
                victim.late = Some(context);
                true
            }
            _ => false,
        }
    }

    /// The process of a kill, if it is the one that started then.
    pub(super) fn victim_mut(
        &mut self,
        sequence: u32,
        tgid: u32,
        start_boot_ns: Option<u64>,
    ) -> Option<&mut RecentVictim> {
        self.kills
            .get_mut(&sequence)?
            .victims
            .iter_mut()
            .find(|victim| {
                let same_start = match (victim.start_boot_ns, start_boot_ns) {
                    (Some(one), Some(other)) => one == other,
                    _ => true,
                };
                victim.tgid == Some(tgid) && same_start
            })
    }
}

fn alive_deadline(kill: &RecentKill) -> u64 {
    kill.mark.boot_ns.saturating_add(ALIVE_NS)
}
