//! A task that the OOM killer considered.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;
use crate::limits::TASK_COMM_LEN;

/// Bits of [`Candidate::valid`].
pub mod candidate_valid {
    /// `comm`.
    pub const COMM: u32 = 1 << 0;
    /// `uid`.
    pub const UID: u32 = 1 << 1;
    /// `oom_score_adj`.
    pub const ADJ: u32 = 1 << 2;
    /// `anon_pages`, `file_pages`, `shmem_pages`.
    pub const RSS: u32 = 1 << 3;
    /// `swap_entries_pages`.
    pub const SWAP: u32 = 1 << 4;
    /// `pgtables_bytes`.
    pub const PGTABLES: u32 = 1 << 5;
}

/// A task as `oom_evaluate_task()` was about to score it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Candidate {
    /// The record header; `sequence` is the running number of the invocation.
    pub header: RecordHeader,
    /// See [`candidate_valid`].
    pub valid: u32,
    /// Thread group.
    pub tgid: u32,
    /// `mm_struct.rss_stat[MM_ANONPAGES]`, pages.
    pub anon_pages: u64,
    /// `mm_struct.rss_stat[MM_FILEPAGES]`, pages.
    pub file_pages: u64,
    /// `mm_struct.rss_stat[MM_SHMEMPAGES]`, pages.
    pub shmem_pages: u64,
    /// `mm_struct.rss_stat[MM_SWAPENTS]`, pages.
    pub swap_entries_pages: u64,
    /// `mm_struct.pgtables_bytes`, bytes.
    pub pgtables_bytes: u64,
    /// Real uid in the initial user namespace.
    pub uid: u32,
    /// `signal_struct.oom_score_adj`.
    pub oom_score_adj: i16,
    /// Always zero.
    pub reserved: [u8; 2],
    /// Name of the task, NUL-padded, any bytes.
    pub comm: [u8; TASK_COMM_LEN],
}

const _: () = assert!(size_of::<Candidate>().is_multiple_of(8));
