//! Who took part: the trigger, the victim, its owner and runtime, the other candidates; and what
//! oomtrace concludes.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{Bytes, MaskRule, NamedValue, Pages, ReportedMemory, Unit, VictimMemory};

/// The task whose allocation invoked the OOM killer.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trigger {
    /// Process (thread group) id in the initial pid namespace.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// Name of the thread, at most 15 bytes; any process can choose its own.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
    /// Real user id in the initial user namespace.
    pub uid: Option<u32>,
    /// The trigger's memory cgroup.
    pub cgroup_path: Option<String>,
    /// The path's original bytes, where they were no UTF-8.
    pub cgroup_path_hex: Option<String>,
    /// kernfs id of the trigger's memory cgroup.
    pub cgroup_id: Option<u64>,
    /// The allocation's flags, as a number of the running kernel.
    pub gfp_mask: Option<u64>,
    /// The same by name; an empty list where no flag is set.
    pub gfp_flags: Option<Vec<String>>,
    /// Adjustment of the trigger's own badness, -1000 to 1000 (from logs).
    pub oom_score_adj: Option<i32>,
    /// The allocation's order: 2^order pages in one piece; -1 for sysrq-f.
    pub order: Option<i32>,
}

/// The process that was killed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Victim {
    /// Process (thread group) id in the initial pid namespace.
    pub pid: Option<u32>,
    /// The thread that the kernel marked and names in its log; differs from `pid` where the
    /// process's first thread had exited.
    pub tid: Option<u32>,
    /// Process id inside its own pid namespace: what `ps` shows in the container.
    pub ns_pid: Option<u32>,
    /// Name of the marked thread, at most 15 bytes; any process can choose its own.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
    /// Path of the executable, from the root of the victim's mount namespace. Source:
    /// `mm->exe_file`.
    pub exe: Option<String>,
    /// The path's original bytes, where they were no UTF-8.
    pub exe_hex: Option<String>,
    /// The executable was unlinked (an upgrade, a memfd); `exe` is its last path.
    pub exe_deleted: Option<bool>,
    /// Command line, secrets masked.
    pub cmdline: Option<Vec<String>>,
    /// The (masked) command line's bytes, arguments separated by NUL, where they were no UTF-8.
    pub cmdline_hex: Option<String>,
    /// Length of the whole command line, where only its beginning could be had.
    pub cmdline_total_bytes: Option<u64>,
    /// The kinds of rules that masked something in `cmdline`. Absent where nothing was masked.
    pub cmdline_masked_by: Option<Vec<MaskRule>>,
    /// Environment variables that set memory limits of language runtimes (`JAVA_TOOL_OPTIONS`,
    /// `GOMEMLIMIT`, …), as `NAME=value`, secrets masked. Empty: it was read and sets none of
    /// them. No other variable is ever kept.
    pub environ: Option<Vec<String>>,
    /// Real user id in the initial user namespace.
    pub uid: Option<u32>,
    /// Process id of the parent.
    pub parent_pid: Option<u32>,
    /// Name of the parent.
    pub parent_comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub parent_comm_hex: Option<String>,
    /// When the process started.
    pub start_timestamp: Option<String>,
    /// When the process started, microseconds after boot.
    pub start_since_boot_us: Option<u64>,
    /// Threads of the process.
    pub threads: Option<u32>,
    /// The victim's memory cgroup (`task_memcg`).
    pub cgroup_path: Option<String>,
    /// The path's original bytes, where they were no UTF-8.
    pub cgroup_path_hex: Option<String>,
    /// kernfs id of the victim's memory cgroup.
    pub cgroup_id: Option<u64>,
    /// Adjustment of the badness, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
    /// `oom_badness()` in pages, adjustment included.
    pub badness_pages: Option<i64>,
    /// For `kill_kind` `shared_mm`: the victim whose address space this process used.
    pub shares_memory_with_pid: Option<u32>,
    /// What its address space held. Absent for `kill_kind` `shared_mm`.
    pub memory: Option<VictimMemory>,
    /// The kernel's own, less exact figures, where they differ in kind from `memory`.
    pub memory_reported: Option<ReportedMemory>,
}

