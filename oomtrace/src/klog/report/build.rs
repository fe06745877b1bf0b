//! A report that is over, as events.

use super::{
    draft::{Death, Draft, Why},
    header::{About, header},
    hit,
    page_size::{self, victim_row},
    rest, table, victim,
};
use crate::model::{
    Bytes, Candidate, Cause, Event, EventKind, Incident, Invocation, JSON_INTEGER_MAX, KernelInfo,
    KillKind, Level, LimitHit, Missing, NodeMemory, OomKill, OomNoVictim, PageSize, Scope, Text,
    Trigger,
};

/// An amount that the schema can hold.
pub(super) fn bytes(amount: Option<u64>) -> Option<Bytes> {
    amount
        .filter(|amount| *amount <= JSON_INTEGER_MAX)
        .map(Bytes)
}

/// Text that somebody else chose.
pub(super) fn named(text: &[u8]) -> (Option<String>, Option<String>) {
    let text = Text::from_bytes(text);
    (Some(text.lossy), text.hex)
}

/// What all events of a report have in common.
pub(super) struct Common<'a> {
    pub(super) draft: &'a Draft,
    about: About<'a>,
    pub(super) page_size: Option<PageSize>,
    scope: Option<Scope>,
    incident: Incident,
    trigger: Option<Trigger>,
    limit: Option<LimitHit>,
    node_memory: Option<NodeMemory>,
}

/// Puts out the events of `draft`.
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
    let mut report = Some(Box::new(rest::report(draft, found)));
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
        if index == 0 && draft.rows_total > 0 {
            event.candidates_total = Some(draft.rows_total);
        }
        out.push(Event::OomKill(Box::new(event)));
    }
}

fn incident(draft: &Draft, about: &About<'_>, scope: Option<Scope>) -> Incident {
    let when = draft.deaths.first().map_or(draft.first, |death| death.when);
    let id = match (about.boot_id, when.boot_us) {
        (Some(boot), Some(us)) => format!("{boot}:{us}"),
        // Without an identity of the boot the place in the log has to do.
        _ => format!("log:{}", when.number),
    };
    Incident {
        id,
        scope,
        scope_basis: scope.map(|_| crate::model::Basis::Log),
        constraint: hit::constraint(draft, scope),
        cause: cause(draft),
        kill_kind: None,
        kill_index: 0,
        group_cgroup_path: draft
            .group
            .as_ref()
            .and_then(|path| named(path.as_deref()?).0),
        totalpages_pages: None,
    }
}

/// What invoked the OOM killer, from the order of the allocation and the call trace.
fn cause(draft: &Draft) -> Option<Cause> {
    let trigger = draft.trigger.as_ref()?;
    if trigger.order == Some(-1) {
        return Some(Cause::Sysrq);
    }
    let traced = |names: &[&str]| {
        draft
            .trace
            .iter()
            .any(|frame| names.iter().any(|name| frame.starts_with(name)))
    };
    if traced(&[
        "memory_max_write",
        "mem_cgroup_resize_max",
        "mem_cgroup_resize_limit",
    ]) {
        Some(Cause::LimitWrite)
    } else if trigger.comm.starts_with(b"kswapd") && traced(&["lru_gen", "balance_pgdat"]) {
        Some(Cause::Thrashing)
    } else if traced(&["pagefault_out_of_memory"]) {
        Some(Cause::PageFault)
    } else {
        traced(&[
            "__alloc_pages",
            "__alloc_frozen_pages",
            "try_charge",
            "obj_cgroup_charge",
        ])
        .then_some(Cause::Allocation)
    }
}

fn trigger(draft: &Draft) -> Option<Trigger> {
    let invoked = draft.trigger.as_ref()?;
    let processor = draft.processor.as_ref();
    let (comm, comm_hex) = named(&invoked.comm);
    let tid = processor.and_then(|processor| processor.tid);
    // The number is a thread's; the table tells the process, where it has a row for it.
    let row = tid.and_then(|tid| victim_row(&draft.rows, tid));
    let died = || tid.filter(|tid| draft.deaths.iter().any(|death| death.killed.pid == *tid));
    Some(Trigger {
        pid: row.map(|row| row.tgid).or_else(died),
        tid,
        comm,
        comm_hex,
        uid: processor
            .and_then(|processor| processor.uid)
            .or_else(|| row.and_then(|row| row.uid)),
        gfp_mask: invoked.gfp_mask.filter(|mask| *mask <= JSON_INTEGER_MAX),
        gfp_flags: invoked.gfp_flags.clone(),
        oom_score_adj: invoked.oom_score_adj,
        order: invoked.order,
        ..Trigger::default()
    })
}

