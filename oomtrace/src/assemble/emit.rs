//! Putting events out, and what still comes for a kill after that.

use std::sync::Arc;

use oomtrace_common::record::kill_flags;

use super::candidates::Listed;
use super::event::{self, Placement};
use super::incident::Mark;
use super::limit::Verdict;
use super::missing::Reason;
use super::outcome::{self, Reaped};
use super::pending::PendingKill;
use super::recent::{RecentKill, RecentVictim};
use super::{Assembler, Output, Parts, request};
use crate::decode::{Kill, Outcome, Reaping, Record};
use crate::model::{Basis, Event, KillKind, LivenessRequest, OomKill};

impl Assembler {
    /// Puts out what a slot holds. `late` says why what is not in it is not.
    pub(super) fn emit(
        &mut self,
        sequence: u32,
        slot: PendingKill,
        late: Reason,
        out: &mut Vec<Output>,
    ) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(slot.bytes);
        let details = slot.chain.iter().count()
            + slot.limit_chain.iter().count()
            + slot.trigger_chain.iter().count()
            + slot.contexts.len()
            + slot.environs.len()
            + slot.outcomes.len()
            + slot.reapings.len()
            + usize::from(slot.node_memory.is_some())
            + usize::from(slot.exe.is_some())
            + usize::from(slot.summed_rss.is_some());
        let (sharers, outcomes, reapings) = (slot.sharers, slot.outcomes, slot.reapings);
        if let Some(kill) = slot.kill {
            let no_victim = slot.no_victim;
            let parts = Parts {
                kill,
                no_victim,
                chain: if no_victim {
                    slot.limit_chain
                } else {
                    slot.chain
                },
                trigger_chain: slot.trigger_chain,
                contexts: slot.contexts,
                environs: slot.environs,
                node_memory: slot.node_memory,
                exe: slot.exe,
                summed_rss: slot.summed_rss,
                late,
            };
            if no_victim {
                self.emit_no_victim(sequence, &parts, out);
                self.unused.late += (sharers.len() + outcomes.len()) as u64;
                return;
            }
            if !slot.opened {
                let (chain, trigger) = (parts.chain.as_ref(), parts.trigger_chain.as_ref());
                let page_size = self.host.page_size_bytes;
                let request = request::of(&parts.kill, chain, trigger, page_size);
                out.push(Output::Opened(request));
            }
            self.emit_victim(sequence, parts, out);
            for reaping in reapings {
                self.reaping(reaping);
            }
            for sharer in sharers {
                self.emit_sharer(sequence, &sharer, out);
            }
            for outcome in outcomes {
                self.emit_outcome(&outcome, out);
            }
        } else {
            for sharer in sharers {
                self.emit_sharer(sequence, &sharer, out);
            }
            self.unused.orphans += details as u64;
        }
    }

    /// Takes a record of a kill that was told of.
    pub(super) fn late_record(&mut self, sequence: u32, record: Record, out: &mut Vec<Output>) {
        match record {
            Record::Kill(_) | Record::NoVictim(_) => self.unused.duplicates += 1,
            Record::SharedKill(kill) => {
                let known = self.recent.kill(sequence).is_some_and(|told| {
                    told.victims.iter().any(|one| one.tgid == kill.victim.tgid)
                });
                if known {
                    self.unused.duplicates += 1;
                } else {
                    self.emit_sharer(sequence, &kill, out);
                }
            }
            Record::VictimContext(context) => {
                match self.recent.victim_mut(sequence, context.tgid, None) {
                    Some(victim) if !victim.has_context && victim.late.is_none() => {
                        victim.late = Some(context);
                    }
                    _ => self.unused.late += 1,
                }
            }
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

    fn emit_victim(&mut self, sequence: u32, parts: Parts, out: &mut Vec<Output>) {
        let parts = Arc::new(parts);
        let standing = self.stand(sequence, &parts);
        let ctx = self.ctx();
        let verdict = verdict(&parts, standing.limit, &ctx);
        let event = event::victim_event(&ctx, &parts, &verdict, standing.placement);
        let has_context = event.victim.cmdline.is_some();
        let victim = told(&parts.kill, &event, has_context);
        let kill = RecentKill {
            incident: standing.first,
            mark: Mark::of(&parts.kill, parts.chain.as_ref()),
            parts: Some(parts),
            victims: vec![victim],
        };
        let unseen = kill_flags::NOT_FOLLOWED | kill_flags::PAST_EXIT | kill_flags::TRACEPOINT_ONLY;
        let followed = kill
            .parts
            .as_ref()
            .is_some_and(|parts| !parts.kill.has(unseen));
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
        let told_kill = self.recent.kill(sequence);
        let first = told_kill.map(|kill| kill.incident);
        let parts = told_kill.and_then(|kill| kill.parts.clone());
        let incident = first.and_then(|first| self.recent.incident(first).cloned());
        let kill_index = first.map_or(0, |first| self.recent.next_index(first));
        let ctx = self.ctx();
        let placement = Placement {
            incident_id: incident
                .as_ref()
                .map_or_else(|| ctx.kill_id(sharer), |told| told.id.clone()),
            kill_index,
            kind: Ok(KillKind::SharedMm),
            group_path: Ok(None),
            chosen: None,
            candidates: Listed::Elsewhere,
        };
        let limit = incident.and_then(|told| told.limit);
        let verdict = match &parts {
            Some(parts) => verdict(parts, limit, &ctx),
            None => Verdict::Unknown(Reason::NotReceived),
        };
        let event = event::sharer_event(&ctx, sharer, parts.as_deref(), &verdict, placement);
        let victim = told(sharer, &event, event.victim.cmdline.is_some());
        if let Some(kill) = self.recent.kill_mut(sequence) {
            kill.victims.push(victim);
        }
        out.push(Output::Kill {
            sequence,
            event: Box::new(event),
        });
    }

    fn emit_outcome(&mut self, outcome: &Outcome, out: &mut Vec<Output>) {
        let sequence = outcome.meta.sequence;
        let start = Some(outcome.start_boot_ns).filter(|ns| *ns != 0);
        let incident_id = self
            .recent
            .kill(sequence)
            .and_then(|kill| self.recent.incident(kill.incident))
            .map(|told| told.id.clone());
        let victim = self
            .recent
            .victim_mut(sequence, outcome.tgid, start)
            .filter(|victim| !victim.gone);
        let (Some(incident_id), Some(victim)) = (incident_id, victim) else {
            self.unused.late += 1;
            return;
        };
        victim.gone = true;
        let victim = RecentVictim {
            late: victim.late.take(),
            ..victim.clone()
        };
        if self
            .recent
            .kill(sequence)
            .is_some_and(|kill| kill.victims.first().is_some_and(|first| first.gone))
        {
            self.recent.has_ended(sequence);
        }
        let event = outcome::event(&self.ctx(), outcome, &victim, &incident_id);
        out.push(Output::Event(Event::OomOutcome(Box::new(event))));
    }
}

impl Assembler {
    /// A step of the reaper, which works for victims that were told of long ago.
    fn reaping(&mut self, reaping: Reaping) {
        let start = Some(reaping.start_boot_ns).filter(|ns| *ns != 0);
        match self
            .recent
            .victim_mut(reaping.meta.sequence, reaping.tgid, start)
        {
            Some(victim) => victim.reaped.take(reaping),
            None => self.unused.late += 1,
        }
    }

    /// Asks about the victims of which no end was seen by `now_boot_ns` though it was to be. Silence
    /// proves nothing: the record of an end may be lost, or the kernel may have skipped the hook.
    pub(super) fn ask_for_overdue(&mut self, now_boot_ns: u64, out: &mut Vec<Output>) {
        while let Some(sequence) = self.recent.overdue(now_boot_ns) {
            let victim = self.recent.kill(sequence).and_then(|kill| {
                let victim = kill.victims.first()?;
                (!victim.gone).then_some(victim)
            });
            let known = victim.and_then(|victim| victim.tgid.zip(victim.start_boot_ns));
            if let Some((pid, start_boot_ns)) = known {
                out.push(Output::Overdue(LivenessRequest {
                    sequence,
                    pid,
                    start_boot_ns,
                }));
            }
        }
    }

    /// Reports that the victim of a kill was still there at `now_boot_ns`.
    pub(super) fn emit_still_alive(
        &mut self,
        sequence: u32,
        now_boot_ns: u64,
        out: &mut Vec<Output>,
    ) {
        let Some(kill) = self.recent.kill(sequence) else {
            return;
        };
        let (Some(incident), Some(victim)) = (
            self.recent.incident(kill.incident),
            kill.victims.first().filter(|victim| !victim.gone),
        ) else {
            return;
        };
        let event = outcome::still_alive(
            &self.ctx(),
            now_boot_ns,
            kill.mark.boot_ns,
            victim,
            &incident.id,
        );
        if let Some(event) = event {
            out.push(Output::Event(Event::OomOutcome(Box::new(event))));
        }
    }
}

/// The verdict of the incident where there is one, on this kill's own figures.
fn verdict<'a>(
    parts: &'a Parts,
    limit: Option<(u64, Basis)>,
    ctx: &super::CaptureContext<'_>,
) -> Verdict<'a> {
    let own = parts.verdict(ctx);
    match (limit, own) {
        (Some((id, basis)), _) => Verdict::Hit(parts.known_limit(id, basis, ctx)),
        (None, own) => own,
    }
}

fn told(kill: &Kill, event: &OomKill, has_context: bool) -> RecentVictim {
    RecentVictim {
        tgid: kill.victim.tgid,
        start_boot_ns: kill.victim.start_boot_ns,
        comm: kill.victim.comm.clone(),
        event_id: event.header.event_id.clone().unwrap_or_default(),
        has_context,
        late: None,
        gone: false,
        reaped: Reaped::default(),
    }
}
