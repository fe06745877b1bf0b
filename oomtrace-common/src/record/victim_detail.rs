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

const _: () = assert!(size_of::<Exe>().is_multiple_of(8));
const _: () = assert!(size_of::<SummedRss>().is_multiple_of(8));
