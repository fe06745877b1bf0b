//! What the OOM killer was invoked for, and by whom.

use oomtrace_common::record::kill_flags;

use super::context::CaptureContext;
use super::limit::{CONSTRAINT_MEMCG, Verdict};
use super::missing::{MissingFields, Reason};
use super::parts::Parts;
use super::paths;
use super::text::text;
use crate::decode::{Chain, Kill, OomControl};
use crate::model::{Basis, Cause, Constraint, Invocation, JSON_INTEGER_MAX, Scope, Trigger};

/// The invocation that `parts` are of; `kill` is one that it led to, or the record of none.
pub(super) fn of(
    id: String,
    kill: &Kill,
    parts: Option<&Parts>,
    verdict: &Verdict<'_>,
    missing_fields: &mut MissingFields<'_>,
) -> Invocation {
    let control = parts.map_or(kill, |parts| &parts.kill).oom_control;
    let (scope, scope_basis) = scope(control, verdict, missing_fields);
    let constraint = control.map(|control| match control.constraint {
        0 => Some(Constraint::None),
        1 => Some(Constraint::Cpuset),
        2 => Some(Constraint::Mempolicy),
        CONSTRAINT_MEMCG => Some(Constraint::Memcg),
        _ => None,
    });
    let strange = if control.is_some() {
        Reason::OutOfRange
    } else {
        Reason::NoOomControl
    };
    let cause = match (control, parts) {
        (Some(control), Some(parts)) => cause(&control, parts, verdict),
        _ => Err(Reason::NoOomControl),
    };
    let totalpages = control
        .map(|control| control.totalpages)
        .filter(|pages| pages.0 <= JSON_INTEGER_MAX);
    Invocation {
        id,
        scope,
        scope_basis,
        constraint: missing_fields.check("incident.constraint", constraint.flatten(), strange),
        cause: missing_fields.check(
            "incident.cause",
            cause.ok(),
            cause.err().unwrap_or(Reason::NotDetermined),
        ),
        total_pages: missing_fields.check("incident.total_pages", totalpages, strange),
    }
}

fn scope(
    control: Option<OomControl>,
    verdict: &Verdict<'_>,
    missing_fields: &mut MissingFields<'_>,
) -> (Option<Scope>, Option<Basis>) {
    let by_kernel = control.map(|_| Basis::Kernel);
    match verdict {
        Verdict::Global => (Some(Scope::Global), Some(Basis::Kernel)),
        Verdict::Hit(hit) => (Some(Scope::Memcg), by_kernel.or(Some(hit.basis))),
        // Which cgroup it was could not be read, that it was one could.
        Verdict::Unknown(_)
            if control.is_some_and(|control| control.constraint == CONSTRAINT_MEMCG) =>
        {
            (Some(Scope::Memcg), by_kernel)
        }
        Verdict::Unknown(reason) => {
            missing_fields.absent("incident.scope", *reason);
            (None, None)
        }
    }
}

/// What invoked the OOM killer, where its arguments leave no other explanation.
///
/// A limit that is written below usage and reclaim that finds the node thrashing look like an
/// allocation of the same kind. Who writes a limit is usually outside of the cgroup and finds its
/// usage far above the new limit, where no charge can have taken it; otherwise the cause stays
/// absent.
fn cause(control: &OomControl, parts: &Parts, verdict: &Verdict<'_>) -> Result<Cause, Reason> {
    if control.order == -1 {
        return Ok(Cause::Sysrq);
    }
    let kill = &parts.kill;
    match control.memcg_id {
        Some(limit) => match trigger_is_below(parts, limit) {
            Some(true) => Ok(Cause::Allocation),
            Some(false) => match verdict {
                Verdict::Hit(hit) if hit.is_above => Ok(Cause::LimitWrite),
                _ => Err(Reason::TriggerOutsideLimit),
            },
            None => Err(Reason::NotDetermined),
        },
        None if control.constraint == CONSTRAINT_MEMCG => Err(Reason::NotDetermined),
        // pagefault_out_of_memory(); an allocation without flags never gets here.
        None if control.gfp_mask == 0 => Ok(Cause::PageFault),
        // kswapd only invokes it when it finds the node thrashing. But any process may bear the
        // name.
        None if kill
            .trigger
            .comm
            .as_ref()
            .is_none_or(|comm| comm.starts_with(b"kswapd")) =>
        {
            Err(Reason::NotDetermined)
        }
        None => Ok(Cause::Allocation),
    }
}

