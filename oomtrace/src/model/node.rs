//! The node's memory, for a global OOM.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::Bytes;
use super::report::{AllocationSite, SlabInfo};

/// Where the figures of [`NodeMemory`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeBasis {
    /// The kernel's own counters, read in the kernel at the moment of the kill.
    Kernel,
    /// `/proc/meminfo`, read `meminfo_delay_us` after the kill.
    Meminfo,
    /// The kernel's log.
    Log,
}

/// The memory of the whole node when its OOM killer killed. The parts overlap with nothing, but do
/// not add up to the total either: the kernel does not count everything.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeMemory {
    /// Where the figures come from that do not name another source.
    pub basis: Option<NodeBasis>,
    /// How long after the kill `/proc/meminfo` was read, from which comes what the kernel-side
    /// program does not read: swap, huge pages, CMA, stacks, per-CPU memory, zswap.
    pub meminfo_delay_us: Option<u64>,
    /// Installed and usable by the kernel. Source: the zones' `managed_pages`.
    pub total_bytes: Option<Bytes>,
    /// Free. Source: the zones' `vm_stat[NR_FREE_PAGES]`.
    pub free_bytes: Option<Bytes>,
    /// What could be had without swapping, by the kernel's own estimate (`si_mem_available()`).
    pub available_bytes: Option<Bytes>,
    /// Anonymous memory. Source: `NR_ANON_MAPPED`; in logs the anonymous lists of reclaim without
    /// shared memory.
    pub anon_bytes: Option<Bytes>,
    /// Page cache and buffers, without shared memory and the swap cache. Source: `NR_FILE_PAGES`.
    pub file_bytes: Option<Bytes>,
    /// Shared memory and tmpfs. Source: `NR_SHMEM`.
    pub shmem_bytes: Option<Bytes>,
    /// The kernel's own objects. Source: `NR_SLAB_RECLAIMABLE_B` and `NR_SLAB_UNRECLAIMABLE_B`.
    pub slab_bytes: Option<Bytes>,
    /// The part of them that cannot be reclaimed. Source: `NR_SLAB_UNRECLAIMABLE_B`.
    pub slab_unreclaimable_bytes: Option<Bytes>,
    /// Page tables. Source: `NR_PAGETABLE`.
    pub page_tables_bytes: Option<Bytes>,
    /// Stacks of tasks. Source: `KernelStack` of `/proc/meminfo`, in logs `kernel_stack`
    /// (`NR_KERNEL_STACK_KB`).
    pub kernel_stack_bytes: Option<Bytes>,
    /// Per-CPU variables of the kernel. Source: `Percpu` of `/proc/meminfo`; absent from logs.
    pub per_cpu_bytes: Option<Bytes>,
    /// What zswap keeps swapped pages in, compressed. Source: `Zswap` of `/proc/meminfo`; absent
    /// from logs and before Linux 5.19.
    pub zswap_bytes: Option<Bytes>,
    /// Reserved for huge pages, used or not: no part of any other figure. Source: `Hugetlb` of
    /// `/proc/meminfo`; in logs the line of each node and size.
    pub hugepages_bytes: Option<Bytes>,
    /// The part of them that nothing uses. Source: `HugePages_Free` of `/proc/meminfo`, where
    /// there are huge pages of the default size only; in logs the line of each node and size.
    pub hugepages_free_bytes: Option<Bytes>,
    /// In none of the kernel's counters: `total_bytes` less the other parts. Memory that drivers,
    /// ZFS's ARC, a balloon or `vmalloc()` have taken from the page allocator, or 0 where the parts,
    /// read one after the other, exceed the total.
    pub unaccounted_bytes: Option<Bytes>,
    /// Reserved for contiguous allocations (`cma=`), and lent to movable ones. Source: `CmaTotal`
    /// of `/proc/meminfo`.
    pub cma_bytes: Option<Bytes>,
    /// The part of `free_bytes` that only movable allocations can use. Source: `NR_FREE_CMA_PAGES`.
    pub cma_free_bytes: Option<Bytes>,
    /// The largest caches of kernel objects, largest first. Source: `/proc/slabinfo`, read
    /// `meminfo_delay_us` after the kill; in logs those that cannot be reclaimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_slabs: Vec<SlabInfo>,
    /// The places in the kernel that hold the most memory, largest first, where the kernel counts
    /// this (`CONFIG_MEM_ALLOC_PROFILING`). Logs only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_allocations: Vec<AllocationSite>,
    /// Swap space.
    pub swap_total_bytes: Option<Bytes>,
    /// Swap space that is free.
    pub swap_free_bytes: Option<Bytes>,
    /// The zones, in the order in which the allocation could have been met from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<NodeZone>,
    /// How many zones there are, where not all of them are here.
    pub zones_total: Option<u32>,
}

