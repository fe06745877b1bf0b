//! A report that is over, as events.

use super::candidates::candidates;
use super::draft::{Death, Draft, Why};
use super::header::{About, header};
use super::incident::{Common, incident, trigger};
use super::values::{absent, named, never_in_log};
use super::{hit, page_size, rest, victim};
use crate::model::{
    Candidate, CandidatesBasis, ChosenProcess, Event, EventKind, Incident, Invocation, KernelInfo,
    KillKind, Missing, NodeMemory, OomKill, OomNoVictim, PageSize, Scope,
};

/// Emits the events of `draft`.
pub(super) fn events(draft: &Draft, about: About<'_>, out: &mut Vec<Event>) {
    let found = page_size::find(draft);
    let page_size = found.map(|(size, _)| size);
    let scope = hit::scope(draft);
    let common = Common {
        draft,
        about,
        page_size,
        scope,
        incident: incident(draft, &about, scope),
        trigger: trigger(draft),
        limit: (scope == Some(Scope::Memcg)).then(|| hit::limit(draft, page_size)),
        node_memory: (scope == Some(Scope::Global))
            .then(|| node_memory(draft, page_size))
            .flatten(),
    };
    let mut report = Some(Box::new(rest::report(draft, found, about.is_crash_kernel)));
    let mut candidates = candidates(draft, page_size);
    let deaths = victim::deaths(draft);
    if deaths.is_empty() {
        let event = common.no_victim(report.take(), std::mem::take(&mut candidates));
        out.push(Event::OomNoVictim(Box::new(event)));
        return;
    }
    for (index, death) in deaths.iter().enumerate() {
        let mut event = common.kill(death, u32::try_from(index).unwrap_or(u32::MAX));
        event.report = report.take();
        event.candidates = std::mem::take(&mut candidates);
        event.candidates_basis = (!event.candidates.is_empty()).then_some(CandidatesBasis::Kernel);
        if index == 0 && draft.rows_total > 0 {
            event.candidates_total = Some(draft.rows_total);
        }
        out.push(Event::OomKill(Box::new(event)));
    }
}

fn node_memory(draft: &Draft, page_size: Option<PageSize>) -> Option<NodeMemory> {
    let order = draft.trigger.as_ref().and_then(|trigger| trigger.order);
    super::node_memory::of(draft.mem_info.as_ref()?, page_size, order)
}

impl Common<'_> {
    fn kernel(&self) -> KernelInfo {
        let printed = self.draft.processor.as_ref();
        KernelInfo {
            release: printed
                .and_then(|processor| processor.release.clone())
                .or_else(|| self.about.release.map(str::to_owned))
                .or_else(|| self.about.host.release.clone()),
            boot_id: self.about.boot_id.map(str::to_owned),
            page_size_bytes: self.page_size,
        }
    }

    fn kill(&self, death: &Death, index: u32) -> OomKill {
        let mut missing = Vec::new();
        let victim = self.victim(death, &mut missing);
        if index == 0 {
            self.missing(&mut missing);
        }
        never_in_log(&mut missing);
        let kind = match death.why {
            Why::Chosen => KillKind::Chosen,
            Why::Group => KillKind::Group,
            Why::Sharer => KillKind::SharedMm,
        };
        let header = header(
            &self.about,
            EventKind::OomKill,
            &death.when,
            self.about
                .id(&death.when, victim.tid, &format!("{:?}", death.killed)),
            self.kernel(),
        );
        let incident = Incident {
            kill_kind: Some(kind),
            kill_index: index,
            chosen: (kind == KillKind::Group).then(|| self.chosen()).flatten(),
            ..self.incident.clone()
        };
        OomKill {
            trigger: self.trigger.clone(),
            // The kernel does not say where the members of a group live; it is below the group.
            owner: victim
                .cgroup_path
                .as_deref()
                .or_else(|| {
                    let group = self.incident.group_cgroup_path.as_deref();
                    group.filter(|_| kind == KillKind::Group)
                })
                .and_then(crate::cgroup::path::from_path),
            limit: self.limit.clone(),
            node_memory: self.node_memory.clone(),
            missing,
            ..OomKill::new(header, incident, victim)
        }
    }

    /// The process that was chosen: the first kill line names it.
    fn chosen(&self) -> Option<ChosenProcess> {
        let mut deaths = self.draft.deaths.iter();
        let death = deaths.find(|death| death.why == Why::Chosen)?;
        let (comm, comm_hex) = named(&death.killed.comm);
        let row = page_size::victim_row(&self.draft.rows, death.killed.pid);
        Some(ChosenProcess {
            pid: row.map_or(death.killed.pid, |row| row.tgid),
            comm,
            comm_hex,
        })
    }

    /// The chosen task's cgroup, or the one whose limit was hit.
    fn cgroup_that_ran_out(&self) -> Option<&str> {
        let of_task = hit::task_memcg(self.draft).and_then(|path| str::from_utf8(path).ok());
        of_task.or_else(|| self.limit.as_ref()?.cgroup_path.as_deref())
    }

    fn missing(&self, missing: &mut Vec<Missing>) {
        if self.trigger.is_none() {
            absent(missing, "trigger");
        }
        if self.draft.rows_total == 0 {
            absent(missing, "candidates");
        }
        match self.scope {
            None => absent(missing, "incident.scope"),
            Some(Scope::Memcg) => {
                let limit = self.limit.as_ref();
                if limit.is_none_or(|limit| limit.cgroup_path.is_none()) {
                    absent(missing, "limit.cgroup_path");
                }
                if limit.is_none_or(|limit| limit.usage_bytes.is_none()) {
                    absent(missing, "limit.usage_bytes");
                }
            }
            Some(Scope::Global) => {}
        }
    }

    fn no_victim(
        &self,
        report: Option<Box<crate::model::KernelReport>>,
        candidates: Vec<Candidate>,
    ) -> OomNoVictim {
        let draft = self.draft;
        let reason = if draft.exiting.is_some() {
            "already_exiting"
        } else if draft.nobody {
            "no_killable_process"
        } else if draft.panic.is_some() {
            "panic"
        } else {
            "not_shown"
        };
        let mut missing = Vec::new();
        if reason == "not_shown" {
            absent(&mut missing, "victim");
        }
        self.missing(&mut missing);
        let header = header(
            &self.about,
            EventKind::OomNoVictim,
            &draft.first,
            self.about.id(
                &draft.first,
                self.trigger.as_ref().and_then(|trigger| trigger.tid),
                &format!("{reason} {:?}", draft.trigger),
            ),
            self.kernel(),
        );
        OomNoVictim {
            trigger: self.trigger.clone(),
            limit: self.limit.clone(),
            owner: self
                .cgroup_that_ran_out()
                .and_then(crate::cgroup::path::from_path),
            node_memory: self.node_memory.clone(),
            reason: Some(reason.to_owned()),
            incident: Some(Invocation {
                id: self.incident.id.clone(),
                scope: self.scope,
                scope_basis: self.scope.and(self.incident.scope_basis),
                constraint: self.incident.constraint,
                cause: self.incident.cause,
                total_pages: None,
            }),
            candidates_basis: (!candidates.is_empty()).then_some(CandidatesBasis::Kernel),
            candidates,
            candidates_total: (draft.rows_total > 0).then_some(draft.rows_total),
            report,
            missing,
            ..OomNoVictim::new(header)
        }
    }
}
