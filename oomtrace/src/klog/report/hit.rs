//! Whose limit it was, and what counted against it.

use super::draft::Draft;
use crate::cgroup;
use crate::klog::grammar::kill::Prefix;
use crate::klog::grammar::memcg::Stats;
use crate::klog::grammar::text::is_below;
use crate::model::{
    Basis, Constraint, LimitHit, LimitedCounter, PageSize, ReportedCounter, Scope, StatBasis,
    StatReading, Text,
};

/// What ran out of memory.
pub(super) fn scope(draft: &Draft) -> Option<Scope> {
    if let Some(global) = draft.summary.as_ref().and_then(|summary| summary.global) {
        return Some(if global { Scope::Global } else { Scope::Memcg });
    }
    let about_memcg = draft.task_in.is_some()
        || draft.counters != super::draft::Counters::default()
        || !draft.stats.is_empty();
    if about_memcg {
        return Some(Scope::Memcg);
    }
    let prefixes = draft
        .deaths
        .iter()
        .map(|death| death.killed.prefix)
        .chain(draft.decision.iter().map(|decision| decision.prefix))
        .chain(draft.exiting.iter().map(|(prefix, _, _)| *prefix));
    for prefix in prefixes {
        match prefix {
            Prefix::Memcg => return Some(Scope::Memcg),
            Prefix::Node => return Some(Scope::Global),
            Prefix::None => {}
        }
    }
    let traced = |name: &str| draft.trace.iter().any(|frame| frame.starts_with(name));
    if traced("mem_cgroup_out_of_memory") || traced("mem_cgroup_oom_synchronize") {
        return Some(Scope::Memcg);
    }
    let deadlocked = draft
        .panic
        .as_deref()
        .is_some_and(|reason| reason.starts_with("System is deadlocked"));
    let of_node = draft.mem_info.is_some()
        || deadlocked
        || draft.trigger.as_ref().is_some_and(is_page_allocation)
        || traced("__alloc_pages")
        || traced("__alloc_frozen_pages");
    of_node.then_some(Scope::Global)
}

/// Whether the first line alone shows that pages were asked of the node, not charged to a cgroup:
/// user pages that are to be zeroed are charged without these flags, and the boot's own threads
/// are in no cgroup.
fn is_page_allocation(trigger: &crate::klog::grammar::trigger::Invoked) -> bool {
    let has = |flag: &str| trigger.gfp_flags.iter().any(|known| known == flag);
    (has("GFP_HIGHUSER_MOVABLE") && has("__GFP_ZERO"))
        || trigger.comm.starts_with(b"swapper/")
        || trigger.comm.starts_with(b"kswapd")
}

/// The kernel's own word for it.
pub(super) fn constraint(draft: &Draft, scope: Option<Scope>) -> Option<Constraint> {
    let word = draft
        .summary
        .as_ref()
        .and_then(|summary| summary.constraint.as_deref());
    match word {
        Some("CONSTRAINT_NONE") => Some(Constraint::None),
        Some("CONSTRAINT_CPUSET") => Some(Constraint::Cpuset),
        Some("CONSTRAINT_MEMORY_POLICY") => Some(Constraint::Mempolicy),
        Some("CONSTRAINT_MEMCG") => Some(Constraint::Memcg),
        Some(_) => None,
        // A memory cgroup's OOM has no other; the node's may have any.
        None => (scope == Some(Scope::Memcg)).then_some(Constraint::Memcg),
    }
}

/// The victim's cgroup, where the text shows all of its path.
pub(super) fn task_memcg(draft: &Draft) -> Option<&[u8]> {
    let of_summary = draft
        .summary
        .as_ref()
        .and_then(|summary| summary.task_memcg.as_deref());
    of_summary.or_else(|| draft.task_in.as_ref()?.task_memcg.as_deref())
}

/// The cgroup whose limit was hit, where the text shows all of its path. The statistics begin with
/// this cgroup, so their path replaces one that is cut.
fn oom_memcg(draft: &Draft) -> Option<&[u8]> {
    let of_summary = draft
        .summary
        .as_ref()
        .and_then(|summary| summary.oom_memcg.as_deref());
    let of_task_in = || draft.task_in.as_ref()?.oom_memcg.as_deref();
    let of_stats = || {
        let path = draft.stats.first()?.path.as_deref()?;
        is_below(task_memcg(draft)?, path).then_some(path)
    };
    of_summary.or_else(of_task_in).or_else(of_stats)
}

