//! What is sent of a victim beside its kill record.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;

/// Bits of [`Exe::flags`].
pub mod exe_flags {
    /// The file has no name any more.
    pub const DELETED: u32 = 1 << 0;
    /// The path has more parts than [`crate::limits::EXE_PARTS_MAX`], or more bytes than the record
    /// has room for: those nearest the root are not here.
    pub const TRUNCATED: u32 = 1 << 1;
}

/// The executable of a victim: `mm->exe_file`. `names_len_bytes` bytes follow, the names on its
/// path from the file up to the root of its mount namespace, each ended by NUL; zeros up to the
/// next multiple of eight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Exe {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// See [`exe_flags`].
    pub flags: u32,
    /// Bytes of names that follow.
    pub names_len_bytes: u32,
}

/// A victim's RSS with what each processor holds of it, where the counters of the kill record are
/// only the central part: `percpu_counter_sum()`. Signed, as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SummedRss {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// Of `mm_struct.rss_stat[MM_ANONPAGES]`, pages.
    pub anon_pages: i64,
    /// Of `mm_struct.rss_stat[MM_FILEPAGES]`, pages.
    pub file_pages: i64,
    /// Of `mm_struct.rss_stat[MM_SHMEMPAGES]`, pages.
    pub shmem_pages: i64,
    /// Of `mm_struct.rss_stat[MM_SWAPENTS]`, pages.
    pub swap_entries_pages: i64,
}

/// What the reaper did: values of [`Reaping::step`].
pub mod reaping_step {
    /// It began to take the victim's memory.
    pub const STARTED: u32 = 1;
    /// It took what it could.
    pub const FINISHED: u32 = 2;
    /// It left the victim alone: its address space was busy, or empty already.
    pub const SKIPPED: u32 = 3;
}

/// Bits of [`Reaping::valid`].
pub mod reaping_valid {
    /// `anon_pages`, `file_pages`, `shmem_pages`.
    pub const RSS: u32 = 1 << 0;
}

/// A step of the kernel's `oom_reaper`, which takes the memory of a victim that does not exit.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Reaping {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// `task_struct.start_boottime` of the thread group leader, as in the kill record.
    pub start_boot_ns: u64,
    /// Thread group of the victim.
    pub tgid: u32,
    /// One of [`reaping_step`].
    pub step: u32,
    /// See [`reaping_valid`].
    pub valid: u32,
    /// Always zero.
    pub reserved: u32,
    /// What is left in `mm_struct.rss_stat[MM_ANONPAGES]`, pages.
    pub anon_pages: u64,
    /// What is left in `mm_struct.rss_stat[MM_FILEPAGES]`, pages.
    pub file_pages: u64,
    /// What is left in `mm_struct.rss_stat[MM_SHMEMPAGES]`, pages.
    pub shmem_pages: u64,
}

const _: () = assert!(size_of::<Exe>().is_multiple_of(8));
const _: () = assert!(size_of::<SummedRss>().is_multiple_of(8));
const _: () = assert!(size_of::<Reaping>().is_multiple_of(8));
