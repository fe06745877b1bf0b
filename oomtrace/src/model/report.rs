//! What a kernel's own OOM report says beyond what the other parts of an event take from it.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// A kernel's own report of an OOM, from its log: what the other parts of the event have no place
/// for. Only in the first event of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelReport {
    /// Who relayed the kernel's words, where the log shows them as another program's:
    /// `kernel-monitor` (node-problem-detector), `kubelet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed_by: Option<String>,
    /// The kernel's own word for the constraint, such as `CONSTRAINT_MEMCG`. Source: the
    /// `oom-kill:` line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Whether the `oom-kill:` line says `global_oom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_oom: Option<bool>,
    /// Memory nodes that the allocation was bound to, as printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodemask: Option<String>,
    /// Name of the trigger's cpuset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpuset: Option<String>,
    /// Memory nodes that this cpuset allows, as printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mems_allowed: Option<String>,
    /// It is the kernel that starts after a crash, to save the crashed one's memory. Source:
    /// `elfcorehdr=` on its command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_kernel: Option<bool>,
    /// Processor that the report was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// What taints the kernel, as printed; `Not tainted` where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tainted: Option<String>,
    /// Name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// The trigger's way through the kernel, innermost function first. A leading `? ` marks what
    /// may be a leftover on the stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call_trace: Vec<String>,
    /// The process that was chosen, where another one was killed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<ChosenProcess>,
    /// The score of the chosen process as old kernels print it: thousandths of the memory that
    /// could be used, adjustment included. Not pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// How the page size was found: `task_rss`, `task_total_vm`, `mem_info` or `tasks_rss` (by what
    /// all tasks have resident and what is charged to their cgroup).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size_basis: Option<String>,
    /// The `memory:` line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ReportedCounter>,
    /// The `memory+swap:` line (cgroup v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memsw: Option<ReportedCounter>,
    /// The `swap:` line (cgroup v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<ReportedCounter>,
    /// The `kmem:` line (cgroup v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kmem: Option<ReportedCounter>,
    /// Memory that reclaim must leave to the cgroup. Source: the `min protection` line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_protection_bytes: Option<Bytes>,
    /// Memory that reclaim should leave to the cgroup. Source: the `low protection` of this line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_protection_bytes: Option<Bytes>,
    /// Statistics of the cgroup whose limit was hit; on older kernels of each cgroup below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cgroup_stats: Vec<CgroupStats>,
    /// State of the node's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_info: Option<MemInfo>,
    /// Columns of the table of tasks, as its header names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_columns: Vec<String>,
    /// Rows of the table of tasks that the text shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_rows: Option<u32>,
    /// Sum of the resident memory of all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_rss_bytes: Option<Bytes>,
    /// The `pgtables:` of the kill line counts bytes though it says kB, as some kernels print it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pgtables_mislabelled: Option<bool>,
    /// What the reaper says it has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaped: Vec<ReapedProcess>,
    /// Reports that the kernel held back before this one, because there were too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_callbacks: Option<u64>,
    /// Why the kernel panicked, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panic: Option<String>,
    /// Lines of the report that are not understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unparsed: Vec<String>,
    /// How many there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unparsed_total: Option<u64>,
}

/// The process that the OOM killer chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChosenProcess {
    /// Process id.
    pub pid: u32,
    /// Task name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm_hex: Option<String>,
}

/// A line of a memory cgroup's counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedCounter {
    /// Charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_bytes: Option<Bytes>,
    /// Limit. Absent: see `unlimited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<Bytes>,
    /// The line shows the number that stands for no limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlimited: bool,
    /// How often a charge has hit the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failcnt: Option<u64>,
}

/// Statistics of one cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CgroupStats {
    /// The cgroup. Absent where the text does not show all of its path.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_total_bytes: Option<Bytes>,
    /// Swap space that is free. Source: `Free swap`.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Function that allocates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

/// A memory node, or a zone of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ZoneInfo {
    /// Number of the node, where the line names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Name of the zone; absent for a whole node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<NamedValue>,
    /// Free blocks of 2^index pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_blocks: Vec<u64>,
    /// Whether reclaim has given it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_unreclaimable: Option<bool>,
}

/// A process whose memory the reaper took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReapedProcess {
    /// The number that the kernel prints: of a thread.
    pub pid: u32,
    /// Task name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm_hex: Option<String>,
    /// What was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anon_bytes: Option<Bytes>,
    /// What was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<Bytes>,
    /// What was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shmem_bytes: Option<Bytes>,
    /// The reaper gave up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}
