//! A chain of names to absolute paths, and its levels as the schema shows them.

use super::missing::{Reason, possible};
use crate::decode::{Chain, Level, Limit};
use crate::model::{Bytes, CgroupLevel, JSON_INTEGER_MAX, Text};

/// The absolute path of each level, or why none can be claimed. A path is claimed only where
/// every name from the root down is known whole.
pub(super) fn paths(chain: &Chain) -> Vec<Result<Vec<u8>, Reason>> {
    let mut above: Result<Vec<u8>, Reason> = Err(if chain.truncated {
        Reason::ChainTruncated
    } else {
        Reason::NameNotRead
    });
    let mut paths: Vec<_> = chain
        .levels
        .iter()
        .rev()
        .map(|level| {
            above = below(&above, level);
            above.clone()
        })
        .collect();
    paths.reverse();
    paths
}

fn below(above: &Result<Vec<u8>, Reason>, level: &Level) -> Result<Vec<u8>, Reason> {
    if level.root {
        return Ok(b"/".to_vec());
    }
    let above = above.as_ref().map_err(|reason| *reason)?;
    if level.name_truncated {
        return Err(Reason::NameTruncated);
    }
    // The kernel lets no such name be; a damaged recording must not forge a path with one.
    let name = level
        .name
        .as_ref()
        .filter(|name| !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'/' | 0)))
        .ok_or(Reason::NameNotRead)?;
    let mut path = above.clone();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    Ok(path)
}

/// A path as the schema shows it: text, and the original bytes where that lost something.
pub(super) fn text(path: Option<&Vec<u8>>) -> (Option<String>, Option<String>) {
    match path.map(|path| Text::from_bytes(path)) {
        Some(text) => (Some(text.lossy), text.hex),
        None => (None, None),
    }
}

/// A level as the schema shows it.
pub(super) fn level(chain: &Chain, level: &Level, path: Option<&Vec<u8>>) -> CgroupLevel {
    let (cgroup_path, cgroup_path_hex) = text(path);
    let swap = Swap::of(chain, level);
    CgroupLevel {
        cgroup_path,
        cgroup_path_hex,
        cgroup_id: level.cgroup_id.filter(|id| *id <= JSON_INTEGER_MAX),
        limit_bytes: limit(level.limit),
        usage_bytes: level.usage.filter(possible),
        peak_bytes: level.watermark.filter(possible),
        memsw_limit_bytes: swap.memsw_limit,
        memsw_usage_bytes: swap.memsw_usage,
        swap_limit_bytes: swap.swap_limit,
        swap_usage_bytes: swap.swap_usage,
        kmem_usage_bytes: level.kmem_usage.filter(possible),
        max_events_total: max_events(chain, level),
        oom_kill_events_total: oom_kill_events(chain, level),
        oom_group: level.oom_group.filter(|_| !chain.cgroup_v1),
        oom_lock: level.oom_lock,
    }
}

/// A limit that is one.
pub(super) fn limit(limit: Option<Limit>) -> Option<Bytes> {
    limit.and_then(Limit::bytes).filter(possible)
}

/// The counter that the kernel calls `swap` on cgroup v2 and `memsw` on v1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swap {
    pub(super) memsw_limit: Option<Bytes>,
    pub(super) memsw_usage: Option<Bytes>,
    pub(super) swap_limit: Option<Bytes>,
    pub(super) swap_usage: Option<Bytes>,
}

impl Swap {
    pub(super) fn of(chain: &Chain, level: &Level) -> Self {
        let (max, usage) = (limit(level.swap_limit), level.swap_usage.filter(possible));
        if chain.swap_is_memsw {
            Self {
                memsw_limit: max,
                memsw_usage: usage,
                ..Self::default()
            }
        } else {
            Self {
                swap_limit: max,
                swap_usage: usage,
                ..Self::default()
            }
        }
    }
}

/// How often a charge has hit the limit: `failcnt` where that is what the cgroup's files show
/// (v1), `max` of `memory.events` otherwise.
pub(super) fn max_events(chain: &Chain, level: &Level) -> Option<u64> {
    let count = if chain.cgroup_v1 {
        level.failcnt
    } else {
        level.events_max
    };
    count.filter(|count| *count <= JSON_INTEGER_MAX)
}

/// Kills in a cgroup and below. On v1 the kernel counts them in the victim's own cgroup alone, so
/// the figure would not be what the field says.
pub(super) fn oom_kill_events(chain: &Chain, level: &Level) -> Option<u64> {
    level
        .events_oom_kill
        .filter(|count| !chain.cgroup_v1 && *count <= JSON_INTEGER_MAX)
}