/// The tasks, largest first.
fn candidates(draft: &Draft, page_size: Option<PageSize>) -> Vec<Candidate> {
    let mut rows: Vec<_> = draft.rows.iter().collect();
    rows.sort_by_key(|row| {
        let held = row.rss.unwrap_or_default();
        std::cmp::Reverse(held.saturating_add(row.swap.unwrap_or_default()))
    });
    rows.into_iter()
        .map(|row| {
            let mut candidate = table::candidate(row, page_size.map(|size| size.0));
            // The row of a name with a newline in it shows its beginning.
            let whole = draft
                .deaths
                .iter()
                .map(|death| &death.killed)
                .find(|killed| {
                    let more = killed.comm.strip_prefix(row.name.as_slice());
                    killed.pid == row.tid && more.is_some_and(|more| more.starts_with(b"\n"))
                });
            if let Some(killed) = whole {
                (candidate.comm, candidate.comm_hex) = named(&killed.comm);
            }
            candidate
        })
        .collect()
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
        OomKill {
            header: header(
                &self.about,
                EventKind::OomKill,
                Level::Error,
                &death.when,
                victim.tid,
                self.kernel(),
            ),
            incident: Incident {
                kill_kind: Some(kind),
                kill_index: index,
                ..self.incident.clone()
            },
            trigger: self.trigger.clone(),
            owner: victim
                .cgroup_path
                .as_deref()
                .and_then(crate::enrich::owner_from_path),
            victim,
            runtime: None,
            limit: self.limit.clone(),
            node_memory: self.node_memory.clone(),
            hierarchy: Vec::new(),
            hierarchy_total: None,
            candidates: Vec::new(),
            candidates_total: None,
            candidates_source: None,
            report: None,
            recurrence: None,
            findings: Vec::new(),
            missing,
            truncated: Vec::new(),
            lost_records: 0,
        }
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
        OomNoVictim {
            header: header(
                &self.about,
                EventKind::OomNoVictim,
                Level::Warn,
                &draft.first,
                self.trigger.as_ref().and_then(|trigger| trigger.tid),
                self.kernel(),
            ),
            trigger: self.trigger.clone(),
            limit: self.limit.clone(),
            reason: Some(reason.to_owned()),
            incident: Some(Invocation {
                id: self.incident.id.clone(),
                scope: self.scope,
                scope_basis: self.scope.and(self.incident.scope_basis),
                constraint: self.incident.constraint,
                cause: self.incident.cause,
                totalpages_pages: None,
            }),
            candidates,
            candidates_total: (draft.rows_total > 0).then_some(draft.rows_total),
            candidates_source: None,
            repeats_total: None,
            report,
            missing,
            lost_records: None,
        }
    }
}

/// What no kernel writes into its log.
const NEVER_IN_LOG: [&str; 6] = [
    "victim.cmdline",
    "victim.exe",
    "victim.parent_pid",
    "victim.start_timestamp",
    "victim.threads",
    "hierarchy",
];

/// Lists a field that the log does not show.
pub(super) fn absent(missing: &mut Vec<Missing>, field: &str) {
    let why = "this log does not show it: a part is missing, or the kernel left it out";
    because(missing, field, "not_in_log", why);
}

/// Lists what a log cannot show.
fn never_in_log(missing: &mut Vec<Missing>) {
    for field in NEVER_IN_LOG {
        let why = "the kernel does not write it into its log";
        because(missing, field, "never_in_log", why);
    }
}

/// The words stand with the first field that shares the reason.
fn because(missing: &mut Vec<Missing>, field: &str, reason: &str, why: &str) {
    let is_first = missing.iter().all(|other| other.reason != reason);
    missing.push(Missing {
        field: field.to_owned(),
        reason: reason.to_owned(),
        why: is_first.then(|| why.to_owned()),
    });
}
