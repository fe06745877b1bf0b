//! The node's memory, where it was the node that ran out: from the zones that the allocation could
//! have been met from, which are all that the node has.

use oomtrace_common::field::KernelField;
use oomtrace_common::limits::{ORDERS_MAX, ZONES_MAX};
use oomtrace_common::record::{
    KIND_NODE_MEMORY, Kill, NodeMemory, ZONE_NAME_LEN, Zone, kill_flags, node_flags, node_stat,
    zone_valid,
};

use crate::emit;
use crate::field::{element, member, number, pointer, read, string};
use crate::oom_control::OomControl;
use crate::scratch::DETAIL_SCRATCH;

/// Sends the node's memory, if `oc` is a global OOM's and has a list of zones.
#[inline(always)]
pub fn send(kill: &mut Kill, oc: OomControl) {
    if oc.memcg().is_some() {
        return;
    }
    let Some(zonelist) = oc.zonelist() else {
        return;
    };
    // Only a block of several pages can be missing while pages are free.
    let blocks = u64::from(oc.order().is_some_and(|order| order > 0));
    if send_zones(
        kill.header.sequence.into(),
        kill.header.boot_ns,
        zonelist,
        blocks,
    ) != 0
    {
        kill.flags |= kill_flags::NODE_MEMORY;
    }
}

/// Sends the zones of `zonelist` and the counters of their nodes, with the lists of free blocks if
/// `blocks` is not 0; whether that found room.
// A global function: see `chain::send_chain`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_zones(sequence: u64, boot_ns: u64, zonelist: u64, blocks: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    let (Some(zones_at), Some(stride), Some(zone_at)) = (
        number(KernelField::ZonelistZones),
        number(KernelField::ZonelistZonesStride),
        number(KernelField::ZonerefZone),
    ) else {
        return 0;
    };
    let start: *mut u8 = scratch.cast();
    // SAFETY: the scratch is aligned for it and begins with room for it.
    let record = unsafe { &mut *start.cast::<NodeMemory>() };
    *record = NodeMemory::default();
    let mut zones = 0_u32;
    let mut flags = node_flags::ZONES_TRUNCATED;
    let mut node = 0;
    let mut reference = zonelist + zones_at + zone_at;
    for _ in 0..ZONES_MAX {
        let Some(zone) = read::<u64>(reference) else {
            break;
        };
        if zone == 0 {
            flags = 0;
            break;
        }
        // The zones of a node are adjacent.
        let its_node = pointer(zone, KernelField::ZonePgdat).unwrap_or(0);
        if its_node != node {
            add_node(its_node);
            node = its_node;
        }
        put_zone(zone, zones as u64, blocks);
        zones += 1;
        reference += stride;
    }
    if zones == 0 {
        return 0;
    }
    let len = (size_of::<NodeMemory>() + zones as usize * size_of::<Zone>()) as u64;
    record.header = emit::header(KIND_NODE_MEMORY, len as u32, boot_ns, sequence as u32);
    record.flags = flags;
    record.zones = zones;
    record.orders = if blocks != 0 { orders() } else { 0 };
    // The bound is for the verifier.
    let len = len.min((size_of::<NodeMemory>() + ZONES_MAX * size_of::<Zone>()) as u64);
    // SAFETY: that many bytes of the scratch were written.
    u64::from(unsafe { emit::detail(start, len, emit::NO_WAKEUP) })
}

/// Length of `free_area[]`, 0 where it is not known or too long.
#[inline(always)]
fn orders() -> u32 {
    match number(KernelField::ZoneFreeAreaLength) {
        Some(length) if length <= ORDERS_MAX as u64 => length as u32,
        _ => 0,
    }
}

/// Adds the counters of node `pgdat` to the record in the scratch.
// A global function: its reads would otherwise be walked once per zone.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn add_node(pgdat: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: the scratch is aligned for it and begins with room for it.
    let record = unsafe { &mut *scratch.cast::<NodeMemory>() };
    let mut add = |index: usize, value: Option<u64>| {
        if let Some(value) = value {
            record.stats[index] += value;
            record.valid |= 1 << index;
        }
    };
    let stat = |which| {
        element::<u64>(
            pgdat,
            KernelField::NodeStats,
            KernelField::NodeStatsStride,
            which,
        )
    };
    add(node_stat::ANON, stat(KernelField::NodeAnon));
    add(node_stat::FILE, stat(KernelField::NodeFile));
    add(node_stat::SHMEM, stat(KernelField::NodeShmem));
    add(node_stat::SWAP_CACHE, stat(KernelField::NodeSwapCache));
    add(
        node_stat::SLAB_RECLAIMABLE,
        stat(KernelField::NodeSlabReclaimable),
    );
    add(
        node_stat::SLAB_UNRECLAIMABLE,
        stat(KernelField::NodeSlabUnreclaimable),
    );
    add(
        node_stat::MISC_RECLAIMABLE,
        stat(KernelField::NodeMiscReclaimable),
    );
    add(node_stat::ACTIVE_FILE, stat(KernelField::NodeActiveFile));
    add(
        node_stat::INACTIVE_FILE,
        stat(KernelField::NodeInactiveFile),
    );
    add(node_stat::PAGE_TABLES, stat(KernelField::NodePageTables));
    add(node_stat::RESERVE, member(pgdat, KernelField::NodeReserve));
    1
}

