//! The event of a kill, from its records.

use std::mem;

use oomtrace_common::record::kill_flags;

use super::candidates::Listed;
use super::context::{self, CaptureContext};
use super::limit::{self, Verdict};
use super::missing::{MissingFields, Reason};
use super::parts::Parts;
use super::{invocation, node_memory, paths, victim};
use crate::decode::{Chain, Kill, VictimContext, VictimEnviron};
use crate::model::{
    CandidatesBasis, CgroupLevel, ChosenProcess, EventKind, Incident, KillKind, OomKill, Text,
};

/// The kept variables of a victim's environment, and whether they may not be all.
fn environ(environs: &[VictimEnviron], tgid: Option<u32>) -> Option<Vec<String>> {
    let own = environs.iter().find(|one| Some(one.tgid) == tgid);
    let environ = own.or(environs.first())?;
    let variables: Vec<String> = environ
        .variables
        .split(|byte| *byte == 0)
        .filter(|variable| !variable.is_empty())
        .map(|variable| Text::from_bytes(variable).lossy)
        .collect();
    // That none was set is only known of a whole environment.
    (!environ.is_cut || !variables.is_empty()).then_some(variables)
}

/// The kill's place in its incident.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) incident_id: String,
    pub(super) kill_index: u32,
    pub(super) kind: Result<KillKind, Reason>,
    /// The cgroup that died as a whole; the reason where there is one but it is not known which.
    pub(super) group_path: Result<Option<String>, Reason>,
    /// For a member of a group: whom it died with.
    pub(super) chosen: Option<ChosenProcess>,
    pub(super) candidates: Listed,
}

/// Builds the event for a victim.
pub(super) fn victim_event(
    ctx: &CaptureContext<'_>,
    parts: &Parts,
    verdict: &Verdict<'_>,
    placement: Placement,
) -> OomKill {
    let mut missing_fields = MissingFields::new(ctx.host);
    let context = parts.context(parts.kill.victim.tgid);
    build(
        ctx,
        &parts.kill,
        Some(parts),
        verdict,
        placement,
        Some(0),
        context,
        &mut missing_fields,
    )
    .finish(missing_fields)
}

/// Builds the event for a process that was killed because it used a victim's memory.
/// `parts` are the victim's, where they are still known.
pub(super) fn sharer_event(
    ctx: &CaptureContext<'_>,
    sharer: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    placement: Placement,
) -> OomKill {
    let mut missing_fields = MissingFields::new(ctx.host);
    let chain = parts.and_then(|parts| parts.chain.as_ref());
    let at = chain.and_then(|chain| chain.position(sharer.victim.memcg_id?));
    let context = match parts {
        Some(parts) => parts.context(sharer.victim.tgid),
        None => Err(Reason::NotReceived),
    };
    let mut event = build(
        ctx,
        sharer,
        parts,
        verdict,
        placement,
        at,
        context,
        &mut missing_fields,
    );
    event.victim.shares_memory_with_pid = missing_fields.check(
        "victim.shares_memory_with_pid",
        parts.and_then(|parts| parts.kill.victim.tgid),
        Reason::NotReceived,
    );
    event.finish(missing_fields)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the two events differ in each of them, and nowhere else"
)]
fn build(
    ctx: &CaptureContext<'_>,
    kill: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    mut placement: Placement,
    at: Option<usize>,
    context: Result<&VictimContext, Reason>,
    missing_fields: &mut MissingFields<'_>,
) -> OomKill {
    let kind = placement.kind.ok();
    let candidates = mem::replace(&mut placement.candidates, Listed::Elsewhere);
    let header = ctx.header(EventKind::OomKill, kill.meta.boot_ns, ctx.kill_id(kill));
    context::check(&header, missing_fields);
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
        missing_fields.absent("hierarchy", no_level);
    }
    let hierarchy_total = match chain {
        Some(chain) if chain.truncated => {
            missing_fields.absent("hierarchy_total", Reason::ChainTruncated);
            None
        }
        _ => u32::try_from(hierarchy.len())
            .ok()
            .filter(|levels| *levels > 0),
    };
    let incident = incident(kill, parts, verdict, placement, missing_fields);
    let trigger = parts.map(|parts| invocation::trigger(ctx, parts, &paths, missing_fields));
    if trigger.is_none() {
        missing_fields.absent("trigger", Reason::NotReceived);
    }
    let mut victim = victim::victim(ctx, kill, parts, kind, path, context, missing_fields);
    victim.environ = missing_fields.check(
        "victim.environ",
        parts.and_then(|parts| environ(&parts.environs, kill.victim.tgid)),
        context.err().unwrap_or(Reason::NotRead),
    );
    let mut node = None;
    let limit = match verdict {
        Verdict::Global => {
            let record = parts.and_then(|parts| parts.node_memory.as_ref());
            let shown = record.map(|node| node_memory::shown(node, ctx.host.page_size_bytes));
            let none = if parts.is_some_and(|parts| parts.kill.has(kill_flags::NODE_MEMORY)) {
                Reason::NotReceived
            } else {
                Reason::NoZones
            };
            node = missing_fields.check("node_memory", shown, none);
            missing_fields.inapplicable("limit");
            None
        }
        Verdict::Hit(hit) => {
            missing_fields.inapplicable("node_memory");
            Some(limit::shown(hit, missing_fields))
        }
        Verdict::Unknown(reason) => {
            missing_fields.absent("limit", *reason);
            None
        }
    };
    let (candidates, candidates_total) = candidates.put(missing_fields);
    let listed = !candidates.is_empty();

    OomKill {
        trigger,
        limit,
        node_memory: node,
        hierarchy,
        hierarchy_total,
        candidates_basis: listed.then_some(CandidatesBasis::Kernel),
        candidates_rss_error_max_bytes: listed.then(|| ctx.candidates_error_max()),
        candidates,
        candidates_total,
        lost_records: ctx.lost_records,
        ..OomKill::new(header, incident, victim)
    }
}

impl OomKill {
    fn finish(mut self, missing_fields: MissingFields<'_>) -> Self {
        self.missing = missing_fields.finish();
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
    missing_fields: &mut MissingFields<'_>,
) -> Incident {
    let invocation = invocation::of(placement.incident_id, kill, parts, verdict, missing_fields);
    Incident {
        scope: invocation.scope,
        scope_basis: invocation.scope_basis,
        constraint: invocation.constraint,
        cause: invocation.cause,
        kill_kind: missing_fields.check(
            "incident.kill_kind",
            placement.kind.ok(),
            placement.kind.err().unwrap_or(Reason::NotDetermined),
        ),
        kill_index: placement.kill_index,
        group_cgroup_path: placement.group_path.unwrap_or_else(|reason| {
            missing_fields.absent("incident.group_cgroup_path", reason);
            None
        }),
        chosen: placement.chosen,
        total_pages: invocation.total_pages,
        ..Incident::new(invocation.id)
    }
}
