//! Findings on whose limit it was.

use super::draft::{Draft, Findings};
use super::{code, kubernetes};
use crate::model::{Basis, Bytes, Cause, LimitHit, LimitedCounter, OomKill, PageSize, Unit};
use crate::{cgroup, words};

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    if let Some(limit) = &event.limit {
        out.push(limit_reached(event, limit));
        out.extend(parent_limit(event, limit));
        out.extend(children_above_limit(event, limit));
        out.extend(kubernetes::outlives_container(limit));
    }
}

fn limit_reached(event: &OomKill, limit: &LimitHit) -> Draft {
    let whose = words::limit_owner(event, limit);
    let mut draft = if event.incident.cause == Some(Cause::LimitWrite) {
        Draft::new(code::LIMIT_SET_BELOW_USAGE).say("The limit was set below the usage: ")
    } else {
        Draft::new(code::LIMIT_REACHED)
    };
    let (used, bound, of) = match limit.counter {
        Some(LimitedCounter::Memsw) => (
            limit.memsw_usage_bytes,
            limit.memsw_limit_bytes,
            "memory and swap together",
        ),
        Some(LimitedCounter::Kmem) => (limit.kmem_usage_bytes, None, "kernel memory"),
        Some(LimitedCounter::Memory) | None => (limit.usage_bytes, limit.limit_bytes, "memory"),
    };
    draft = match (used, bound) {
        (Some(used), Some(bound)) if lowered(event).is_some() => draft
            .bytes("usage", used)
            .say(&format!(" of {of} was in use in {whose}, whose limit is "))
            .bytes("limit", bound)
            .say("."),
        (Some(used), Some(bound)) => draft
            .say(&format!("{whose} was charged "))
            .bytes("usage", used)
            .say(&format!(" of {of}, its limit is "))
            .bytes("limit", bound)
            .say("."),
        (Some(used), None) => draft
            .say(&format!("{whose} reached its limit of {of} with "))
            .bytes("usage", used)
            .say("."),
        (None, Some(bound)) => draft
            .say(&format!("{whose} reached its limit of {of}, "))
            .bytes("limit", bound)
            .say("."),
        (None, None) => draft.say(&format!("{whose} reached its limit of {of}.")),
    };
    draft = match limit.basis {
        Some(Basis::OomLock) => {
            draft.say(" The kernel had marked this cgroup as being out of memory.")
        }
        Some(Basis::Counters) => {
            draft.say(" That it was this limit follows from the counters; the kernel did not say.")
        }
        Some(Basis::Kernel | Basis::Log) | None => draft,
    };
    if let Some(levels) = levels_above(event, limit) {
        draft = draft.with("levels_above_victim", levels, Unit::Count);
    }
    if let Some(hits) = limit.max_events_total {
        draft = draft.with("limit_hits", hits, Unit::Count);
    }
    // Whose limit it was, and how full, is in the message and beside it.
    let adds = matches!(limit.basis, Some(Basis::OomLock | Basis::Counters))
        || event.incident.cause == Some(Cause::LimitWrite);
    draft = draft.detail_if(!adds);
    match used.filter(|_| event.incident.cause == Some(Cause::LimitWrite)) {
        Some(used) => draft
            .change("Set a limit above the ")
            .bytes("usage", used)
            .say(" in use, or make it less first."),
        None => draft,
    }
}

/// What was in use where that is so far above the limit that only lowering it can have led there.
pub(super) fn lowered(event: &OomKill) -> Option<Bytes> {
    let limit = event.limit.as_ref()?;
    let (used, bound) = limit.usage_bytes.zip(limit.limit_bytes)?;
    if !matches!(limit.counter, Some(LimitedCounter::Memory) | None) {
        return None;
    }
    let page_size = event.header.kernel.page_size_bytes;
    let page_size = page_size.unwrap_or(PageSize(4096));
    let is_below = event.incident.cause == Some(Cause::LimitWrite) && bound < used;
    (is_below || cgroup::is_above_limit(used, bound, page_size)).then_some(used)
}

/// The limit that was written, where it is that of memory: others are not written below usage.
pub(super) fn written(limit: &LimitHit) -> Option<Bytes> {
    let is_memory = matches!(limit.counter, Some(LimitedCounter::Memory) | None);
    limit.limit_bytes.filter(|_| is_memory)
}

/// The amount that sentences measure parts against: the limit, or what was in use above it.
pub(super) fn named(event: &OomKill) -> Option<Bytes> {
    let limit = event.limit.as_ref()?;
    lowered(event).or(match event.incident.cause {
        Some(Cause::LimitWrite) => written(limit),
        _ => bound(limit),
    })
}

