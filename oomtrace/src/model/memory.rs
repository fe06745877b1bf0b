//! What a victim's address space held.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{Bytes, Pages};

/// The victim's memory at the moment of the kill. `rss_bytes` = anon + file + shmem.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VictimMemory {
    /// Resident pages as the kernel's own report counts them.
    pub rss_pages: Option<Pages>,
    /// The same in bytes.
    pub rss_bytes: Option<Bytes>,
    /// Anonymous memory (heap, stacks, private copies). Source: `mm->rss_stat[MM_ANONPAGES]`.
    pub anon_bytes: Option<Bytes>,
    /// Mapped file pages. Source: `mm->rss_stat[MM_FILEPAGES]`.
    pub file_bytes: Option<Bytes>,
    /// Mapped shared memory (tmpfs, shm). Source: `mm->rss_stat[MM_SHMEMPAGES]`.
    pub shmem_bytes: Option<Bytes>,
    /// Pages that were swapped out. Source: `mm->rss_stat[MM_SWAPENTS]`.
    pub swap_bytes: Option<Bytes>,
    /// Page tables. Source: `mm->pgtables_bytes`.
    pub pgtables_bytes: Option<Bytes>,
    /// Mapped address space, resident or not. Source: `mm->total_vm`.
    pub virtual_bytes: Option<Bytes>,
    /// How far off each RSS figure may be, at most.
    pub rss_error_max_bytes: Option<Bytes>,
}

/// The figures that the kernel's own report or tracepoint shows, where its read is less exact than
/// [`VictimMemory`].
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedMemory {
    /// As printed, in bytes.
    pub anon_bytes: Option<Bytes>,
    /// As printed, in bytes.
    pub file_bytes: Option<Bytes>,
    /// As printed, in bytes.
    pub shmem_bytes: Option<Bytes>,
}
