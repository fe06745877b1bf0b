//! Whose limit it was, what counted against it, and the cgroups around it.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::Bytes;

/// How something is known that the kernel did not simply say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The kernel's own `oom_control`.
    Kernel,
    /// The cgroups that the kernel had marked as being under OOM (`mem_cgroup.oom_lock`).
    OomLock,
    /// The counters: the first cgroup above victim and trigger that was at its limit.
    Counters,
    /// The kernel's log.
    Log,
}

/// Which counter reached its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LimitedCounter {
    /// Memory.
    Memory,
    /// Memory plus swap (cgroup v1).
    Memsw,
    /// Kernel memory (cgroup v1).
    Kmem,
}

/// Where the statistics of [`Usage`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatBasis {
    /// Read in the kernel at the moment of the kill.
    Kernel,
    /// Read from the cgroup's `memory.stat` file `stat_delay_us` after the kill.
    MemoryStat,
    /// From the kernel's log.
    Log,
}

/// The cgroup whose limit was hit (`oom_memcg`). Absent for a global OOM.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitHit {
    /// How it is known that it was this cgroup's limit.
    pub basis: Option<Basis>,
    /// The cgroup, as a path from the root of its hierarchy.
    pub cgroup_path: Option<String>,
    /// The path's original bytes, where they were no UTF-8.
    pub cgroup_path_hex: Option<String>,
    /// kernfs id: the inode number of the cgroup's directory.
    pub cgroup_id: Option<u64>,
    /// 1 or 2: the version of the hierarchy that the memory controller is on.
    pub cgroup_version: Option<u8>,
    /// Which counter reached its limit.
    pub counter: Option<LimitedCounter>,
    /// `memory.max` / `memory.limit_in_bytes`. Absent: no limit.
    pub limit_bytes: Option<Bytes>,
    /// Charged memory at the moment of the kill.
    pub usage_bytes: Option<Bytes>,
    /// Highest usage so far.
    pub peak_bytes: Option<Bytes>,
    /// Limit of memory plus swap (cgroup v1). Absent: no limit.
    pub memsw_limit_bytes: Option<Bytes>,
    /// Memory plus swap charged (cgroup v1).
    pub memsw_usage_bytes: Option<Bytes>,
    /// Limit of swap (cgroup v2). Absent: no limit.
    pub swap_limit_bytes: Option<Bytes>,
    /// Swap charged (cgroup v2).
    pub swap_usage_bytes: Option<Bytes>,
    /// Swap that the node has in all, used or not.
    pub node_swap_total_bytes: Option<Bytes>,
    /// Kernel memory charged (cgroup v1's own counter).
    pub kmem_usage_bytes: Option<Bytes>,
    /// Throttling limit (cgroup v2). Absent: none.
    pub high_bytes: Option<Bytes>,
    /// Best-effort protection.
    pub low_bytes: Option<Bytes>,
    /// Hard protection.
    pub min_bytes: Option<Bytes>,
    /// Whether the cgroup dies as a whole (`memory.oom.group`, cgroup v2).
    pub oom_group: Option<bool>,
    /// How often a charge has hit the limit (`failcnt`, or `max` of `memory.events`).
    pub max_events_total: Option<u64>,
    /// Kills in this cgroup and below so far (`oom_kill` of `memory.events`).
    pub oom_kill_events_total: Option<u64>,
    /// Where `usage` comes from.
    pub stat_basis: Option<StatBasis>,
    /// How long after the kill the statistics were read.
    pub stat_delay_us: Option<u64>,
    /// What the memory charged to this cgroup was.
    pub usage: Option<Usage>,
    /// The limits of the cgroups directly below, where the victim was in one of them; read by user
    /// space after the kill.
    pub children: Option<ChildLimits>,
}

/// The limits of the cgroups directly below another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChildLimits {
    /// Cgroups directly below.
    pub total: u32,
    /// Those of them that have a limit.
    pub limited_total: u32,
    /// The sum of these limits.
    pub limits_bytes: Bytes,
    /// Charged to the cgroup itself and to none below it: at least this, by its usage before and after
    /// those of the others were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_bytes: Option<Bytes>,
}