/// The limit of the counter that was full.
pub(super) fn bound(limit: &LimitHit) -> Option<Bytes> {
    match limit.counter {
        Some(LimitedCounter::Memsw) => limit.memsw_limit_bytes,
        Some(LimitedCounter::Kmem) => None,
        Some(LimitedCounter::Memory) | None => limit.limit_bytes,
    }
}

/// How many levels the limit's cgroup is above the victim's.
fn levels_above(event: &OomKill, limit: &LimitHit) -> Option<u64> {
    let at = event
        .hierarchy
        .iter()
        .position(|level| match (level.cgroup_id, limit.cgroup_id) {
            (Some(level), Some(limit)) => level == limit,
            _ => level.cgroup_path.is_some() && level.cgroup_path == limit.cgroup_path,
        })?;
    u64::try_from(at).ok()
}

fn parent_limit(event: &OomKill, limit: &LimitHit) -> Option<Draft> {
    if is_ancestors_limit(event) != Some(true) {
        return None;
    }
    let whose = words::limit_owner(event, limit);
    let mut draft = Draft::new(code::PARENT_LIMIT).say(&format!(
        "The limit is not that of the victim's own cgroup but of {whose}"
    ));
    draft = match levels_above(event, limit) {
        Some(1) => draft
            .with("levels_above_victim", 1, Unit::Count)
            .say(", 1 level above it"),
        Some(levels) if levels > 1 => draft
            .say(", ")
            .count("levels_above_victim", levels)
            .say(" levels above it"),
        _ => draft.say(", above it"),
    };
    draft = draft.say(": everything below that cgroup counts against it.");
    // The victim's own level says whether its own limit was near.
    let own = event.hierarchy.first().filter(|level| {
        level.cgroup_path.is_some() && level.cgroup_path == event.victim.cgroup_path
    });
    if let Some((used, bound)) = own.and_then(|own| own.usage_bytes.zip(own.limit_bytes)) {
        draft = draft
            .say(" Its own cgroup was charged ")
            .bytes("own_usage", used)
            .say(", its limit is ")
            .bytes("own_limit", bound)
            .say(".");
    }
    let level = limit.cgroup_path.as_deref().and_then(kubernetes::level);
    if let Some(level) = level {
        let draft = kubernetes::parent_limit(draft, level, event, limit.limit_bytes);
        return Some(draft);
    }
    draft = draft.change(&format!("Raise the limit of {whose}"));
    if let Some(bound) = limit.limit_bytes {
        draft = draft.say(", ").bytes("limit", bound);
    }
    let own = own.and_then(|own| own.usage_bytes.zip(own.limit_bytes));
    // A cgroup that was full itself needs a higher limit as well.
    let has_room = own.is_none_or(|(used, bound)| used < bound);
    Some(draft.say(if has_room {
        ", or make what is in it smaller: a higher limit of the victim's own cgroup would not \
         have helped."
    } else {
        ", and that of the victim's own cgroup, which was full too; or make what is in it smaller."
    }))
}

/// Only where no child could reach its limit without the others giving way.
fn children_above_limit(event: &OomKill, limit: &LimitHit) -> Option<Draft> {
    let (children, bound) = limit.children.zip(limit.limit_bytes)?;
    if children.limited_total < 2 || children.limits_bytes <= bound {
        return None;
    }
    Some(
        Draft::new(code::CHILDREN_ABOVE_LIMIT)
            .say("The limits of ")
            .count("children_limited", children.limited_total.into())
            .say(" cgroups directly below it add up to ")
            .bytes("children_limits", children.limits_bytes)
            .say(", more than the ")
            .bytes("limit", bound)
            .say(&format!(
                " of {}: it can be full while none of them is.",
                words::limit_owner(event, limit)
            ))
            .change("Raise its limit to at least ")
            .bytes("children_limits", children.limits_bytes)
            .say(", or lower theirs by ")
            .bytes(
                "children_beyond_limit",
                children.limits_bytes.saturating_sub(bound),
            )
            .say(" together."),
    )
}

/// Whether the limit is that of an ancestor of the victim's cgroup; `None` if that is not known.
pub(super) fn is_ancestors_limit(event: &OomKill) -> Option<bool> {
    let limit = event.limit.as_ref()?;
    if let (Some(limit), Some(victim)) = (limit.cgroup_id, event.victim.cgroup_id) {
        return Some(limit != victim);
    }
    let limit = limit.cgroup_path.as_deref()?;
    let victim = event.victim.cgroup_path.as_deref()?;
    Some(limit != victim)
}
