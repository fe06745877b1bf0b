//! What user space is asked to look at, as soon as a kill is known.

use super::limit::{self, CONSTRAINT_NONE, Verdict};
use super::missing::Reason;
use super::paths;
use crate::decode::{Chain, Kill};
use crate::model::{PageSize, SnapshotRequest};

/// The request for a kill, from what has come of it so far.
pub(super) fn of(
    kill: &Kill,
    chain: Option<&Chain>,
    trigger_chain: Option<&Chain>,
    page_size: PageSize,
) -> SnapshotRequest {
    let verdict = limit::decide(kill, chain, trigger_chain, Reason::NotReceived, page_size);
    SnapshotRequest {
        sequence: kill.meta.sequence,
        marked_boot_ns: kill.meta.boot_ns,
        victim_cgroup_path: chain.and_then(|chain| paths::paths(chain).into_iter().next()?.ok()),
        limit_cgroup_path: match &verdict {
            Verdict::Hit(hit) => hit.path().ok(),
            Verdict::Global | Verdict::Unknown(_) => None,
        },
        victim_pid: kill.victim.tgid,
        victim_start_boot_ns: kill.victim.start_boot_ns,
        victim_ns_pid: kill.victim.ns_pid,
        node_memory: !matches!(verdict, Verdict::Hit(_)),
        // Of a cpuset or a memory policy it is not known who was in it.
        survivors: kill.oom_sequence.is_none()
            && match &verdict {
                Verdict::Hit(_) => true,
                Verdict::Global => kill
                    .oom_control
                    .is_some_and(|control| control.constraint == CONSTRAINT_NONE),
                Verdict::Unknown(_) => false,
            },
    }
}
