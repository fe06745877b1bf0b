//! Puts what user space read into an event. Pure; only ever adds.

use std::mem;

use super::runtime;
use crate::cgroup;
use crate::model::{
    CandidatesBasis, Missing, NodeMemory, OomKill, Reason, Runtime, RuntimeKind, Snapshot,
    StatBasis,
};

/// Fills `limit.usage` with its basis and delay, `owner` and `runtime`, where they are absent,
/// and says in `missing` why they stay so. Nothing that the kernel captured is changed.
pub fn apply(event: &mut OomKill, snapshot: &Snapshot) {
    apply_usage(event, snapshot);
    if let Some(limit) = &mut event.limit {
        limit.node_swap_total_bytes = limit.node_swap_total_bytes.or(snapshot.swap_total_bytes);
    }
    apply_node_memory(event, snapshot);
    apply_survivors(event, snapshot);
    apply_owner(event, snapshot);
    apply_runtime(event, snapshot);
    apply_children(event, snapshot);
}

fn apply_usage(event: &mut OomKill, snapshot: &Snapshot) {
    let Some(limit) = event.limit.as_mut().filter(|limit| limit.usage.is_none()) else {
        return;
    };
    let absent = |reason: Reason, why: &str| Missing {
        field: "limit.usage".to_owned(),
        reason,
        why: Some(why.to_owned()),
    };
    let missing = match (&snapshot.stat, &snapshot.stat_missing) {
        // Where the limit's owner was found out only later, the statistics may be those of the
        // victim's own cgroup, which say nothing about the limit's.
        (Some(stat), _) if limit.cgroup_path.as_deref() != Some(stat.cgroup_path.as_str()) => {
            absent(
                Reason::OtherCgroup,
                "statistics were read of another cgroup than the one whose limit was hit",
            )
        }
        (Some(stat), _) => match cgroup::account(limit, stat, event.victim.memory.as_ref()) {
            Some(usage) => {
                limit.usage = Some(usage);
                limit.stat_basis = Some(StatBasis::MemoryStat);
                limit.stat_delay_us = Some(stat.delay_us);
                return;
            }
            None => absent(Reason::UsageUnknown, "the usage at the kill is not known"),
        },
        (None, Some(missing)) => missing.clone(),
        (None, None) => absent(Reason::NotRead, "no statistics were read"),
    };
    add_missing(event, missing);
}

/// The kernel-side program reads the counters of each node and zone; what the kernel counts elsewhere
/// is taken from `/proc/meminfo`. None of it changes much when a process is killed.
fn apply_node_memory(event: &mut OomKill, snapshot: &Snapshot) {
    if event.limit.is_some() {
        return;
    }
    match (&mut event.node_memory, &snapshot.node_memory) {
        (Some(node), Some(read))
            if node.swap_total_bytes.is_none() && node.swap_free_bytes.is_none() =>
        {
            *node = NodeMemory {
                swap_total_bytes: read.swap_total_bytes,
                swap_free_bytes: read.swap_free_bytes,
                meminfo_delay_us: read.meminfo_delay_us,
                kernel_stack_bytes: read.kernel_stack_bytes,
                per_cpu_bytes: read.per_cpu_bytes,
                zswap_bytes: read.zswap_bytes,
                hugepages_bytes: read.hugepages_bytes,
                hugepages_free_bytes: read.hugepages_free_bytes,
                cma_bytes: read.cma_bytes,
                top_slabs: read.top_slabs.clone(),
                ..mem::take(node)
            }
            .accounted();
        }
        (Some(node), None) if node.swap_total_bytes.is_none() => add_missing(
            event,
            Missing {
                field: "node_memory.swap_total_bytes".to_owned(),
                reason: Reason::NotRead,
                why: Some("/proc/meminfo was not read".to_owned()),
            },
        ),
        (None, Some(read)) => {
            event.node_memory = Some(read.clone());
            event
                .missing
                .retain(|missing| missing.field != "node_memory");
        }
        _ => {}
    }
}

/// Those that live on are listed in place of those that the kernel looked at, where these are not known; and say
/// so.
fn apply_survivors(event: &mut OomKill, snapshot: &Snapshot) {
    let Some(survivors) = &snapshot.survivors else {
        return;
    };
    // An incident has one list, and only where it is to be do they miss.
    let misses = event
        .missing
        .iter()
        .any(|missing| missing.field == "candidates");
    if !misses || !event.candidates.is_empty() || survivors.candidates.is_empty() {
        return;
    }
    event.candidates.clone_from(&survivors.candidates);
    event.candidates_total = survivors.total;
    event.candidates_basis = Some(CandidatesBasis::Survivors);
    event.candidates_delay_us = Some(survivors.delay_us);
    event.candidates_rss_error_max_bytes = None;
    event
        .missing
        .retain(|missing| missing.field != "candidates");
}

fn apply_owner(event: &mut OomKill, snapshot: &Snapshot) {
    if event.owner.is_some() {
        return;
    }
    event.owner = snapshot.owner.clone().or_else(|| {
        let path = event.victim.cgroup_path.as_deref()?;
        cgroup::path::from_path(path)
    });
    for missing in &snapshot.owner_missing {
        add_missing(event, missing.clone());
    }
}

fn apply_runtime(event: &mut OomKill, snapshot: &Snapshot) {
    if event.runtime.is_some() {
        return;
    }
    let start = runtime::Start::of(&event.victim);
    // The counters are the victim's; a process that shares its memory has none of its own.
    event.runtime = runtime::of_process(&start, snapshot.jvm.as_ref());
    let is_jvm = |runtime: &Runtime| runtime.kind == RuntimeKind::Jvm;
    if event.runtime.as_ref().is_some_and(is_jvm) && snapshot.jvm.is_none() {
        let why = "the JVM keeps no counters in /tmp, or was gone before they could be read";
        let missing = Missing {
            field: "runtime.jvm".to_owned(),
            reason: Reason::NotRead,
            why: Some(why.to_owned()),
        };
        add_missing(event, missing);
    }
}

/// Only where the victim is below the cgroup whose children were looked at.
fn apply_children(event: &mut OomKill, snapshot: &Snapshot) {
    let is_below = event.limit.as_ref().is_some_and(|limit| {
        limit.cgroup_path.is_some() && limit.cgroup_path != event.victim.cgroup_path
    });
    if let (true, Some(limit)) = (is_below, event.limit.as_mut()) {
        limit.children = limit.children.or(snapshot.children);
    }
}

fn add_missing(event: &mut OomKill, missing: Missing) {
    if event
        .missing
        .iter()
        .all(|known| known.field != missing.field)
    {
        event.missing.push(missing);
    }
}