/// What kind of owner a cgroup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A container outside Kubernetes.
    Container,
    /// A container of a Kubernetes pod.
    Pod,
    /// A systemd service or scope.
    Unit,
    /// A login session or a user's service manager.
    User,
}

/// Whom the victim's cgroup belongs to. Never contradicts what the kernel captured.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Owner {
    /// What kind of owner it is.
    pub kind: OwnerKind,
    /// The container engine: docker, containerd, cri-o, podman, …
    pub engine: Option<String>,
    /// The container's whole id.
    pub container_id: Option<String>,
    /// The container's name.
    pub container_name: Option<String>,
    /// The image as it was asked for.
    pub image: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// Kubernetes pod name.
    pub pod_name: Option<String>,
    /// Kubernetes pod uid.
    pub pod_uid: Option<String>,
    /// The pod's quality of service class, by the kubelet's own cgroup that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_qos_class: Option<QosClass>,
    /// systemd unit.
    pub unit: Option<String>,
    /// Where the names come from (a file, a socket); absent if only the path was read.
    pub names_basis: Option<String>,
}

/// Quality of service class of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QosClass {
    /// Every container has limits, and requests as much.
    Guaranteed,
    /// Some container has a request or a limit.
    Burstable,
    /// None has.
    BestEffort,
}

/// Where a list of candidates comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CandidatesBasis {
    /// Each as the kernel looked at it.
    Kernel,
    /// `/proc`, after the kill: those that could have been chosen and live. Whom the kernel really
    /// looked at is not known.
    Survivors,
}

/// A process that the kernel looked at in this incident.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Process id.
    pub pid: u32,
    /// Task name.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
    /// The number in the first column of the kernel's table: of a thread (from logs).
    pub tid: Option<u32>,
    /// Real user id in the initial user namespace.
    pub uid: Option<u32>,
    /// Resident memory.
    pub rss_bytes: Option<Bytes>,
    /// Resident pages.
    pub rss_pages: Option<Pages>,
    /// Swapped out.
    pub swap_bytes: Option<Bytes>,
    /// Page tables.
    pub pgtables_bytes: Option<Bytes>,
    /// Mapped address space in pages (from logs).
    pub virtual_pages: Option<Pages>,
    /// Anonymous part of `rss_pages` (from logs).
    pub anon_pages: Option<Pages>,
    /// File part of `rss_pages` (from logs).
    pub file_pages: Option<Pages>,
    /// Shared memory part of `rss_pages` (from logs).
    pub shmem_pages: Option<Pages>,
    /// Pages swapped out (from logs).
    pub swap_pages: Option<Pages>,
    /// Page tables of the lowest level (from logs of older kernels).
    pub nr_ptes: Option<u64>,
    /// Page tables of the level above (from logs of older kernels).
    pub nr_pmds: Option<u64>,
    /// Processor it ran on last (from logs of older kernels).
    pub cpu: Option<u32>,
    /// Adjustment of the badness on the old scale of -17 to 15 (from logs of older kernels).
    pub oom_adj: Option<i32>,
    /// Columns of the kernel's table that no field above is for (from logs of vendors' kernels); the
    /// unit is not known, so they are given as counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_columns: Vec<NamedValue>,
    /// `oom_badness()` in pages. Absent for a protected task (`oom_score_adj` -1000), which the
    /// kernel gives none.
    pub badness_pages: Option<i64>,
    /// Adjustment of the badness.
    pub oom_score_adj: Option<i32>,
}

/// A figure that a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: i64,
    /// Of what.
    pub unit: Unit,
}

/// A conclusion, with the figures that carry it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable name of the kind of finding.
    pub code: String,
    /// The conclusion in words.
    pub text: String,
    /// What to change, where the figures carry it.
    pub change: Option<String>,
    /// The message, or another part of the event, says the same: text shows it with `-v` only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detail: bool,
    /// The figures it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}
