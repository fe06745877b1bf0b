//! Whose limit was hit. Without the OOM killer's own arguments it is worked out from the cgroups
//! that the kernel had marked as being under OOM, and from the counters.

use super::missing::{MissingFields, Reason, possible};
use super::paths::{self, Swap};
use crate::cgroup;
use crate::decode::{Chain, Kill, Level, Limit};
use crate::model::{Basis, Bytes, JSON_INTEGER_MAX, LimitHit, LimitedCounter, PageSize};

/// `CONSTRAINT_NONE` of `enum oom_constraint`.
pub(super) const CONSTRAINT_NONE: u32 = 0;
/// `CONSTRAINT_MEMCG` of `enum oom_constraint`.
pub(super) const CONSTRAINT_MEMCG: u32 = 3;

/// Whose limit it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict<'a> {
    /// Nobody's: the node (or the allowed part of it) ran out.
    Global,
    /// A cgroup's.
    Hit(Hit<'a>),
    /// Not known, and why.
    Unknown(Reason),
}

/// A cgroup whose limit was hit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'a> {
    /// How that is known.
    pub(super) basis: Basis,
    /// kernfs id, where it was read.
    pub(super) cgroup_id: Option<u64>,
    /// Its index in a captured chain.
    pub(super) at: Option<(&'a Chain, usize)>,
    /// Why it is in none.
    unplaced: Reason,
    /// Which of its counters is at its limit; nothing where none is (any more).
    pub(super) counter: Option<LimitedCounter>,
    /// Whether its usage is beyond what charges can have taken it to.
    pub(super) is_above: bool,
}

impl<'a> Hit<'a> {
    fn at(chain: &'a Chain, index: usize, basis: Basis, page_size: PageSize) -> Self {
        let level = chain.levels.get(index);
        Self {
            basis,
            cgroup_id: level.and_then(|level| level.cgroup_id),
            at: Some((chain, index)),
            unplaced: Reason::NotInChain,
            counter: level.and_then(|level| at_limit(chain, level, page_size)),
            is_above: level.is_some_and(|level| match (level.usage, level.limit) {
                (Some(usage), Some(Limit::At(limit))) => {
                    cgroup::is_above_limit(usage, limit, page_size)
                }
                _ => false,
            }),
        }
    }

    /// The cgroup that a chain begins at, by the kernel's word.
    pub(super) fn first(chain: &'a Chain, page_size: PageSize) -> Self {
        Self::at(chain, 0, Basis::Kernel, page_size)
    }

    /// The level in its chain.
    pub(super) fn level(&self) -> Option<(&'a Chain, &'a Level)> {
        let (chain, index) = self.at?;
        Some((chain, chain.levels.get(index)?))
    }

    /// The path of the cgroup.
    pub(super) fn path(&self) -> Result<Vec<u8>, Reason> {
        let (chain, index) = self.at.ok_or(self.unplaced)?;
        paths::paths(chain)
            .into_iter()
            .nth(index)
            .unwrap_or(Err(Reason::NotInChain))
    }
}

/// Decides whose limit was hit, in this order: the kernel's own word; the topmost consecutive
/// cgroup with `oom_lock` from the victim's upwards, if it is the trigger's too and at its limit;
/// the first at its limit from the lowest common ancestor of victim and trigger upwards.
pub(super) fn decide<'a>(
    kill: &Kill,
    victim: Option<&'a Chain>,
    trigger: Option<&'a Chain>,
    no_chain: Reason,
    page_size: PageSize,
) -> Verdict<'a> {
    if let Some(control) = kill.oom_control {
        match control.memcg_id {
            Some(id) => {
                let hit = by_id(id, Basis::Kernel, victim, trigger, no_chain, page_size);
                return Verdict::Hit(hit);
            }
            None if control.constraint != CONSTRAINT_MEMCG => return Verdict::Global,
            // It was a cgroup's, but which could not be read.
            None => {}
        }
    }
    let Some(chain) = victim else {
        return Verdict::Unknown(no_chain);
    };
    let Some(common) = lowest_common(kill, chain, trigger) else {
        return Verdict::Unknown(Reason::TriggerCgroupUnknown);
    };
    let locked = topmost_locked(chain)
        .filter(|index| *index >= common)
        .map(|index| Hit::at(chain, index, Basis::OomLock, page_size))
        .filter(|hit| hit.counter.is_some());
    let counted = || {
        (common..chain.levels.len())
            .map(|index| Hit::at(chain, index, Basis::Counters, page_size))
            .find(|hit| hit.counter.is_some())
    };
    match locked.or_else(counted) {
        Some(hit) => Verdict::Hit(hit),
        None if chain.truncated => Verdict::Unknown(Reason::ChainTruncated),
        None => Verdict::Unknown(Reason::NoCgroupAtLimit),
    }
}

