//! What all events of one report share: the incident, the trigger, the limit or the node.

use super::draft::Draft;
use super::header::About;
use super::hit;
use super::page_size::victim_row;
use super::values::named;
use crate::model::{
    Basis, Cause, Incident, JSON_INTEGER_MAX, LimitHit, NodeMemory, PageSize, Scope, Trigger,
};

/// What all events of a report have in common.
pub(super) struct Common<'a> {
    pub(super) draft: &'a Draft,
    pub(super) about: About<'a>,
    pub(super) page_size: Option<PageSize>,
    pub(super) scope: Option<Scope>,
    pub(super) incident: Incident,
    pub(super) trigger: Option<Trigger>,
    pub(super) limit: Option<LimitHit>,
    pub(super) node_memory: Option<NodeMemory>,
}

pub(super) fn incident(draft: &Draft, about: &About<'_>, scope: Option<Scope>) -> Incident {
    let first = draft.deaths.first();
    let when = first.map_or(draft.first, |death| death.when);
    let facts = format!("{:?} {:?}", first.map(|death| &death.killed), draft.trigger);
    Incident {
        scope,
        scope_basis: scope.map(|_| Basis::Log),
        constraint: hit::constraint(draft, scope),
        cause: cause(draft),
        group_cgroup_path: draft
            .group
            .as_ref()
            .and_then(|path| named(path.as_deref()?).0),
        ..Incident::new(about.id(&when, None, &facts))
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

pub(super) fn trigger(draft: &Draft) -> Option<Trigger> {
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
        // A kernel that prints names prints none only where no flag is set.
        gfp_flags: (!invoked.gfp_flags.is_empty() || invoked.gfp_mask == Some(0))
            .then(|| invoked.gfp_flags.clone()),
        oom_score_adj: invoked.oom_score_adj,
        order: invoked.order,
        ..Trigger::default()
    })
}
