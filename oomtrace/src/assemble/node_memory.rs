//! The node's memory as the schema shows it.

use super::missing::possible;
use crate::decode::{NodeMemory, Watermarks, Zone};
use crate::model::{self, NodeBasis, NodeZone, PageSize, Pages, Text};

/// What the record tells.
pub(super) fn shown(node: &NodeMemory, page_size: PageSize) -> model::NodeMemory {
    let bytes = |pages: Option<Pages>| pages.map(|pages| pages.bytes(page_size)).filter(possible);
    let zones = || node.zones.iter();
    // Sums over some of the zones would be taken for those over all.
    let whole = |pages: Option<Pages>| bytes(pages.filter(|_| !node.truncated));
    let slab = plus(node.slab_reclaimable, node.slab_unreclaimable);
    let file = node.file.zip(node.shmem).map(|(file, shmem)| {
        // Where the kernel has no counter of the swap cache, that is in it.
        let cached = node.swap_cache.map_or(0, |pages| pages.0);
        Pages(file.0.saturating_sub(shmem.0).saturating_sub(cached))
    });
    model::NodeMemory {
        basis: Some(NodeBasis::Kernel),
        total_bytes: whole(sum(zones().map(|zone| zone.managed))),
        free_bytes: whole(sum(zones().map(|zone| zone.free))),
        available_bytes: whole(available(node)),
        anon_bytes: whole(node.anon),
        file_bytes: whole(file),
        shmem_bytes: whole(node.shmem),
        slab_bytes: whole(slab),
        slab_unreclaimable_bytes: whole(node.slab_unreclaimable),
        page_tables_bytes: whole(node.page_tables),
        cma_free_bytes: whole(sum(zones().map(|zone| zone.free_cma))),
        zones: zones().map(|one| zone(one, page_size)).collect(),
        ..model::NodeMemory::default()
    }
    .accounted()
}

fn zone(zone: &Zone, page_size: PageSize) -> NodeZone {
    let bytes = |pages: Option<Pages>| pages.map(|pages| pages.bytes(page_size)).filter(possible);
    let mark = |which: fn(&Watermarks) -> Pages| bytes(zone.watermarks.as_ref().map(which));
    NodeZone {
        node: zone.node,
        zone: zone
            .name
            .as_deref()
            .map(|name| Text::from_bytes(name).lossy),
        managed_bytes: bytes(zone.managed),
        free_bytes: bytes(zone.free),
        min_bytes: mark(|marks| marks.min),
        low_bytes: mark(|marks| marks.low),
        high_bytes: mark(|marks| marks.high),
        cma_free_bytes: bytes(zone.free_cma),
        anon_list_bytes: bytes(zone.anon_list),
        file_list_bytes: bytes(zone.file_list),
        write_pending_bytes: bytes(zone.write_pending),
        below_min: None,
        free_blocks: zone
            .free_blocks
            .iter()
            .flatten()
            .copied()
            .map(u64::from)
            .collect(),
    }
    .marked()
}

/// `si_mem_available()` of `mm/show_mem.c`: what is free beyond the reserves, and of the page cache
/// and what else can be reclaimed the part that is not in use.
fn available(node: &NodeMemory) -> Option<Pages> {
    let low = sum(node
        .zones
        .iter()
        .map(|zone| zone.watermarks.map(|marks| marks.low)))?;
    let free = sum(node.zones.iter().map(|zone| zone.free))?;
    let spare = |pages: u64| pages - low.0.min(pages / 2);
    let reclaimable = plus(
        node.slab_reclaimable,
        node.misc_reclaimable.or(Some(Pages(0))),
    )?;
    let all = free
        .0
        .saturating_add(spare(node.listed_file?.0))
        .saturating_add(spare(reclaimable.0));
    Some(Pages(all.saturating_sub(node.reserve?.0)))
}

fn plus(one: Option<Pages>, other: Option<Pages>) -> Option<Pages> {
    Some(Pages(one?.0.saturating_add(other?.0)))
}

/// The sum, where all of them are known and there are any.
fn sum(parts: impl Iterator<Item = Option<Pages>>) -> Option<Pages> {
    parts.reduce(plus).flatten()
}
