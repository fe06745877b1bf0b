//! Kills in the log, as the kernel counts them.

use crate::{
    assemble::Observed,
    model::{Event, KillKind},
};

/// Adds what `events` must have made `oom_kill` of `/proc/vmstat` grow by.
pub(super) fn add(observed: &mut Observed, events: &[Event]) {
    for event in events {
        let Event::OomKill(kill) = event else {
            continue;
        };
        let incident = &kill.incident;
        if incident.kill_kind == Some(KillKind::SharedMm) {
            continue;
        }
        observed.kills += 1;
        if incident.kill_kind == Some(KillKind::Chosen) && incident.group_cgroup_path.is_some() {
            observed.maybe_twice += 1;
        }
    }
}

/// How many of `counted` kills are not among `seen`, at least and at most.
pub(super) fn missed(counted: u64, seen: Observed) -> (u64, u64) {
    let max = counted.saturating_sub(seen.kills);
    (max.saturating_sub(seen.maybe_twice), max)
}
