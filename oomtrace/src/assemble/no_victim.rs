//! The event of an invocation that found nothing to kill.

use super::candidates::Listed;
use super::context::{self, CaptureContext};
use super::limit::Verdict;
use super::missing::{MissingFields, Reason};
use super::parts::Parts;
use super::{invocation, limit, paths};
use crate::model::{CandidatesBasis, EventKind, OomNoVictim};

/// Tasks that such an event shows: the line is to stay short, and none of them died.
pub(super) const SHOWN_MAX: usize = 20;

/// The event of an invocation without a victim. It is no kill: the kernel does not count it as one.
pub(super) fn event(ctx: &CaptureContext<'_>, parts: &Parts, listed: Listed) -> OomNoVictim {
    let mut missing_fields = MissingFields::new(ctx.host);
    for field in ["victim", "hierarchy", "owner", "runtime", "node_memory"] {
        missing_fields.inapplicable(field);
    }
    let kill = &parts.kill;
    let header = ctx.header(
        EventKind::OomNoVictim,
        kill.meta.boot_ns,
        ctx.moment_id(kill.meta.boot_ns, kill.trigger.tid),
    );
    context::check(&header, &mut missing_fields);
    let verdict = verdict(parts, ctx);
    let paths = parts.chain.as_ref().map(paths::paths).unwrap_or_default();
    let id = header.event_id.clone().unwrap_or_default();
    let incident = invocation::of(id, kill, Some(parts), &verdict, &mut missing_fields);
    let trigger = invocation::trigger(ctx, parts, &paths, &mut missing_fields);
    let limit = match verdict {
        Verdict::Global => {
            missing_fields.inapplicable("limit");
            None
        }
        Verdict::Hit(hit) => {
            // User space is not asked to look: nobody dies, and these come in loops.
            missing_fields.absent("limit.usage", Reason::NotCaptured);
            Some(limit::shown(&hit, &mut missing_fields))
        }
        Verdict::Unknown(reason) => {
            missing_fields.absent("limit", reason);
            None
        }
    };
    let (candidates, candidates_total) = listed.put(&mut missing_fields);
    let listed = !candidates.is_empty();
    OomNoVictim {
        incident: Some(incident),
        trigger: Some(trigger),
        limit,
        candidates_basis: listed.then_some(CandidatesBasis::Kernel),
        candidates_rss_error_max_bytes: listed.then(|| ctx.candidates_error_max()),
        candidates,
        candidates_total,
        repeats_total: Some(kill.repeats),
        missing: missing_fields.finish(),
        lost_records: Some(ctx.lost_records),
        ..OomNoVictim::new(header)
    }
}

/// The chain that was sent begins at the cgroup whose limit was hit.
fn verdict<'a>(parts: &'a Parts, ctx: &CaptureContext<'_>) -> Verdict<'a> {
    match &parts.chain {
        Some(chain) => Verdict::Hit(limit::Hit::first(chain, ctx.host.page_size_bytes)),
        None => parts.verdict(ctx),
    }
}