/// Whether the trigger was in the cgroup whose limit was hit, or below it.
fn trigger_is_below(parts: &Parts, limit: u64) -> Option<bool> {
    let own = parts.kill.trigger.memcg_id;
    if own == Some(limit) {
        return Some(true);
    }
    if let Some(chain) = &parts.trigger_chain {
        let below = chain.position(limit).is_some();
        return (below || !chain.truncated).then_some(below);
    }
    let chain = parts.chain.as_ref()?;
    let (trigger, limit) = (chain.position(own?)?, chain.position(limit)?);
    Some(trigger <= limit)
}

/// The task that asked for the memory. `victim_paths` are those of the chain in `parts`.
pub(super) fn trigger(
    ctx: &CaptureContext<'_>,
    parts: &Parts,
    victim_paths: &[Result<Vec<u8>, Reason>],
    missing_fields: &mut MissingFields<'_>,
) -> Trigger {
    let raw = &parts.kill.trigger;
    let control = parts.kill.oom_control;
    let (comm, comm_hex) = text(raw.comm.as_deref());
    let path = trigger_path(parts, victim_paths);
    let no_path = path.as_ref().err().copied().unwrap_or(Reason::NotRead);
    let (cgroup_path, cgroup_path_hex) = paths::text(path.ok().as_ref());
    Trigger {
        pid: missing_fields.check("trigger.pid", raw.tgid, Reason::NotRead),
        tid: missing_fields.check("trigger.tid", raw.tid, Reason::NotRead),
        comm: missing_fields.check("trigger.comm", comm, Reason::NotRead),
        comm_hex,
        uid: missing_fields.check("trigger.uid", raw.uid, Reason::NotRead),
        cgroup_path: missing_fields.check("trigger.cgroup_path", cgroup_path, no_path),
        cgroup_path_hex,
        cgroup_id: missing_fields.check(
            "trigger.cgroup_id",
            raw.memcg_id.filter(|id| *id <= JSON_INTEGER_MAX),
            Reason::NotRead,
        ),
        gfp_mask: missing_fields.check(
            "trigger.gfp_mask",
            control.map(|control| u64::from(control.gfp_mask)),
            Reason::NoOomControl,
        ),
        gfp_flags: gfp_names(ctx, control, missing_fields),
        oom_score_adj: None,
        order: missing_fields.check(
            "trigger.order",
            control.map(|control| control.order),
            Reason::NoOomControl,
        ),
    }
}

/// The flags by name, as the kernel prints them: composite names first, what no name covers in
/// hexadecimal.
fn gfp_names(
    ctx: &CaptureContext<'_>,
    control: Option<OomControl>,
    missing_fields: &mut MissingFields<'_>,
) -> Option<Vec<String>> {
    // Without the mask, its own absence says enough.
    let control = control?;
    let table = &ctx.host.gfp_flags;
    let mask = (!table.is_empty()).then_some(u64::from(control.gfp_mask));
    let mut rest = missing_fields.check("trigger.gfp_flags", mask, Reason::NoGfpTable)?;
    let mut out = Vec::new();
    for flag in table {
        if rest & flag.mask == flag.mask {
            out.push(flag.name.clone());
            rest &= !flag.mask;
        }
    }
    if rest != 0 {
        out.push(format!("{rest:#x}"));
    }
    Some(out)
}

/// The trigger's cgroup is part of the chain that was sent, or it has a chain of its own.
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
        return first_path(chain);
    }
    let expected = parts.kill.has(kill_flags::TRIGGER_CHAIN);
    Err(match (parts.kill.trigger.memcg_id, expected) {
        (None, false) => Reason::NotRead,
        (Some(_), false) if parts.no_victim => Reason::NotInChain,
        (Some(_), false) if parts.chain.is_some() => Reason::RecordLost,
        _ => parts.no_chain(),
    })
}

fn first_path(chain: &Chain) -> Result<Vec<u8>, Reason> {
    paths::paths(chain)
        .into_iter()
        .next()
        .unwrap_or(Err(Reason::NameNotRead))
}