/// A cgroup that is known to be the one, looked up in the chains.
pub(super) fn by_id<'a>(
    id: u64,
    basis: Basis,
    victim: Option<&'a Chain>,
    trigger: Option<&'a Chain>,
    no_chain: Reason,
    page_size: PageSize,
) -> Hit<'a> {
    let found = [victim, trigger]
        .into_iter()
        .flatten()
        .find_map(|chain| chain.position(id).map(|index| (chain, index)));
    match found {
        Some((chain, index)) => Hit::at(chain, index, basis, page_size),
        None => Hit {
            basis,
            cgroup_id: Some(id),
            at: None,
            unplaced: match victim {
                None => no_chain,
                Some(chain) if chain.truncated => Reason::ChainTruncated,
                Some(_) => Reason::NotInChain,
            },
            counter: None,
            is_above: false,
        },
    }
}

/// Position in the victim's chain from which on every level is an ancestor of the trigger too.
fn lowest_common(kill: &Kill, victim: &Chain, trigger: Option<&Chain>) -> Option<usize> {
    let own = kill.trigger.memcg_id.and_then(|id| victim.position(id));
    let through_chain = || {
        let trigger = trigger?;
        victim.levels.iter().position(|level| {
            level
                .cgroup_id
                .is_some_and(|id| trigger.position(id).is_some())
        })
    };
    let same_process = || {
        let same = kill.trigger.memcg_id.is_none()
            && kill.trigger.tgid.is_some()
            && kill.trigger.tgid == kill.victim.tgid;
        same.then_some(0)
    };
    own.or_else(through_chain).or_else(same_process)
}

/// The kernel sets `oom_lock` in the whole subtree below the cgroup under OOM, so the topmost of
/// an unbroken run from the victim's cgroup is the one.
fn topmost_locked(chain: &Chain) -> Option<usize> {
    chain
        .levels
        .iter()
        .take_while(|level| level.oom_lock == Some(true))
        .count()
        .checked_sub(1)
}

/// Which counter of a cgroup is at its limit. RecentKills comes first: with equal limits and no swap
/// in use both are.
fn at_limit(chain: &Chain, level: &Level, page_size: PageSize) -> Option<LimitedCounter> {
    let near = |usage: Option<Bytes>, limit: Option<Limit>| match (usage, limit) {
        (Some(usage), Some(Limit::At(limit))) => cgroup::is_at_limit(usage, limit, page_size),
        _ => false,
    };
    if near(level.usage, level.limit) {
        Some(LimitedCounter::Memory)
    } else if chain.swap_is_memsw && near(level.swap_usage, level.swap_limit) {
        Some(LimitedCounter::Memsw)
    } else {
        None
    }
}

/// The cgroup as the schema shows it.
pub(super) fn shown(hit: &Hit<'_>, missing_fields: &mut MissingFields<'_>) -> LimitHit {
    let path = hit.path();
    let reason = path.as_ref().err().copied().unwrap_or(Reason::NotRead);
    let (cgroup_path, cgroup_path_hex) = paths::text(path.ok().as_ref());
    let identity = LimitHit {
        basis: Some(hit.basis),
        cgroup_path: missing_fields.check("limit.cgroup_path", cgroup_path, reason),
        cgroup_path_hex,
        cgroup_id: hit.cgroup_id.filter(|id| *id <= JSON_INTEGER_MAX),
        counter: missing_fields.check("limit.counter", hit.counter, Reason::NotDetermined),
        ..LimitHit::default()
    };
    let Some((chain, level)) = hit.level() else {
        missing_fields.absent("limit.usage_bytes", reason);
        return identity;
    };
    let swap = Swap::of(chain, level);
    if level.limit.is_none() {
        missing_fields.absent("limit.limit_bytes", Reason::NotRead);
    }
    // High, low, min and oom.group are files of cgroup v2 only.
    let v2 = |limit: Option<Limit>| paths::limit(limit).filter(|_| !chain.cgroup_v1);
    LimitHit {
        cgroup_version: Some(if chain.cgroup_v1 { 1 } else { 2 }),
        limit_bytes: paths::limit(level.limit),
        usage_bytes: missing_fields.bytes("limit.usage_bytes", level.usage, Reason::NotRead),
        peak_bytes: missing_fields.bytes("limit.peak_bytes", level.watermark, Reason::NotRead),
        memsw_limit_bytes: swap.memsw_limit,
        memsw_usage_bytes: swap.memsw_usage,
        swap_limit_bytes: swap.swap_limit,
        swap_usage_bytes: swap.swap_usage,
        kmem_usage_bytes: level.kmem_usage.filter(possible),
        high_bytes: v2(level.high),
        low_bytes: v2(level.low),
        min_bytes: v2(level.min),
        oom_group: level.oom_group.filter(|_| !chain.cgroup_v1),
        max_events_total: missing_fields.check(
            "limit.max_events_total",
            paths::max_events(chain, level),
            Reason::NotRead,
        ),
        oom_kill_events_total: paths::oom_kill_events(chain, level),
        ..identity
    }
}
