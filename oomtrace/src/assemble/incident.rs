//! Which kills are one invocation of the OOM killer.
//!
//! Where a hook counts the invocations, the count tells. Elsewhere it is worked out from the marks: the kernel lets one
//! invocation run at a time, so the kills of one follow each other directly, and only
//! `memory.oom.group` makes it kill more than the chosen victim (and the users of its memory).

use super::missing::Reason;
use crate::decode::{Chain, Kill};
use crate::model::{Basis, ChosenProcess};

/// A trigger that is still alive and has to try again is in a new invocation. Where the kernel's
/// count of invocations does not tell, more time than this between two marks does: nothing but a
/// line of log is between the kills of one group.
const SIBLINGS_APART_NS_MAX: u64 = 1_000_000_000;

/// Where a kill belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the first of its incident: the chosen victim.
    Chosen,
    /// It is a sibling in a group that holds the kill before it too.
    Sibling {
        /// The kernel had seen the group under OOM equally often at both marks, which leaves no
        /// other explanation; otherwise the group must be one that the first kill's limit reaches.
        certain: bool,
    },
    /// It may be either; it starts an incident of its own.
    Unclear(Reason),
}

/// What is kept of a kill to place the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    pub(super) boot_ns: u64,
    pub(super) trigger_tid: Option<u32>,
    /// The cgroups above the victim that die as a whole, lowest first, with the number of times
    /// the kernel has seen each under OOM. Absent where the chain is not known.
    pub(super) groups: Option<Vec<(u64, Option<u64>)>>,
}

impl Mark {
    pub(super) fn of(kill: &Kill, chain: Option<&Chain>) -> Self {
        Self {
            boot_ns: kill.meta.boot_ns,
            trigger_tid: kill.trigger.tid,
            groups: chain.map(groups),
        }
    }

    /// Of an invocation without a victim: nothing that follows is a sibling of it.
    pub(super) fn of_none(kill: &Kill) -> Self {
        Self {
            boot_ns: kill.meta.boot_ns,
            trigger_tid: kill.trigger.tid,
            groups: Some(Vec::new()),
        }
    }
}

/// Whether the chain has a cgroup that dies as a whole.
pub(super) fn has_groups(chain: &Chain) -> bool {
    !groups(chain).is_empty()
}

fn groups(chain: &Chain) -> Vec<(u64, Option<u64>)> {
    if chain.cgroup_v1 {
        return Vec::new();
    }
    chain
        .levels
        .iter()
        .filter(|level| level.oom_group == Some(true))
        .filter_map(|level| Some((level.cgroup_id?, level.events_oom)))
        .collect()
}

/// Places a kill. `before` is the kill with the running number before its own.
pub(super) fn place(
    kill: &Kill,
    chain: Option<&Chain>,
    no_chain: Reason,
    before: Option<&Mark>,
    cgroup_v1: bool,
) -> Place {
    if cgroup_v1 || kill.meta.sequence <= 1 || chain.is_some_and(|chain| !has_groups(chain)) {
        return Place::Chosen;
    }
    let Some(before) = before else {
        // Running numbers are without holes: the kill before it exists, and may be its first.
        return Place::Unclear(Reason::PreviousKillLost);
    };
    // Kills of one invocation that is counted are distinguished by that count, before this is asked.
    if kill.oom_sequence.is_some() || before.trigger_tid != kill.trigger.tid {
        return Place::Chosen;
    }
    let (Some(chain), Some(groups_before)) = (chain, &before.groups) else {
        return Place::Unclear(no_chain);
    };
    let common = groups(chain).into_iter().rev().find_map(|(id, events)| {
        let (_, events_before) = groups_before.iter().find(|(other, _)| *other == id)?;
        Some((events, *events_before))
    });
    let Some((events, events_before)) = common else {
        return Place::Chosen;
    };
    let same_invocation = events.is_some() && events == events_before;
    let soon = kill.meta.boot_ns.abs_diff(before.boot_ns) <= SIBLINGS_APART_NS_MAX;
    if same_invocation || soon {
        Place::Sibling {
            certain: same_invocation,
        }
    } else {
        Place::Chosen
    }
}

/// The cgroup that died as a whole with a chosen victim: the topmost at or below the one whose
/// limit was hit (`mem_cgroup_get_oom_group()`).
pub(super) fn group_of_chosen(chain: &Chain, limit_index: usize) -> Option<usize> {
    if chain.cgroup_v1 {
        return None;
    }
    chain
        .levels
        .iter()
        .take(limit_index.saturating_add(1))
        .rposition(|level| level.oom_group == Some(true))
}

/// An incident of which a kill was emitted.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) id: String,
    /// How many kills of it were emitted.
    pub(super) kills: u32,
    /// Whose limit it was: kernfs id and how that is known.
    pub(super) limit: Option<(u64, Basis)>,
    /// The cgroup that died as a whole: kernfs id and path.
    pub(super) group: Option<(u64, Option<String>)>,
    /// The chosen victim, where the first kill is known to be its.
    pub(super) chosen: Option<ChosenProcess>,
}

impl Incident {
    /// The path of the group that a kill with this chain is a sibling in; the inner reason where
    /// it is not known which group died. Nothing if the kill is none of this incident's.
    pub(super) fn group_path(
        &self,
        chain: Option<&Chain>,
        certain: bool,
    ) -> Option<Result<Option<String>, Reason>> {
        let chain = chain?;
        if let Some((id, path)) = &self.group
            && chain.position(*id).is_some()
        {
            return Some(Ok(path.clone()));
        }
        let is_sibling = match self.limit {
            None => true,
            Some((_, Basis::Kernel)) => false,
            // The limit was inferred, perhaps one too low: equal counts are the better evidence.
            Some(_) => certain,
        };
        is_sibling.then_some(Err(Reason::NotDetermined))
    }
}
