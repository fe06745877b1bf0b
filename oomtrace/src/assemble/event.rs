//! The event of a kill, from its records.

use oomtrace_common::record::kill_flags;

use super::{
    header::{self, Surroundings},
    limit::{self, Hit, Verdict},
    missing::{Absences, Reason},
    paths,
    victim::{self, text},
};
use crate::{
    decode::{Chain, Kill, VictimContext},
    model::{
        Basis, Cause, CgroupLevel, Constraint, EventKind, Incident, JSON_INTEGER_MAX, KillKind,
        Level, OomKill, Scope, Trigger,
    },
};

/// The records of one kill.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) kill: Kill,
    pub(super) chain: Option<Chain>,
    pub(super) trigger_chain: Option<Chain>,
    pub(super) contexts: Vec<VictimContext>,
    /// Why what is not here is not here, unless the kill's own flags say.
    pub(super) late: Reason,
}

impl Parts {
    /// Why there is no chain.
    pub(super) fn no_chain(&self) -> Reason {
        if self.kill.has(kill_flags::CHAIN_LOST) {
            Reason::RecordLost
        } else if self.kill.has(kill_flags::TRACEPOINT_ONLY) {
            Reason::TracepointOnly
        } else {
            self.late
        }
    }

    fn no_context(&self) -> Reason {
        if self.kill.has(kill_flags::NOT_FOLLOWED) {
            Reason::NotFollowed
        } else if self.kill.has(kill_flags::TRACEPOINT_ONLY) {
            Reason::TracepointOnly
        } else {
            self.late
        }
    }