/// What filled a cgroup. The keys are disjoint and add up to `usage_bytes`, except `thp_bytes`
/// (a part of `anon_bytes`) and `overcounted_bytes`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Anonymous memory: heap, stacks, private copies.
    pub anon_bytes: Option<Bytes>,
    /// Page cache of files, without shared memory: what could have been dropped.
    pub page_cache_bytes: Option<Bytes>,
    /// Page cache with shared memory in it, where the statistics do not tell the two apart;
    /// instead of `page_cache_bytes` and `shmem_bytes`.
    pub page_cache_and_shmem_bytes: Option<Bytes>,
    /// Shared memory and tmpfs: cannot be dropped, and stays when its users are killed.
    pub shmem_bytes: Option<Bytes>,
    /// Huge pages of hugetlbfs, where they are charged (`memory_hugetlb_accounting`, cgroup v2).
    pub hugetlb_bytes: Option<Bytes>,
    /// Kernel objects.
    pub slab_bytes: Option<Bytes>,
    /// Page tables.
    pub page_tables_bytes: Option<Bytes>,
    /// Kernel stacks of threads.
    pub kernel_stack_bytes: Option<Bytes>,
    /// Socket buffers.
    pub sock_bytes: Option<Bytes>,
    /// Per-CPU kernel memory.
    pub percpu_bytes: Option<Bytes>,
    /// Kernel memory that is none of the above (on cgroup v1: all kernel memory).
    pub other_kernel_bytes: Option<Bytes>,
    /// Charged when the victim was killed and already given back when the statistics were read:
    /// memory of the dying victim, of whatever kind. Only with `stat_basis` `memory_stat`.
    pub freed_before_read_bytes: Option<Bytes>,
    /// Unmapped by the dying victim when the statistics were read, but still charged: the
    /// statistics fall at the unmapping, the counter when the page is given back. At most what the
    /// victim's own counters showed at the kill. Only with `stat_basis` `memory_stat`.
    pub being_freed_bytes: Option<Bytes>,
    /// What is left of `usage_bytes`.
    pub unattributed_bytes: Option<Bytes>,
    /// By how much the parts exceed `usage_bytes`, where they do.
    pub overcounted_bytes: Option<Bytes>,
    /// Part of `anon_bytes` that is in huge pages; outside the sum.
    pub thp_bytes: Option<Bytes>,
    /// Memory of whatever kind that reclaim may not touch (`mlock`); outside the sum.
    pub unevictable_bytes: Option<Bytes>,
    /// Part of the page cache that has to be written before it can be dropped; outside the sum.
    pub dirty_bytes: Option<Bytes>,
}

/// One cgroup of the victim's chain, from its own towards the root.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CgroupLevel {
    /// The cgroup, as a path from the root of its hierarchy.
    pub cgroup_path: Option<String>,
    /// The path's original bytes, where they were no UTF-8.
    pub cgroup_path_hex: Option<String>,
    /// kernfs id: the inode number of the cgroup's directory.
    pub cgroup_id: Option<u64>,
    /// Memory limit. Absent: no limit.
    pub limit_bytes: Option<Bytes>,
    /// Charged memory. Absent for the root, whose counter means nothing.
    pub usage_bytes: Option<Bytes>,
    /// Highest usage so far.
    pub peak_bytes: Option<Bytes>,
    /// Limit of memory plus swap (cgroup v1). Absent: no limit.
    pub memsw_limit_bytes: Option<Bytes>,
    /// Memory plus swap charged (cgroup v1).
    pub memsw_usage_bytes: Option<Bytes>,
    /// Limit of swap (cgroup v2). Absent: no limit.
    pub swap_limit_bytes: Option<Bytes>,
    /// Swap charged (cgroup v2).
    pub swap_usage_bytes: Option<Bytes>,
    /// Kernel memory charged (cgroup v1's own counter).
    pub kmem_usage_bytes: Option<Bytes>,
    /// How often a charge has hit the limit.
    pub max_events_total: Option<u64>,
    /// Kills in this cgroup and below so far.
    pub oom_kill_events_total: Option<u64>,
    /// Whether the cgroup dies as a whole (cgroup v2).
    pub oom_group: Option<bool>,
    /// Whether the kernel had this cgroup marked as being under OOM.
    pub oom_lock: Option<bool>,
}
