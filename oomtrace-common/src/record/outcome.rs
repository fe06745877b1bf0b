//! How a victim ended: its exit, and what the kernel's reaper took before.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;

/// A victim's process is gone: its last thread has exited.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Outcome {
    /// The record header; `boot_ns` is the time of the exit, `sequence` that of the kill.
    pub header: RecordHeader,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// `task_struct.start_boottime` of the thread group leader, as in the kill record.
    pub start_boot_ns: u64,
    /// Thread group that died.
    pub tgid: u32,
    /// `signal_struct.group_exit_code` (or the last thread's exit code).
    pub exit_code: u32,
}

const _: () = assert!(size_of::<Outcome>().is_multiple_of(8));

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

const _: () = assert!(size_of::<Reaping>().is_multiple_of(8));