    /// Whose limit it was.
    pub(super) fn verdict(&self, around: &Surroundings<'_>) -> Verdict<'_> {
        limit::decide(
            &self.kill,
            self.chain.as_ref(),
            self.trigger_chain.as_ref(),
            self.no_chain(),
            around.host.page_size_bytes,
        )
    }

    /// The cgroup that is known to be the one, in these chains.
    pub(super) fn known_limit(&self, id: u64, basis: Basis, around: &Surroundings<'_>) -> Hit<'_> {
        let page_size = around.host.page_size_bytes;
        limit::by_id(
            id,
            basis,
            self.chain.as_ref(),
            self.trigger_chain.as_ref(),
            page_size,
        )
    }

    /// The command line of process `tgid`; that of any other user of the same address space is
    /// the same.
    fn context(&self, tgid: Option<u32>) -> Result<&VictimContext, Reason> {
        self.contexts
            .iter()
            .find(|context| Some(context.tgid) == tgid)
            .or(self.contexts.first())
            .ok_or(self.no_context())
    }
}

/// Where the kill stands in its incident.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) incident_id: String,
    pub(super) kill_index: u32,
    pub(super) kind: Result<KillKind, Reason>,
    /// The cgroup that died as a whole; the reason where there is one but it is not known which.
    pub(super) group_path: Result<Option<String>, Reason>,
}

/// Puts the event of a victim together.
pub(super) fn victim_event(
    around: &Surroundings<'_>,
    parts: &Parts,
    verdict: &Verdict<'_>,
    placement: Placement,
) -> OomKill {
    let mut absences = Absences::new(around.host);
    let context = parts.context(parts.kill.victim.tgid);
    put(
        around,
        &parts.kill,
        Some(parts),
        verdict,
        placement,
        Some(0),
        context,
        &mut absences,
    )
    .finish(absences)
}

/// Puts the event of a process together that was killed because it used a victim's memory.
/// `parts` are the victim's, where they are still known.
pub(super) fn sharer_event(
    around: &Surroundings<'_>,
    sharer: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    placement: Placement,
) -> OomKill {
    let mut absences = Absences::new(around.host);
    let chain = parts.and_then(|parts| parts.chain.as_ref());
    let at = chain.and_then(|chain| chain.position(sharer.victim.memcg_id?));
    let context = match parts {
        Some(parts) => parts.context(sharer.victim.tgid),
        None => Err(Reason::NotReceived),
    };
    let mut event = put(
        around,
        sharer,
        parts,
        verdict,
        placement,
        at,
        context,
        &mut absences,
    );
    event.victim.shares_memory_with_pid = absences.check(
        "victim.shares_memory_with_pid",
        parts.and_then(|parts| parts.kill.victim.tgid),
        Reason::NotReceived,
    );
    event.finish(absences)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the two events differ in each of them, and nowhere else"
)]
fn put(
    around: &Surroundings<'_>,
    kill: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    placement: Placement,
    at: Option<usize>,
    context: Result<&VictimContext, Reason>,
    absences: &mut Absences<'_>,
) -> OomKill {
    let kind = placement.kind.ok();
    let header = around.header(
        EventKind::OomKill,
        Level::Error,
        kill.meta.boot_ns,
        kill.victim.tid.or(kill.victim.tgid),
    );
    header::check(&header, absences);
    let chain = parts.and_then(|parts| parts.chain.as_ref());
    let no_chain = parts.map_or(Reason::NotReceived, Parts::no_chain);
    let no_level = if chain.is_some() {
        Reason::NotInChain
    } else {
        no_chain
    };
    let paths = chain.map(paths::paths).unwrap_or_default();
    let path = at
        .and_then(|index| paths.get(index).cloned())
        .unwrap_or(Err(no_level));
    let hierarchy = hierarchy(chain, &paths, at);
    if hierarchy.is_empty() {
        absences.absent("hierarchy", no_level);
    }
    let hierarchy_total = match chain {
        Some(chain) if chain.truncated => {
            absences.absent("hierarchy_total", Reason::ChainTruncated);
            None
        }
        _ => u32::try_from(hierarchy.len())
            .ok()
            .filter(|levels| *levels > 0),
    };
    let incident = incident(kill, parts, verdict, placement, absences);
    let trigger = parts.map(|parts| trigger(parts, &paths, absences));
    if trigger.is_none() {
        absences.absent("trigger", Reason::NotReceived);
    }
    let victim = victim::victim(around, kill, kind, path, context, absences);
    let limit = match verdict {
        Verdict::Global => {
            absences.absent("node_memory", Reason::NotCaptured);
            None
        }
        Verdict::Hit(hit) => Some(limit::shown(hit, absences)),
        Verdict::Unknown(reason) => {
            absences.absent("limit", *reason);
            None
        }
    };
    absences.absent("candidates", Reason::NotCaptured);

    OomKill {
        header,
        incident,
        trigger,
        victim,
        owner: None,
        runtime: None,
        limit,
        node_memory: None,
        hierarchy,
        hierarchy_total,
        candidates: Vec::new(),
        candidates_total: None,
        report: None,
        findings: Vec::new(),
        missing: Vec::new(),
        truncated: Vec::new(),
        lost_records: around.lost_records,
    }
}

impl OomKill {
    fn finish(mut self, absences: Absences<'_>) -> Self {
        self.missing = absences.finish();
        self
    }
}

fn hierarchy(
    chain: Option<&Chain>,
    paths: &[Result<Vec<u8>, Reason>],
    at: Option<usize>,
) -> Vec<CgroupLevel> {
    let (Some(chain), Some(at)) = (chain, at) else {
        return Vec::new();
    };
    chain
        .levels
        .iter()
        .zip(paths)
        .skip(at)
        .map(|(level, path)| paths::level(chain, level, path.as_ref().ok()))
        .collect()
}

