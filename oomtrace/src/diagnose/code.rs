//! The kinds of findings: their stable names, their order, what each says.

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// Order among the findings of an event: the lower, the more it explains. Of equal ranks the
    /// heavier finding comes first.
    rank: u8,
    /// Stable name, the `code` of a finding.
    pub name: &'static str,
    /// When it is said.
    pub about: &'static str,
}

impl Code {
    pub(super) const fn rank(self) -> u8 {
        self.rank
    }
}

macro_rules! codes {
    ($($rank:literal $constant:ident $name:literal $about:literal)*) => {
        $(pub const $constant: Code = Code { rank: $rank, name: $name, about: $about };)*
        /// Every kind of finding, in the order in which an event shows them.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

codes! {
    0 SHARED_MM "shared_mm"
        "the process was not chosen: it used the address space of the one that was"
    0 GROUP_KILL "group_kill"
        "the process was not chosen for itself: `memory.oom.group` took its whole cgroup"
    0 KERNEL_PANICKED "kernel_panicked"
        "the kernel panicked: nothing could be killed, or `vm.panic_on_oom` asks for it"
    10 LIMIT_SET_BELOW_USAGE "limit_set_below_usage"
        "somebody wrote a limit below what was in use"
    11 HEAP_CAP_ABOVE_LIMIT "heap_cap_above_limit"
        "the runtime's heap may grow beyond the limit, by its options or by the JVM's own counters, so the kernel kills first"
    12 CONFIGURED_CAP_ABOVE_LIMIT "configured_cap_above_limit"
        "another configured cap (direct buffers, metaspace, `GOMEMLIMIT`, `maxmemory`, buffers of a database) is not below the limit"
    13 CONFIGURED_CAPS_EXCEED_LIMIT "configured_caps_exceed_limit"
        "the configured caps of a JVM, or of PostgreSQL and its connections, add up to more than the limit"
    13 COPY_ON_WRITE "copy_on_write"
        "a child was saving the data, and what is written meanwhile is held twice"
    14 NODE_DEFAULT_HEAP "node_default_heap"
        "Node was given no heap limit, and its own default is not below the limit"
    15 MANY_THREADS "many_threads"
        "the stacks that the JVM's threads may use weigh against the limit"
    16 HEAP_SHARE_OF_LIMIT "heap_share_of_limit"
        "the heap's cap is a share of the limit, so what is outside of the heap has only the rest"
    17 HEAP_CAP_IS_NOT_PROCESS_CAP "heap_cap_is_not_process_cap"
        "the runtime's heap has a cap below the limit, which does not bound the rest of the process"
    18 SOFT_LIMIT_MISSING "soft_limit_missing"
        "a Go program was given no `GOMEMLIMIT`, so its collector does not know of the limit"
    18 SOFT_LIMIT_EXCEEDED "soft_limit_exceeded"
        "the process had more than `GOMEMLIMIT`, which is a goal of the collector"
    19 MEMORY_OUTSIDE_HEAP "memory_outside_heap"
        "by the JVM's own counters much of its memory was not heap, and what of it is known"
    20 PARENT_LIMIT "parent_limit"
        "the limit was that of a cgroup above the victim's own (a pod, a slice)"
    21 CHILDREN_ABOVE_LIMIT "children_above_limit"
        "the limits of the cgroups below the one that was full add up to more than its own"
    21 OUTLIVES_CONTAINER "outlives_container"
        "memory of the pod was charged to none of its living containers, like files on a tmpfs"
    22 SYSRQ_REQUESTED "sysrq_requested"
        "nothing had run out: somebody asked for a kill (sysrq-f)"
    22 PAGE_FAULT_FAILED "page_fault_failed"
        "a page fault did not get its memory, and the kernel does not say why"
    22 NODE_EXHAUSTED "node_exhausted"
        "no cgroup's limit was hit: the node, or the part of it that was allowed, ran out"
    23 CONTIGUOUS_MEMORY "contiguous_memory"
        "several pages in one piece were asked for, and more than that was free"
    24 CRASH_KERNEL_TOO_SMALL "crash_kernel_too_small"
        "the kernel that starts after a crash to save its memory (kdump) had too little reserved"
    24 CMA_UNUSABLE "cma_unusable"
        "most of what was free is reserved for contiguous allocations (CMA), of no use to this one"
    24 FREE_ELSEWHERE "free_elsewhere"
        "memory was free where the allocation was not allowed to take it"
    30 LARGER_PROCESS_SURVIVED "larger_process_survived"
        "another process held much more than the victim"
    40 MANY_PROCESSES "many_processes"
        "processes of one name held at least half, none of them much"
    40 ANON_FILLED "anon_filled"
        "the victim's own anonymous memory was at least half of all, or a quarter and nearly all there was"
    40 ANON_FILLED_BY_MANY "anon_filled_by_many"
        "at least a quarter was anonymous memory, most of it not the victim's"
    40 SHMEM_FILLED "shmem_filled"
        "at least a quarter was shared memory or files on a tmpfs"
    40 HUGETLB_FILLED "hugetlb_filled"
        "at least a quarter was huge pages (hugetlb) charged to the cgroup"
    40 KERNEL_MEMORY "kernel_memory"
        "at least a quarter was kernel memory, and which"
    40 PAGE_CACHE_FILLED "page_cache_filled"
        "at least a quarter was page cache that could not be dropped"
    40 UNACCOUNTED_MEMORY "unaccounted_memory"
        "at least a quarter of the node was in none of the kernel's counters: a driver, ZFS, a balloon, `vmalloc()`"
    50 TOP_CONSUMERS "top_consumers"
        "which processes held most, where it was not the victim alone"
    50 LIKELY_VICTIM "likely_victim"
        "the log does not show who was killed: who is likeliest by the table of tasks"
    50 VICTIM_SHMEM "victim_shmem"
        "more of what the victim had resident was shared memory than its own, and may stay after the kill"
    51 KILL_FREES_LITTLE "kill_frees_little"
        "most of the memory is not freed by killing the victim"
    60 LIMIT_REACHED "limit_reached"
        "whose limit it was, and how it is known"
    61 REPEATED_KILL "repeated_kill"
        "this owner was OOM-killed before"
    70 PAGE_CACHE_LEFT "page_cache_left"
        "how much page cache was left to drop"
    71 SWAP_STATE "swap_state"
        "swap was not allowed, not there, or full"
    72 VICTIM_CHOSEN "victim_chosen"
        "how the victim compared with the next candidate"
    73 SCORE_ADJUSTED "score_adjusted"
        "the victim's `oom_score_adj` moved its badness"
    74 LARGER_PROCESS_PROTECTED "larger_process_protected"
        "a process that must not be killed held more than the victim"
    75 TRIGGER_IS_NOT_VICTIM "trigger_is_not_victim"
        "another process than the victim had asked for the memory"
    76 CONTAINER_STATUS "container_status"
        "what the pod's status, the kubelet or `docker inspect` shows of this kill"
    76 UNIT_STATUS "unit_status"
        "what systemd makes of this kill of one of its services"
    80 RSS_ABOVE_LIMIT "rss_above_limit"
        "the victim's resident memory exceeds the limit, which is no contradiction"
    81 CHARGED_BEYOND_TASKS "charged_beyond_tasks"
        "more anonymous memory was charged than the listed tasks have resident"
    82 REPORT_COUNTS_PAGES "report_counts_pages"
        "the kernel's table counts pages, not KiB"
    83 REPORTS_SUPPRESSED "reports_suppressed"
        "the kernel held back reports before this one"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        for (at, code) in CODES.iter().enumerate() {
            assert!(!CODES[..at].iter().any(|other| other.name == code.name));
            assert!(
                at == 0 || CODES[at - 1].rank() <= code.rank(),
                "{}",
                code.name
            );
        }
    }
}
