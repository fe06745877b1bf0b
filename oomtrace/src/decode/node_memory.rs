//! The node's memory at a global OOM.

use oomtrace_common::record::{self, node_flags, node_stat, zone_valid as valid};

use super::header::{counter, fixed, name, when};
use super::{DecodeError, Meta, Part};
use crate::model::Pages;

/// The node's memory when its OOM killer killed: counters summed over the memory nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeMemory {
    /// Which kill it belongs to.
    pub meta: Meta,
    /// Zones beyond those that are captured are not in any of the figures.
    pub truncated: bool,
    /// Mapped anonymous pages.
    pub anon: Option<Pages>,
    /// Page cache, with shared memory and the swap cache in it.
    pub file: Option<Pages>,
    /// Shared memory.
    pub shmem: Option<Pages>,
    /// Swap cache.
    pub swap_cache: Option<Pages>,
    /// Slab pages that can be reclaimed.
    pub slab_reclaimable: Option<Pages>,
    /// Slab pages that cannot.
    pub slab_unreclaimable: Option<Pages>,
    /// Other kernel pages that can be reclaimed.
    pub misc_reclaimable: Option<Pages>,
    /// File pages on the lists of reclaim.
    pub listed_file: Option<Pages>,
    /// Page tables.
    pub page_tables: Option<Pages>,
    /// Pages that allocations may not touch.
    pub reserve: Option<Pages>,
    /// The zones.
    pub zones: Vec<Zone>,
}

/// One zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Number of its node.
    pub node: Option<u32>,
    /// Its name, any bytes.
    pub name: Option<Vec<u8>>,
    /// Pages that the page allocator manages.
    pub managed: Option<Pages>,
    /// Free pages.
    pub free: Option<Pages>,
    /// Watermarks.
    pub watermarks: Option<Watermarks>,
    /// Page tables, where zones count them.
    pub page_tables: Option<Pages>,
    /// Free pages that only movable allocations may have.
    pub free_cma: Option<Pages>,
    /// Anonymous and shared memory on the lists of reclaim.
    pub anon_list: Option<Pages>,
    /// Page cache on them.
    pub file_list: Option<Pages>,
    /// What waits to be written, or is being written.
    pub write_pending: Option<Pages>,
    /// Free blocks of 2^index pages; absent where they were not asked for.
    pub free_blocks: Option<Vec<u32>>,
}

/// Watermarks of a zone, with what the kernel adds to them for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Ordinary allocations must leave this.
    pub min: Pages,
    /// Below this kswapd runs.
    pub low: Pages,
    /// Above this it sleeps.
    pub high: Pages,
}

impl NodeMemory {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, mut rest) = fixed::<record::NodeMemory>(bytes, Part::NodeMemory)?;
        let orders = usize::try_from(raw.orders).unwrap_or(usize::MAX);
        // The count is not trusted with an allocation: each zone has to be there to be kept.
        let mut zones = Vec::new();
        for _ in 0..raw.zones {
            let (zone, after) = fixed::<record::Zone>(rest, Part::Zone)?;
            zones.push(Zone::of(&zone, orders));
            rest = after;
        }
        let stat = |index: usize| {
            let value = raw.stats.get(index)?;
            (raw.valid >> index & 1 != 0).then(|| counter(*value))
        };
        let sum =
            |one: Option<Pages>, other: Option<Pages>| Some(Pages(one?.0.saturating_add(other?.0)));
        Ok(Self {
            meta: Meta::of(&raw.header),
            truncated: raw.flags & node_flags::ZONES_TRUNCATED != 0,
            anon: stat(node_stat::ANON),
            file: stat(node_stat::FILE),
            shmem: stat(node_stat::SHMEM),
            swap_cache: stat(node_stat::SWAP_CACHE),
            slab_reclaimable: stat(node_stat::SLAB_RECLAIMABLE),
            slab_unreclaimable: stat(node_stat::SLAB_UNRECLAIMABLE),
            misc_reclaimable: stat(node_stat::MISC_RECLAIMABLE),
            listed_file: sum(stat(node_stat::ACTIVE_FILE), stat(node_stat::INACTIVE_FILE)),
            page_tables: stat(node_stat::PAGE_TABLES).or_else(|| {
                zones
                    .iter()
                    .map(|zone| zone.page_tables)
                    .reduce(sum)
                    .flatten()
            }),
            reserve: stat(node_stat::RESERVE),
            zones,
        })
    }
}

impl Zone {
    fn of(raw: &record::Zone, orders: usize) -> Self {
        let mask = raw.valid;
        Self {
            node: when(mask, valid::NODE, raw.node),
            name: (mask & valid::NAME != 0).then(|| name(&raw.name)),
            managed: when(mask, valid::MANAGED, counter(raw.managed_pages)),
            free: when(mask, valid::FREE, counter(raw.free_pages)),
            watermarks: when(
                mask,
                valid::WATERMARKS,
                Watermarks {
                    min: Pages(raw.min_pages),
                    low: Pages(raw.low_pages),
                    high: Pages(raw.high_pages),
                },
            ),
            page_tables: when(mask, valid::PAGE_TABLES, counter(raw.page_tables_pages)),
            free_cma: when(mask, valid::FREE_CMA, counter(raw.free_cma_pages)),
            anon_list: when(mask, valid::ANON_LIST, counter(raw.anon_list_pages)),
            file_list: when(mask, valid::FILE_LIST, counter(raw.file_list_pages)),
            write_pending: when(mask, valid::WRITE_PENDING, counter(raw.write_pending_pages)),
            free_blocks: (mask & valid::FREE_BLOCKS != 0)
                .then(|| raw.free_blocks.iter().copied().take(orders).collect()),
        }
    }
}