/// Puts a zone at place `index` behind the record in the scratch.
// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn put_zone(zone: u64, index: u64, blocks: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    if index >= ZONES_MAX as u64 {
        return 0;
    }
    let at = size_of::<NodeMemory>() + index as usize * size_of::<Zone>();
    // SAFETY: inside the scratch, which has room for ZONES_MAX of them, and aligned.
    let out = unsafe { &mut *scratch.cast::<u8>().add(at).cast::<Zone>() };
    *out = Zone::default();
    if let Some(id) =
        pointer(zone, KernelField::ZonePgdat).and_then(|pgdat| member(pgdat, KernelField::NodeId))
    {
        out.node = id;
        out.valid |= zone_valid::NODE;
    }
    if let Some(name) = pointer(zone, KernelField::ZoneName) {
        // SAFETY: the target is as long as is said.
        if unsafe { string::<{ ZONE_NAME_LEN as u32 }>(out.name.as_mut_ptr(), name) }.is_some() {
            out.valid |= zone_valid::NAME;
        }
    }
    if let Some(pages) = member(zone, KernelField::ZoneManaged) {
        out.managed_pages = pages;
        out.valid |= zone_valid::MANAGED;
    }
    let stat = |which| {
        element::<u64>(
            zone,
            KernelField::ZoneStats,
            KernelField::ZoneStatsStride,
            which,
        )
    };
    if let Some(pages) = stat(KernelField::ZoneFree) {
        out.free_pages = pages;
        out.valid |= zone_valid::FREE;
    }
    if let Some(pages) = stat(KernelField::ZonePageTables) {
        out.page_tables_pages = pages;
        out.valid |= zone_valid::PAGE_TABLES;
    }
    if let Some(pages) = stat(KernelField::ZoneFreeCma) {
        out.free_cma_pages = pages;
        out.valid |= zone_valid::FREE_CMA;
    }
    if let (Some(inactive), Some(active)) = (
        stat(KernelField::ZoneInactiveAnon),
        stat(KernelField::ZoneActiveAnon),
    ) {
        out.anon_list_pages = inactive + active;
        out.valid |= zone_valid::ANON_LIST;
    }
    if let (Some(inactive), Some(active)) = (
        stat(KernelField::ZoneInactiveFile),
        stat(KernelField::ZoneActiveFile),
    ) {
        out.file_list_pages = inactive + active;
        out.valid |= zone_valid::FILE_LIST;
    }
    if let Some(pages) = stat(KernelField::ZoneWritePending) {
        out.write_pending_pages = pages;
        out.valid |= zone_valid::WRITE_PENDING;
    }
    let mark = |which| {
        element::<u64>(
            zone,
            KernelField::ZoneWatermarks,
            KernelField::ZoneWatermarksStride,
            which,
        )
    };
    if let (Some(min), Some(low), Some(high)) = (
        mark(KernelField::WatermarkMin),
        mark(KernelField::WatermarkLow),
        mark(KernelField::WatermarkHigh),
    ) {
        let boost: u64 = member(zone, KernelField::ZoneBoost).unwrap_or(0);
        out.min_pages = min + boost;
        out.low_pages = low + boost;
        out.high_pages = high + boost;
        out.valid |= zone_valid::WATERMARKS;
    }
    if blocks != 0 {
        free_blocks(zone, out);
    }
    1
}

#[inline(always)]
fn free_blocks(zone: u64, out: &mut Zone) {
    let (Some(area), Some(stride)) = (
        number(KernelField::ZoneFreeArea),
        number(KernelField::ZoneFreeAreaStride),
    ) else {
        return;
    };
    let orders = orders() as usize;
    let mut read_all = orders != 0;
    for order in 0..ORDERS_MAX {
        if order >= orders {
            break;
        }
        match member::<u64>(
            zone + area + order as u64 * stride,
            KernelField::FreeAreaCount,
        ) {
            Some(count) => out.free_blocks[order] = count as u32,
            None => read_all = false,
        }
    }
    if read_all {
        out.valid |= zone_valid::FREE_BLOCKS;
    }
}
