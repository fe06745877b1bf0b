//! What a kernel's own OOM report says beyond what the other parts of an event take from it.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::Bytes;

/// A kernel's own report of an OOM, from its log: what the other parts of the event have no place
/// for. Only in the first event of an incident.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelReport {
    /// Who relayed the kernel's words, where the log shows them as another program's:
    /// `kernel-monitor` (node-problem-detector), `kubelet`.
    pub relayed_by: Option<String>,
    /// The kernel's own word for the constraint, such as `CONSTRAINT_MEMCG`. Source: the
    /// `oom-kill:` line.
    pub constraint: Option<String>,
    /// Whether the `oom-kill:` line says `global_oom`.
    pub global_oom: Option<bool>,
    /// Memory nodes that the allocation was bound to, as printed.
    pub nodemask: Option<String>,
    /// Name of the trigger's cpuset.
    pub cpuset: Option<String>,
    /// Memory nodes that this cpuset allows, as printed.
    pub mems_allowed: Option<String>,
    /// It is the kernel that starts after a crash, to save the crashed one's memory. Source:
    /// `elfcorehdr=` on its command line.
    pub crash_kernel: Option<bool>,
    /// Processor that the report was made on.
    pub cpu: Option<u32>,
    /// What taints the kernel, as printed; `Not tainted` where it says so.
    pub tainted: Option<String>,
    /// Name of the machine.
    pub hardware: Option<String>,
    /// The trigger's way through the kernel, innermost function first. A leading `? ` marks what
    /// may be a leftover on the stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call_trace: Vec<String>,
    /// The process that was chosen, where another one was killed for it.
    pub chosen: Option<ChosenProcess>,
    /// The score of the chosen process as old kernels print it: thousandths of the memory that
    /// could be used, adjustment included. Not pages.
    pub score: Option<i64>,
    /// How the page size was found: `task_rss`, `task_total_vm`, `mem_info` or `tasks_rss` (by what
    /// all tasks have resident and what is charged to their cgroup).
    pub page_size_basis: Option<String>,
    /// The `memory:` line.
    pub memory: Option<ReportedCounter>,
    /// The `memory+swap:` line (cgroup v1).
    pub memsw: Option<ReportedCounter>,
    /// The `swap:` line (cgroup v2).
    pub swap: Option<ReportedCounter>,
    /// The `kmem:` line (cgroup v1).
    pub kmem: Option<ReportedCounter>,
    /// Memory that reclaim must leave to the cgroup. Source: the `min protection` line.
    pub min_protection_bytes: Option<Bytes>,
    /// Memory that reclaim should leave to the cgroup. Source: the `low protection` of this line.
    pub low_protection_bytes: Option<Bytes>,
    /// Statistics of the cgroup whose limit was hit; on older kernels of each cgroup below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cgroup_stats: Vec<CgroupStats>,
    /// State of the node's memory.
    pub mem_info: Option<MemInfo>,
    /// Columns of the table of tasks, as its header names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_columns: Vec<String>,
    /// Rows of the table of tasks that the text shows.
    pub task_rows: Option<u32>,
    /// Sum of the resident memory of all rows.
    pub tasks_rss_bytes: Option<Bytes>,
    /// The `pgtables:` of the kill line counts bytes though it says kB, as some kernels print it.
    pub pgtables_mislabelled: Option<bool>,
    /// What the reaper says it has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaped: Vec<ReapedProcess>,
    /// Reports that the kernel held back before this one, because there were too many.
    pub suppressed_callbacks: Option<u64>,
    /// Why the kernel panicked, where it did.
    pub panic: Option<String>,
    /// Lines of the report that are not understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unparsed: Vec<String>,
    /// How many there were.
    pub unparsed_total: Option<u64>,
}

/// The process that the OOM killer chose.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChosenProcess {
    /// Process id.
    pub pid: u32,
    /// Task name.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
}

/// A line of a memory cgroup's counter.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedCounter {
    /// Charged.
    pub usage_bytes: Option<Bytes>,
    /// Limit. Absent: see `unlimited`.
    pub limit_bytes: Option<Bytes>,
    /// The line shows the number that means no limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlimited: bool,
    /// How often a charge has hit the limit.
    pub failcnt: Option<u64>,
}

/// Statistics of one cgroup.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CgroupStats {
    /// The cgroup. Absent where the text does not show all of its path.
    pub cgroup_path: Option<String>,
    /// What is counted, in the order of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<NamedValue>,
}

/// A figure with the name that the kernel gives it, and its unit (bytes, pages, a count).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamedValue {
    /// The kernel's name.
    pub name: String,
    /// How much.
    pub value: u64,
    /// Of what.
    pub unit: super::Unit,
}

/// The `Mem-Info:` part of a report.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemInfo {
    /// Figures of the whole machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<NamedValue>,
    /// Memory nodes and their zones, with watermarks (`min`, `low`, `high`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<ZoneInfo>,
    /// Kernel objects that cannot be reclaimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slabs: Vec<SlabInfo>,
    /// The places in the kernel that hold the most memory (`CONFIG_MEM_ALLOC_PROFILING`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocations: Vec<AllocationSite>,
    /// Swap space. Source: `Total swap`.
    pub swap_total_bytes: Option<Bytes>,
    /// Swap space that is free. Source: `Free swap`.
    pub swap_free_bytes: Option<Bytes>,
}

/// One kind of kernel objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SlabInfo {
    /// The kernel's name.
    pub name: String,
    /// In use.
    pub used_bytes: Bytes,
    /// Taken from the page allocator.
    pub total_bytes: Bytes,
}

/// A place in the kernel's source and what was allocated there and not freed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllocationSite {
    /// What it holds.
    pub total_bytes: Bytes,
    /// How many allocations that is.
    pub allocations: u64,
    /// Source file and line, `mm/slub.c:2264`.
    pub location: String,
    /// Module it is in. Absent: the kernel itself.
    pub module: Option<String>,
    /// Function that allocates.
    pub function: Option<String>,
}

/// A memory node, or a zone of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ZoneInfo {
    /// Number of the node, where the line names it.
    pub node: Option<u32>,
    /// Name of the zone; absent for a whole node.
    pub zone: Option<String>,
    /// Its figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<NamedValue>,
    /// Free blocks of 2^index pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_blocks: Vec<u64>,
    /// Whether reclaim has given it up.
    pub all_unreclaimable: Option<bool>,
}

/// A process whose memory the reaper took.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReapedProcess {
    /// The number that the kernel prints: of a thread.
    pub pid: u32,
    /// Task name.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
    /// What was left.
    pub anon_bytes: Option<Bytes>,
    /// What was left.
    pub file_bytes: Option<Bytes>,
    /// What was left.
    pub shmem_bytes: Option<Bytes>,
    /// The reaper gave up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}