fn incident(
    kill: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    placement: Placement,
    absences: &mut Absences<'_>,
) -> Incident {
    let (scope, scope_basis) = match verdict {
        Verdict::Global => (Some(Scope::Global), Some(Basis::Kernel)),
        Verdict::Hit(hit) => (Some(Scope::Memcg), Some(hit.basis)),
        Verdict::Unknown(reason) => {
            absences.absent("incident.scope", *reason);
            (None, None)
        }
    };
    let control = parts.map_or(kill, |parts| &parts.kill).oom_control;
    let constraint = control.map(|control| match control.constraint {
        0 => Some(Constraint::None),
        1 => Some(Constraint::Cpuset),
        2 => Some(Constraint::Mempolicy),
        3 => Some(Constraint::Memcg),
        _ => None,
    });
    let strange = if control.is_some() {
        Reason::OutOfRange
    } else {
        Reason::NoOomControl
    };
    let cause = control
        .filter(|control| control.order == -1)
        .map(|_| Cause::Sysrq);
    let no_cause = if control.is_some() {
        Reason::NotDetermined
    } else {
        Reason::NoOomControl
    };
    let totalpages = control
        .map(|control| control.totalpages)
        .filter(|pages| pages.0 <= JSON_INTEGER_MAX);
    Incident {
        id: placement.incident_id,
        scope,
        scope_basis,
        constraint: absences.check("incident.constraint", constraint.flatten(), strange),
        cause: absences.check("incident.cause", cause, no_cause),
        kill_kind: absences.check(
            "incident.kill_kind",
            placement.kind.ok(),
            placement.kind.err().unwrap_or(Reason::NotDetermined),
        ),
        kill_index: placement.kill_index,
        group_cgroup_path: placement.group_path.unwrap_or_else(|reason| {
            absences.absent("incident.group_cgroup_path", reason);
            None
        }),
        totalpages_pages: absences.check("incident.totalpages_pages", totalpages, strange),
    }
}

fn trigger(
    parts: &Parts,
    paths: &[Result<Vec<u8>, Reason>],
    absences: &mut Absences<'_>,
) -> Trigger {
    let raw = &parts.kill.trigger;
    let control = parts.kill.oom_control;
    let (comm, comm_hex) = text(raw.comm.as_deref());
    let path = trigger_path(parts, paths);
    let no_path = path.as_ref().err().copied().unwrap_or(Reason::NotRead);
    let (cgroup_path, cgroup_path_hex) = paths::text(path.ok().as_ref());
    Trigger {
        pid: absences.check("trigger.pid", raw.tgid, Reason::NotRead),
        tid: absences.check("trigger.tid", raw.tid, Reason::NotRead),
        comm: absences.check("trigger.comm", comm, Reason::NotRead),
        comm_hex,
        uid: absences.check("trigger.uid", raw.uid, Reason::NotRead),
        cgroup_path: absences.check("trigger.cgroup_path", cgroup_path, no_path),
        cgroup_path_hex,
        cgroup_id: absences.check(
            "trigger.cgroup_id",
            raw.memcg_id.filter(|id| *id <= JSON_INTEGER_MAX),
            Reason::NotRead,
        ),
        gfp_mask: absences.check(
            "trigger.gfp_mask",
            control.map(|control| u64::from(control.gfp_mask)),
            Reason::NoOomControl,
        ),
        gfp_flags: Vec::new(),
        oom_score_adj: None,
        order: absences.check(
            "trigger.order",
            control.map(|control| control.order),
            Reason::NoOomControl,
        ),
    }
}

/// The trigger's cgroup is part of the victim's chain, or it has a chain of its own.
fn trigger_path(parts: &Parts, victim: &[Result<Vec<u8>, Reason>]) -> Result<Vec<u8>, Reason> {
    let in_victims = parts
        .kill
        .trigger
        .memcg_id
        .zip(parts.chain.as_ref())
        .and_then(|(id, chain)| chain.position(id))
        .and_then(|index| victim.get(index).cloned());
    if let Some(path) = in_victims {
        return path;
    }
    if let Some(chain) = &parts.trigger_chain {
        return paths::paths(chain)
            .into_iter()
            .next()
            .unwrap_or(Err(Reason::NameNotRead));
    }
    let expected = parts.kill.has(kill_flags::TRIGGER_CHAIN);
    Err(match (parts.kill.trigger.memcg_id, expected) {
        (None, false) => Reason::NotRead,
        (Some(_), false) if parts.chain.is_some() => Reason::RecordLost,
        _ => parts.no_chain(),
    })
}