/// The limit as the schema shows it.
pub(super) fn limit(draft: &Draft, page_size: Option<PageSize>) -> LimitHit {
    let counters = &draft.counters;
    let path = oom_memcg(draft).map(Text::from_bytes).unwrap_or_default();
    let usage_of = |counter: Option<ReportedCounter>| counter.and_then(|it| it.usage_bytes);
    let limit_of = |counter: Option<ReportedCounter>| counter.and_then(|it| it.limit_bytes);
    let cgroup_version = if counters.memsw.is_some() || counters.kmem.is_some() {
        Some(1)
    } else {
        counters.swap.is_some().then_some(2)
    };
    let mut hit = LimitHit {
        basis: Some(Basis::Log),
        cgroup_path: Some(path.lossy).filter(|path| !path.is_empty()),
        cgroup_path_hex: path.hex,
        cgroup_version,
        counter: at_limit(draft, page_size),
        limit_bytes: limit_of(counters.memory),
        usage_bytes: usage_of(counters.memory),
        memsw_limit_bytes: limit_of(counters.memsw),
        memsw_usage_bytes: usage_of(counters.memsw).filter(|memsw| {
            // Without swap accounting this counter does not move.
            usage_of(counters.memory).is_none_or(|memory| *memsw >= memory)
        }),
        swap_limit_bytes: limit_of(counters.swap),
        swap_usage_bytes: usage_of(counters.swap),
        kmem_usage_bytes: usage_of(counters.kmem),
        max_events_total: counters.memory.and_then(|counter| counter.failcnt),
        ..LimitHit::default()
    };
    if let Some(stat) = reading(&draft.stats) {
        hit.usage = cgroup::account(&hit, &stat, None);
        hit.stat_basis = hit.usage.is_some().then_some(StatBasis::Log);
    }
    hit
}

fn at_limit(draft: &Draft, page_size: Option<PageSize>) -> Option<LimitedCounter> {
    let page_size = page_size.unwrap_or(PageSize(4096));
    let near = |counter: Option<ReportedCounter>| {
        counter
            .and_then(|counter| counter.usage_bytes.zip(counter.limit_bytes))
            .is_some_and(|(usage, limit)| cgroup::is_at_limit(usage, limit, page_size))
    };
    let counters = &draft.counters;
    // The report does not say which of two full counters was hit. Where swap was allowed and that of
    // memory and swap was the fuller one, no page moved to swap could help.
    let left = |counter: Option<ReportedCounter>| {
        let (usage, limit) = counter.and_then(|it| it.usage_bytes.zip(it.limit_bytes))?;
        Some((limit, limit.saturating_sub(usage)))
    };
    let is_memsw = left(counters.memory)
        .zip(left(counters.memsw))
        .is_some_and(|(memory, memsw)| memsw.0 > memory.0 && memsw.1 <= memory.1);
    if near(counters.memsw) && (is_memsw || !near(counters.memory)) {
        Some(LimitedCounter::Memsw)
    } else if near(counters.memory) {
        Some(LimitedCounter::Memory)
    } else {
        near(counters.kmem).then_some(LimitedCounter::Kmem)
    }
}

/// The statistics that count for the limit: of one cgroup with all below it, or the sum of the
/// cgroups where each has a line of its own.
fn reading(stats: &[Stats]) -> Option<StatReading> {
    let first = stats.first()?;
    let sum = |names: &[&str]| {
        let of = |one: &Stats| {
            names.iter().find_map(|name| {
                let figure = one.values.iter().find(|figure| figure.name == *name)?;
                Some(figure.value)
            })
        };
        let total = if first.inline {
            stats
                .iter()
                .map(of)
                .try_fold(0_u64, |sum, value| sum.checked_add(value?))
        } else {
            of(first)
        };
        super::values::bytes(total)
    };
    let found = StatReading {
        anon_bytes: sum(&["total_rss", "anon", "rss"]),
        file_bytes: sum(&["total_cache", "file", "cache"]),
        shmem_bytes: sum(&["total_shmem", "shmem"]),
        swapcached_bytes: sum(&["total_swapcached", "swapcached"]),
        hugetlb_bytes: sum(&["hugetlb"]),
        slab_bytes: sum(&["slab"]),
        page_tables_bytes: sum(&["pagetables"]),
        kernel_stack_bytes: sum(&["kernel_stack"]),
        sock_bytes: sum(&["sock"]),
        percpu_bytes: sum(&["percpu"]),
        kernel_bytes: sum(&["kernel"]),
        thp_bytes: sum(&["total_rss_huge", "anon_thp", "rss_huge"]),
        unevictable_bytes: sum(&["total_unevictable", "unevictable"]),
        dirty_bytes: sum(&["total_dirty", "file_dirty", "dirty"]),
        ..StatReading::default()
    };
    (found.anon_bytes.is_some() || found.file_bytes.is_some()).then_some(found)
}
