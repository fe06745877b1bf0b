//! The host a capture was taken on, and what user space read beside it.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{Bytes, Candidate, ChildLimits, JvmCounters, NodeMemory, Owner, PageSize};

/// What stays the same for a whole capture; also the header of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Name of the host, `--hostname` or `uname -n`.
    pub hostname: String,
    /// `uname -r`.
    pub release: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Bytes of a page.
    pub page_size_bytes: PageSize,
    /// 1 or 2: the version of the hierarchy that the memory controller is on.
    pub cgroup_version: u8,
    /// Upper bound of the error of each RSS figure, where the kernel keeps them in per-CPU
    /// counters whose parts are not summed; 0 where they are exact.
    pub rss_error_max_bytes: Bytes,
    /// The same for each thread of a process, where threads keep counts of their own that are not
    /// added to the process's at once.
    #[serde(default)]
    pub rss_error_per_thread_bytes: Bytes,
    /// Version of the oomtrace that captured.
    pub tracer_version: String,
    /// Names of allocation flags on this kernel, composite ones first; empty where the kernel's
    /// table could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gfp_flags: Vec<GfpFlag>,
    /// Fields that this kernel or these privileges cannot give, for `missing`.
    #[serde(default)]
    pub unavailable: Vec<super::Missing>,
}

/// Bits of an allocation's flags and their name on the kernel of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GfpFlag {
    /// The bits, all of which must be set.
    pub mask: u64,
    /// As the kernel prints it.
    pub name: String,
}

/// Asks for what only user space can read, as soon as a kill is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// The kill's running number.
    pub sequence: u32,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// The victim's memory cgroup, as bytes of a path from the root of its hierarchy.
    pub victim_cgroup_path: Option<Vec<u8>>,
    /// The cgroup whose limit was hit, likewise.
    pub limit_cgroup_path: Option<Vec<u8>>,
    /// The victim's process id.
    pub victim_pid: Option<u32>,
    /// When the victim started, nanoseconds of `CLOCK_BOOTTIME`: a process id may be in use again.
    pub victim_start_boot_ns: Option<u64>,
    /// Its process id inside its own pid namespace.
    pub victim_ns_pid: Option<u32>,
    /// No cgroup's limit is known to have been hit, so the node's memory is of interest.
    pub node_memory: bool,
    /// No hook sees whom the kernel looks at, so those that live on are of interest.
    pub survivors: bool,
}

/// What user space read, beside what the kernel captured. Kept in recordings, so that a replay
/// shows the same event.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The kill's running number.
    pub sequence: u32,
    /// `memory.stat` of the limiting cgroup (of the victim's own, where the limiting one is not
    /// known), as read; absent where it could not be read.
    pub stat: Option<StatReading>,
    /// Why `stat` is absent, as a [`super::Missing`] for `limit.usage`.
    pub stat_missing: Option<super::Missing>,
    /// The node's memory by `/proc/meminfo`, where it was asked for and could be read.
    pub node_memory: Option<NodeMemory>,
    /// Swap that the node has in all, for a cgroup's kill.
    pub swap_total_bytes: Option<super::Bytes>,
    /// The processes that could have been killed and live, where they were asked for.
    pub survivors: Option<Survivors>,
    /// Whom the victim's cgroup belongs to.
    pub owner: Option<Owner>,
    /// Limits of the cgroups directly below the limiting one.
    pub children: Option<ChildLimits>,
    /// What the victim, a JVM, had counted itself.
    pub jvm: Option<JvmCounters>,
    /// Why names of the owner are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner_missing: Vec<super::Missing>,
}

/// Asks whether a victim whose end was not seen still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivenessRequest {
    /// The kill's running number.
    pub sequence: u32,
    /// The victim's process id.
    pub pid: u32,
    /// When the victim was started, nanoseconds of `CLOCK_BOOTTIME`: another process may have its id
    /// by now.
    pub start_boot_ns: u64,
}

/// Whether a victim still runs, by its own `/proc/PID/stat`. Kept in recordings, so that a replay
/// shows the same event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    /// The kill's running number.
    pub sequence: u32,
    /// When that was looked up, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// Whether a thread of it was there then; false for another process of the same id.
    pub is_alive: bool,
}

