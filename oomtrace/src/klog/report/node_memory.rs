//! The node's memory from the `Mem-Info:` part, in the fields that a live capture fills.

use super::values::bytes;
use crate::klog::grammar::mem_info::{self, total_pages};
use crate::model::{Bytes, MemInfo, NodeBasis, NodeMemory, NodeZone, PageSize, ZoneInfo};

/// What the part tells; nothing where it tells none of it. `order` is the allocation's.
pub(super) fn of(
    info: &MemInfo,
    page_size: Option<PageSize>,
    order: Option<i32>,
) -> Option<NodeMemory> {
    let size = page_size?.0;
    let in_bytes = |pages: Option<u64>| bytes(pages.and_then(|pages| pages.checked_mul(size)));
    let figure = |name| total_pages(info, name);
    let total = figure("pages RAM")
        .zip(figure("pages reserved"))
        .and_then(|(all, reserved)| all.checked_sub(reserved));
    let (shmem, unreclaimable) = (figure("shmem"), figure("slab_unreclaimable"));
    // Shared memory is on the anonymous lists.
    let anon = figure("active_anon")
        .zip(figure("inactive_anon"))
        .zip(figure("isolated_anon").zip(shmem))
        .and_then(|((active, inactive), (isolated, shmem))| {
            let all = active.checked_add(inactive)?.checked_add(isolated)?;
            Some(all.saturating_sub(shmem))
        });
    let file = figure("total pagecache pages")
        .zip(shmem)
        .map(|(cached, shmem)| {
            let swapped = figure("pages in swap cache").unwrap_or(0);
            cached.saturating_sub(shmem).saturating_sub(swapped)
        });
    let slab = figure("slab_reclaimable")
        .zip(unreclaimable)
        .and_then(|(one, other)| one.checked_add(other));
    let found = NodeMemory {
        total_bytes: in_bytes(total),
        free_bytes: in_bytes(figure("free")),
        anon_bytes: in_bytes(anon),
        file_bytes: in_bytes(file),
        shmem_bytes: in_bytes(shmem),
        slab_bytes: in_bytes(slab),
        slab_unreclaimable_bytes: in_bytes(unreclaimable),
        page_tables_bytes: in_bytes(figure("pagetables")),
        kernel_stack_bytes: bytes(mem_info::sum_bytes(info, "kernel_stack")),
        hugepages_bytes: hugepages(info, "hugepages_total"),
        hugepages_free_bytes: hugepages(info, "hugepages_free"),
        cma_bytes: in_bytes(figure("pages cma reserved")),
        cma_free_bytes: in_bytes(figure("free_cma")),
        top_slabs: largest(&info.slabs, |slab| slab.total_bytes),
        top_allocations: largest(&info.allocations, |site| site.total_bytes),
        swap_total_bytes: info.swap_total_bytes,
        swap_free_bytes: info.swap_free_bytes,
        zones: info
            .zones
            .iter()
            .filter_map(|entry| zone(entry, order))
            .collect(),
        ..NodeMemory::default()
    }
    .accounted();
    (found != NodeMemory::default()).then_some(NodeMemory {
        basis: Some(NodeBasis::Log),
        ..found
    })
}

/// Entries of a list that are kept beside the whole of it in the report.
const LARGEST_MAX: usize = 8;

fn largest<T: Clone>(list: &[T], size: impl Fn(&T) -> Bytes) -> Vec<T> {
    let mut sorted = list.to_vec();
    sorted.sort_by_key(|entry| std::cmp::Reverse(size(entry)));
    sorted.truncate(LARGEST_MAX);
    sorted
}

/// Huge pages of all nodes and sizes, in bytes. `None` where the report has no line of them.
fn hugepages(info: &MemInfo, name: &str) -> Option<Bytes> {
    let of = |entry: &ZoneInfo| {
        let figure = |name: &str| {
            let found = entry.values.iter().find(|figure| figure.name == name)?;
            Some(found.value)
        };
        figure(name)?.checked_mul(figure("hugepages_size")?)
    };
    let sum = info.zones.iter().filter_map(of).reduce(u64::saturating_add);
    bytes(sum)
}

/// A zone; nothing for the line of a whole node.
fn zone(entry: &ZoneInfo, order: Option<i32>) -> Option<NodeZone> {
    let name = entry.zone.clone()?;
    let figure = |name: &str| {
        let found = entry.values.iter().find(|figure| figure.name == name);
        found.map(|figure| Bytes(figure.value))
    };
    let both = |one: &str, other: &str| {
        let sum = figure(one)?.0.checked_add(figure(other)?.0)?;
        bytes(Some(sum))
    };
    // Without its figures the line was of something else, such as its list of free blocks alone.
    let free_bytes = Some(figure("free")?);
    let blocks = order.is_some_and(|order| order > 0);
    let zone = NodeZone {
        node: entry.node,
        zone: Some(name),
        managed_bytes: figure("managed"),
        free_bytes,
        min_bytes: figure("min"),
        low_bytes: figure("low"),
        high_bytes: figure("high"),
        cma_free_bytes: figure("free_cma"),
        anon_list_bytes: both("active_anon", "inactive_anon"),
        file_list_bytes: both("active_file", "inactive_file"),
        write_pending_bytes: figure("writepending"),
        below_min: None,
        free_blocks: if blocks {
            entry.free_blocks.clone()
        } else {
            Vec::new()
        },
    };
    Some(zone.marked())
}
