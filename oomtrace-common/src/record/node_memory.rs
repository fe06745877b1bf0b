//! The node's memory at the moment of a global OOM.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;

/// Indices into [`NodeMemory::stats`]; bit `1 << index` of [`NodeMemory::valid`] says that the
/// figure was read. All are `pglist_data.vm_stat[]`, pages, summed over the memory nodes.
pub mod node_stat {
    /// `NR_ANON_MAPPED`.
    pub const ANON: usize = 0;
    /// `NR_FILE_PAGES`: page cache, with shared memory and the swap cache in it.
    pub const FILE: usize = 1;
    /// `NR_SHMEM`.
    pub const SHMEM: usize = 2;
    /// `NR_SWAPCACHE`.
    pub const SWAP_CACHE: usize = 3;
    /// `NR_SLAB_RECLAIMABLE_B`.
    pub const SLAB_RECLAIMABLE: usize = 4;
    /// `NR_SLAB_UNRECLAIMABLE_B`.
    pub const SLAB_UNRECLAIMABLE: usize = 5;
    /// `NR_KERNEL_MISC_RECLAIMABLE`.
    pub const MISC_RECLAIMABLE: usize = 6;
    /// `NR_ACTIVE_FILE`.
    pub const ACTIVE_FILE: usize = 7;
    /// `NR_INACTIVE_FILE`.
    pub const INACTIVE_FILE: usize = 8;
    /// `NR_PAGETABLE`, where it is counted by node.
    pub const PAGE_TABLES: usize = 9;
    /// `pglist_data.totalreserve_pages`: what allocations may not touch.
    pub const RESERVE: usize = 10;
    /// Number of figures.
    pub const COUNT: usize = 11;
}

/// Bits of [`NodeMemory::flags`].
pub mod node_flags {
    /// There are more zones than [`crate::limits::ZONES_MAX`]: the figures are not the whole node's.
    pub const ZONES_TRUNCATED: u32 = 1 << 0;
}

/// The node's memory when its OOM killer killed. `zones` [`Zone`]s follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct NodeMemory {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// See [`node_stat`].
    pub valid: u32,
    /// See [`node_flags`].
    pub flags: u32,
    /// How many zones follow.
    pub zones: u32,
    /// Length of the kernel's `free_area[]`, at most [`crate::limits::ORDERS_MAX`]; 0 if the lists
    /// of free blocks were not read.
    pub orders: u32,
    /// Pages; the kernel's counters are signed.
    pub stats: [u64; node_stat::COUNT],
}

/// Bits of [`Zone::valid`].
pub mod zone_valid {
    /// `node`.
    pub const NODE: u32 = 1 << 0;
    /// `name`.
    pub const NAME: u32 = 1 << 1;
    /// `managed_pages`.
    pub const MANAGED: u32 = 1 << 2;
    /// `free_pages`.
    pub const FREE: u32 = 1 << 3;
    /// `min_pages`, `low_pages`, `high_pages`.
    pub const WATERMARKS: u32 = 1 << 4;
    /// `page_tables_pages`.
    pub const PAGE_TABLES: u32 = 1 << 5;
    /// `free_blocks`.
    pub const FREE_BLOCKS: u32 = 1 << 6;
    /// `free_cma_pages`.
    pub const FREE_CMA: u32 = 1 << 7;
    /// `anon_list_pages`.
    pub const ANON_LIST: u32 = 1 << 8;
    /// `file_list_pages`.
    pub const FILE_LIST: u32 = 1 << 9;
    /// `write_pending_pages`.
    pub const WRITE_PENDING: u32 = 1 << 10;
}

/// Bytes of a zone's name that are kept; the longest is `Movable`.
pub const ZONE_NAME_LEN: usize = 16;

/// `struct zone`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Zone {
    /// See [`zone_valid`].
    pub valid: u32,
    /// `pglist_data.node_id`.
    pub node: u32,
    /// `zone.name`, NUL-padded.
    pub name: [u8; ZONE_NAME_LEN],
    /// `zone.managed_pages`.
    pub managed_pages: u64,
    /// `zone.vm_stat[NR_FREE_PAGES]`.
    pub free_pages: u64,
    /// `zone._watermark[WMARK_MIN]` with `watermark_boost`.
    pub min_pages: u64,
    /// `zone._watermark[WMARK_LOW]` with the same.
    pub low_pages: u64,
    /// `zone._watermark[WMARK_HIGH]` with the same.
    pub high_pages: u64,
    /// `zone.vm_stat[NR_PAGETABLE]`, where it is counted by zone.
    pub page_tables_pages: u64,
    /// `zone.vm_stat[NR_FREE_CMA_PAGES]`.
    pub free_cma_pages: u64,
    /// `zone.vm_stat[]` of `NR_ZONE_INACTIVE_ANON` and `NR_ZONE_ACTIVE_ANON`.
    pub anon_list_pages: u64,
    /// `zone.vm_stat[]` of `NR_ZONE_INACTIVE_FILE` and `NR_ZONE_ACTIVE_FILE`.
    pub file_list_pages: u64,
    /// `zone.vm_stat[NR_ZONE_WRITE_PENDING]`.
    pub write_pending_pages: u64,
    /// `zone.free_area[].nr_free`: free blocks of 2^index pages.
    pub free_blocks: [u32; crate::limits::ORDERS_MAX],
}

const _: () = assert!(size_of::<NodeMemory>().is_multiple_of(8));
const _: () = assert!(size_of::<Zone>().is_multiple_of(8));
