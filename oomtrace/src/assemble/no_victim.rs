//! The event of an invocation that found nothing to kill.

use super::{
    Assembler, Output,
    candidates::Listed,
    event::Parts,
    header::{self, Surroundings},
    incident::Mark,
    invocation, limit,
    limit::Verdict,
    missing::{Absences, Reason},
    paths,
    told::ToldKill,
};
use crate::model::{Event, EventKind, Level, OomNoVictim};

/// Tasks that such an event shows: the line is to stay short, and none of them died.
const SHOWN_MAX: usize = 20;

impl Assembler {
    /// Puts out an invocation without a victim. It is no kill: the tally does not know it.
    pub(super) fn tell_no_victim(&mut self, sequence: u32, parts: &Parts, out: &mut Vec<Output>) {
        let page_size = self.host.page_size_bytes;
        let listed = self.candidates.listed(&parts.kill, page_size, SHOWN_MAX);
        let event = event(&self.around(), parts, listed);
        if let Some(oom_sequence) = parts.kill.oom_sequence {
            self.memory.remember_invocation(oom_sequence, sequence);
        }
        let told = ToldKill {
            incident: sequence,
            mark: Mark::of_none(&parts.kill),
            parts: None,
            victims: Vec::new(),
            lost_records: self.lost_records,
        };
        self.memory.remember(sequence, told);
        out.push(Output::Event(Event::OomNoVictim(Box::new(event))));
    }
}

fn event(around: &Surroundings<'_>, parts: &Parts, listed: Listed) -> OomNoVictim {
    let mut absences = Absences::new(around.host);
    for field in ["victim", "hierarchy", "owner", "runtime", "node_memory"] {
        absences.inapplicable(field);
    }
    let kill = &parts.kill;
    let header = around.header(
        EventKind::OomNoVictim,
        Level::Warn,
        kill.meta.boot_ns,
        kill.trigger.tid,
    );
    header::check(&header, &mut absences);
    let verdict = verdict(parts, around);
    let paths = parts.chain.as_ref().map(paths::paths).unwrap_or_default();
    let id = around.incident_id(kill.meta.boot_ns);
    let incident = invocation::of(id, kill, Some(parts), &verdict, &mut absences);
    let trigger = invocation::trigger(around, parts, &paths, &mut absences);
    let limit = match verdict {
        Verdict::Global => {
            absences.inapplicable("limit");
            None
        }
        Verdict::Hit(hit) => {
            // User space is not asked to look: nobody dies, and these come in loops.
            absences.absent("limit.usage", Reason::NotCaptured);
            Some(limit::shown(&hit, &mut absences))
        }
        Verdict::Unknown(reason) => {
            absences.absent("limit", reason);
            None
        }
    };
    let source = around.candidates_source();
    let (candidates, candidates_total) = listed.put(&mut absences);
    OomNoVictim {
        header,
        incident: Some(incident),
        trigger: Some(trigger),
        limit,
        reason: None,
        candidates_source: source.filter(|_| !candidates.is_empty()),
        candidates,
        candidates_total,
        report: None,
        repeats_total: Some(kill.repeats),
        missing: absences.finish(),
        lost_records: Some(around.lost_records),
    }
}

/// The chain that was sent begins at the cgroup whose limit was hit.
fn verdict<'a>(parts: &'a Parts, around: &Surroundings<'_>) -> Verdict<'a> {
    match &parts.chain {
        Some(chain) => Verdict::Hit(limit::Hit::first(chain, around.host.page_size_bytes)),
        None => parts.verdict(around),
    }
}