impl NodeMemory {
    /// The same, with `unaccounted_bytes` as the other figures have it: absent where one of the large
    /// ones is.
    #[must_use]
    pub fn accounted(mut self) -> Self {
        self.unaccounted_bytes = self.unaccounted();
        self
    }

    fn unaccounted(&self) -> Option<Bytes> {
        let large = [
            self.anon_bytes?,
            self.file_bytes?,
            self.slab_bytes?,
            self.free_bytes?,
        ];
        let small = [
            self.shmem_bytes,
            self.page_tables_bytes,
            self.kernel_stack_bytes,
            self.per_cpu_bytes,
            self.zswap_bytes,
            self.hugepages_bytes,
        ];
        let parts = large.into_iter().chain(small.into_iter().flatten());
        let sum = parts.fold(Bytes(0), Bytes::saturating_add);
        Some(self.total_bytes?.saturating_sub(sum))
    }
}

/// A memory zone. Watermarks are those in force, with what the kernel adds to them for a while.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeZone {
    /// Number of its memory node.
    pub node: Option<u32>,
    /// The kernel's name for it.
    pub zone: Option<String>,
    /// Managed by the page allocator. Source: `zone.managed_pages`.
    pub managed_bytes: Option<Bytes>,
    /// Free. Source: `zone.vm_stat[NR_FREE_PAGES]`.
    pub free_bytes: Option<Bytes>,
    /// Ordinary allocations must leave this. Source: `zone._watermark[WMARK_MIN]`.
    pub min_bytes: Option<Bytes>,
    /// Below this the kernel reclaims in the background. Source: `zone._watermark[WMARK_LOW]`.
    pub low_bytes: Option<Bytes>,
    /// Above this it stops. Source: `zone._watermark[WMARK_HIGH]`.
    pub high_bytes: Option<Bytes>,
    /// The part of `free_bytes` that only movable allocations can use. Source:
    /// `zone.vm_stat[NR_FREE_CMA_PAGES]`.
    pub cma_free_bytes: Option<Bytes>,
    /// Anonymous and shared memory on the zone's lists of reclaim. Source:
    /// `NR_ZONE_INACTIVE_ANON` and `NR_ZONE_ACTIVE_ANON`.
    pub anon_list_bytes: Option<Bytes>,
    /// Page cache on the zone's lists of reclaim. Source: `NR_ZONE_INACTIVE_FILE` and
    /// `NR_ZONE_ACTIVE_FILE`.
    pub file_list_bytes: Option<Bytes>,
    /// Waiting to be written to disk, or being written. Source: `NR_ZONE_WRITE_PENDING`.
    pub write_pending_bytes: Option<Bytes>,
    /// `free_bytes` is below `min_bytes`.
    pub below_min: Option<bool>,
    /// Free blocks of 2^index pages, where the allocation asked for more than one page. Source:
    /// `zone.free_area[].nr_free`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_blocks: Vec<u64>,
}

impl NodeZone {
    /// The same, with `below_min` as the figures have it.
    #[must_use]
    pub fn marked(mut self) -> Self {
        self.below_min = self
            .free_bytes
            .zip(self.min_bytes)
            .map(|(free, min)| free < min);
        self
    }
}
