//! The host a capture was taken on, and what user space read beside it.

use serde::{Deserialize, Serialize};

use super::{Bytes, Owner, PageSize};

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
    /// Version of the oomtrace that captured.
    pub tracer_version: String,
    /// Fields that this kernel or these privileges cannot give, for `missing`.
    #[serde(default)]
    pub unavailable: Vec<super::Missing>,
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
}

/// What user space read, beside what the kernel captured. Kept in recordings, so that a replay
/// shows the same event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The kill's running number.
    pub sequence: u32,
    /// `memory.stat` of the limiting cgroup (of the victim's own, where the limiting one is not
    /// known), as read; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat: Option<StatReading>,
    /// Why `stat` is absent, as a [`super::Missing`] for `limit.usage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat_missing: Option<super::Missing>,
    /// Whom the victim's cgroup belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Why names of the owner are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner_missing: Vec<super::Missing>,
}

/// The statistics of one cgroup, hierarchical, as its `memory.stat` file gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatReading {
    /// Bytes of the path of the cgroup, lossy.
    pub cgroup_path: String,
    /// How long after the kill the file had been read.
    pub delay_us: u64,
    /// The cgroup's charged memory, read just after the statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_bytes: Option<Bytes>,
    /// `anon` (v2), `total_rss` (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anon_bytes: Option<Bytes>,
    /// `file` (v2), `total_cache` (v1): page cache with shared memory in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<Bytes>,
    /// `shmem` (v2), `total_shmem` (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shmem_bytes: Option<Bytes>,
    /// `swapcached` (v2), `total_swapcached` (v1): anonymous pages that also stand in the swap
    /// cache; the kernel counts them in `file_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swapcached_bytes: Option<Bytes>,
    /// `slab` (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slab_bytes: Option<Bytes>,
    /// `pagetables` (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_tables_bytes: Option<Bytes>,
    /// `kernel_stack` (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_stack_bytes: Option<Bytes>,
    /// `sock` (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sock_bytes: Option<Bytes>,
    /// `percpu` (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percpu_bytes: Option<Bytes>,
    /// `kernel` (v2, since 5.18): all kernel memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<Bytes>,
    /// `anon_thp` (v2), `total_rss_huge` (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thp_bytes: Option<Bytes>,
}