/// The processes that could have been killed and live.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivors {
    /// How long after the kill they had been looked at.
    pub delay_us: u64,
    /// The largest of them, largest first.
    pub candidates: Vec<Candidate>,
    /// How many there are; absent where not all were looked at.
    pub total: Option<u32>,
}

/// The statistics of one cgroup, hierarchical, as its `memory.stat` file gives them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatReading {
    /// Bytes of the path of the cgroup, lossy.
    pub cgroup_path: String,
    /// How long after the kill the file had been read.
    pub delay_us: u64,
    /// The cgroup's charged memory, read just after the statistics.
    pub usage_bytes: Option<Bytes>,
    /// `anon` (v2), `total_rss` (v1).
    pub anon_bytes: Option<Bytes>,
    /// `file` (v2), `total_cache` (v1): page cache with shared memory in it.
    pub file_bytes: Option<Bytes>,
    /// `shmem` (v2), `total_shmem` (v1).
    pub shmem_bytes: Option<Bytes>,
    /// `swapcached` (v2), `total_swapcached` (v1): anonymous pages that are also in the swap
    /// cache; the kernel counts them in `file_bytes`.
    pub swapcached_bytes: Option<Bytes>,
    /// `hugetlb` (v2, since 6.14).
    pub hugetlb_bytes: Option<Bytes>,
    /// `slab` (v2).
    pub slab_bytes: Option<Bytes>,
    /// `pagetables` (v2).
    pub page_tables_bytes: Option<Bytes>,
    /// `kernel_stack` (v2).
    pub kernel_stack_bytes: Option<Bytes>,
    /// `sock` (v2).
    pub sock_bytes: Option<Bytes>,
    /// `percpu` (v2).
    pub percpu_bytes: Option<Bytes>,
    /// `kernel` (v2, since 5.18): all kernel memory.
    pub kernel_bytes: Option<Bytes>,
    /// `anon_thp` (v2), `total_rss_huge` (v1).
    pub thp_bytes: Option<Bytes>,
    /// `unevictable` (v2), `total_unevictable` (v1).
    pub unevictable_bytes: Option<Bytes>,
    /// `file_dirty` (v2), `total_dirty` (v1).
    pub dirty_bytes: Option<Bytes>,
}

/// When in a capture [`KernelCounters`] were read; reconciliation needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingMoment {
    /// Around attaching the probe: once before and once after. Nothing older counts.
    #[default]
    Attach,
    /// After the rings were drained, where the counters of lost records had grown. Nothing else is
    /// read then.
    Drain,
    /// Before the rings are drained for a reconciliation.
    BeforeDrain,
    /// After that.
    AfterDrain,
}

/// The kernel's own count of kills and the probe's counters, as user space read them. Kept in
/// recordings, so that a replay finds the same gaps.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCounters {
    /// When they were read, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// Where in the capture that was.
    pub moment: ReadingMoment,
    /// `oom_kill` of `/proc/vmstat`; absent where it could not be read.
    pub vmstat_oom_kill: Option<u64>,
    /// Kills that the probe saw, whether or not their record found room.
    pub kills_seen: u64,
    /// Kills whose record found no room in the essential ring.
    pub lost_kills: u64,
    /// Chains, contexts and outcomes that found no room in the detail ring.
    pub lost_details: u64,
    /// Candidates that found no room in their ring.
    pub lost_candidates: u64,
    /// Marks that were no kill: the task was dying already.
    pub mere_marks: u64,
    /// Kills that could not be followed to the victim's death.
    pub not_followed: u64,
    /// Runs of the probe's programs that the kernel skipped (`recursion_misses`).
    pub recursion_misses: u64,
    /// What the probe kept of the last kills whose record found no room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_victims: Vec<LostVictim>,
}

impl KernelCounters {
    /// Records that are known to be lost, of any kind: `lost_records` of an event.
    #[must_use]
    pub const fn lost_records(&self) -> u64 {
        self.lost_kills
            .saturating_add(self.lost_details)
            .saturating_add(self.lost_candidates)
            .saturating_add(self.recursion_misses)
    }
}

/// What is known of a victim whose kill record found no room
/// ([`oomtrace_common::record::LostKill`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostVictim {
    /// When it was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// The kill's running number.
    pub sequence: u32,
    /// Thread group; 0 where it is not known.
    pub tgid: u32,
    /// Thread that was marked.
    pub tid: u32,
    /// Name of that thread up to its NUL, any bytes.
    pub comm: Vec<u8>,
}
