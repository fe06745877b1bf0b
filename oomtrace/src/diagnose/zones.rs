//! Which part of a node was short for the allocation, while much of the rest was free.

use super::code;
use super::draft::Draft;
use super::share::has_filled;
use crate::model::{Bytes, Cause, Constraint, NodeZone, OomKill, Scope};
use crate::words;

/// Free memory of less than one part in so many is next to nothing.
pub(super) const NOTHING_PARTS: u64 = 16;

/// The kernel's zones from the lowest: an allocation may use its own and those below.
const RANKS: [&str; 5] = ["DMA", "DMA32", "Normal", "HighMem", "Movable"];

/// What an allocation may use, by its flags.
struct Allowed {
    rank: usize,
    is_movable: bool,
}

/// Why the free memory of the node was of no use.
pub(super) enum Short<'a> {
    /// Most of what was free in `zone` is for movable allocations only.
    Cma {
        zone: &'a NodeZone,
        name: &'a str,
        cma_free: Bytes,
        usable: Bytes,
    },
    /// `zone` had less free than its minimum, other zones had enough.
    Zone {
        zone: &'a NodeZone,
        name: &'a str,
        elsewhere: Bytes,
        has_highmem: bool,
    },
}

fn rank(zone: &NodeZone) -> Option<usize> {
    let name = zone.zone.as_deref()?;
    RANKS.iter().position(|known| *known == name)
}

fn allowed(event: &OomKill) -> Option<Allowed> {
    let flags = event.trigger.as_ref()?.gfp_flags.as_ref()?;
    let has = |word: &str| flags.iter().any(|flag| flag.contains(word));
    let is_movable = has("MOVABLE") || has("TRANSHUGE");
    let is_high = is_movable && has("HIGHUSER") || has("HIGHMEM") || has("HIGHUSER");
    let is_exactly = |word: &str| {
        flags
            .iter()
            .any(|flag| flag.trim_start_matches('_') == word)
    };
    let rank = match () {
        () if is_exactly("GFP_DMA") => 0,
        () if is_exactly("GFP_DMA32") => 1,
        () if (is_high || has("TRANSHUGE")) && is_movable => 4,
        () if is_high => 3,
        () => 2,
    };
    (!flags.is_empty()).then_some(Allowed { rank, is_movable })
}

/// Only where all of the node was allowed, and the zones and the allocation's flags are known.
pub(super) fn short(event: &OomKill) -> Option<Short<'_>> {
    let is_whole = matches!(event.incident.constraint, Some(Constraint::None) | None);
    let is_asked = matches!(event.incident.cause, Some(Cause::Sysrq | Cause::PageFault));
    if event.incident.scope != Some(Scope::Global) || event.limit.is_some() || !is_whole || is_asked
    {
        return None;
    }
    let node = event.node_memory.as_ref()?;
    let allowed = allowed(event)?;
    if node.zones_total.is_some() {
        return None;
    }
    let may_use = |zone: &&NodeZone| rank(zone).is_some_and(|rank| rank <= allowed.rank);
    let size = |zone: &NodeZone| zone.managed_bytes.unwrap_or_default();
    let zone = node
        .zones
        .iter()
        .filter(may_use)
        .max_by_key(|zone| size(zone))?;
    let (name, free, min) = (zone.zone.as_deref()?, zone.free_bytes?, zone.min_bytes?);
    let cma_free = match zone.cma_free_bytes {
        Some(cma) if !allowed.is_movable && cma <= free => cma,
        _ => Bytes(0),
    };
    let usable = free.saturating_sub(cma_free);
    // Another of the same kind that has enough: then it was not for want of memory.
    let has_enough = |other: &&NodeZone| {
        size(other).0 >= size(zone).0 / 4
            && other
                .free_bytes
                .zip(other.min_bytes)
                .is_none_or(|(free, min)| {
                    let cma = other.cma_free_bytes.filter(|_| !allowed.is_movable);
                    free.saturating_sub(cma.unwrap_or_default()) >= min
                })
    };
    if node
        .zones
        .iter()
        .filter(may_use)
        .any(|other| has_enough(&other))
    {
        return None;
    }
    if free >= min {
        return (cma_free > Bytes(0)).then_some(Short::Cma {
            zone,
            name,
            cma_free,
            usable,
        });
    }
    let others = node.zones.iter().filter(|zone| !may_use(zone));
    let elsewhere = others
        .clone()
        .filter_map(|zone| zone.free_bytes)
        .fold(Bytes(0), Bytes::saturating_add);
    let total = node.total_bytes?;
    (elsewhere > min && elsewhere.0 >= total.0 / NOTHING_PARTS).then(|| Short::Zone {
        zone,
        name,
        elsewhere,
        has_highmem: others
            .into_iter()
            .any(|zone| zone.zone.as_deref() == Some("HighMem")),
    })
}

/// `zone Normal ran out (3 MiB free, minimum 7 MiB), 1 GiB free in other zones`, for the message.
pub(super) fn clause(short: &Short<'_>) -> String {
    let size = |bytes: Option<Bytes>| words::size(bytes.unwrap_or_default());
    match short {
        Short::Cma {
            zone,
            name,
            cma_free,
            usable,
        } => format!(
            "zone {name} ran out for what cannot be moved ({} free, minimum {}), another {} free \
             only for what can (CMA)",
            words::size(*usable),
            size(zone.min_bytes),
            words::size(*cma_free)
        ),
        Short::Zone {
            zone,
            name,
            elsewhere,
            ..
        } => format!(
            "zone {name} ran out ({} free, minimum {}), {} free in other zones",
            size(zone.free_bytes),
            size(zone.min_bytes),
            words::size(*elsewhere)
        ),
    }
}

/// What filled the zone, for the message.
pub(super) fn filled(event: &OomKill) -> Option<String> {
    let Some(Short::Zone { zone, name, .. }) = short(event) else {
        return None;
    };
    let cache = page_cache(zone)?;
    Some(format!("{} of {name} was page cache", words::size(cache)))
}

/// The page cache of a zone, where it was much.
fn page_cache(zone: &NodeZone) -> Option<Bytes> {
    let managed = zone.managed_bytes?;
    let cache = zone.file_list_bytes?;
    (has_filled(cache, managed) && cache <= managed).then_some(cache)
}

pub(super) fn finding(event: &OomKill) -> Option<Draft> {
    match short(event)? {
        Short::Cma {
            zone,
            name,
            cma_free,
            usable,
        } => {
            let free = zone.free_bytes.unwrap_or_default();
            Some(
                Draft::new(code::CMA_UNUSABLE)
                    .bytes("zone_cma_free", cma_free)
                    .say(" of the ")
                    .bytes("zone_free", free)
                    .say(&format!(
                        " free in zone {name} were CMA, kept for contiguous allocations and lent \
                         only to what can be moved. This allocation could use "
                    ))
                    .bytes("zone_usable", usable)
                    .say(", less than the ")
                    .bytes("zone_min", zone.min_bytes.unwrap_or_default())
                    .say(" that are kept back there.")
                    .change(
                        "Reserve less for contiguous allocations (cma= on the kernel's command \
                         line, linux,cma in the device tree): of what is reserved ",
                    )
                    .bytes("zone_cma_free", cma_free)
                    .say(" were free."),
            )
        }
        Short::Zone {
            zone,
            name,
            elsewhere,
            has_highmem,
        } => {
            let draft = Draft::new(code::FREE_ELSEWHERE)
                .say(&format!("Zone {name} had "))
                .bytes("zone_free", zone.free_bytes.unwrap_or_default())
                .say(" free, less than the ")
                .bytes("zone_min", zone.min_bytes.unwrap_or_default())
                .say(" that are kept back there; ")
                .bytes("free_elsewhere", elsewhere)
                .say(" were free in zones that this allocation may not use.");
            let draft = match page_cache(zone) {
                Some(cache) => {
                    let draft = draft
                        .say(" ")
                        .bytes("zone_file", cache)
                        .say(&format!(" of zone {name} was page cache"));
                    match zone
                        .write_pending_bytes
                        .filter(|bytes| bytes.0 > 0 && *bytes <= cache)
                    {
                        Some(pending) => draft
                            .say(", ")
                            .bytes("zone_write_pending", pending)
                            .say(" of it not written yet."),
                        None => draft.say("."),
                    }
                }
                None => draft,
            };
            Some(if has_highmem {
                draft.change(
                    "Run a 64-bit kernel where the machine can: there the kernel itself may use all \
                     memory, not only what is below HighMem.",
                )
            } else {
                draft
            })
        }
    }
}

/// Free memory on memory nodes that are none of `allowed` (`0-1,3`, as the kernel prints it).
pub(super) fn free_on_other_nodes(event: &OomKill, allowed: &str) -> Option<Bytes> {
    let zones = &event.node_memory.as_ref()?.zones;
    if zones.is_empty() || event.node_memory.as_ref()?.zones_total.is_some() {
        return None;
    }
    let mut ranges = Vec::new();
    for range in allowed.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let first: u32 = first.trim().parse().ok()?;
        ranges.push(first..=last.trim().parse().ok()?);
    }
    let mut sum = Bytes(0);
    for zone in zones {
        let (node, free) = (zone.node?, zone.free_bytes?);
        if !ranges.iter().any(|range| range.contains(&node)) {
            sum = sum.saturating_add(free);
        }
    }
    Some(sum)
}

/// Whether the largest zone has less free than its minimum.
pub(super) fn is_largest_below_min(event: &OomKill) -> bool {
    let zones = event.node_memory.iter().flat_map(|node| &node.zones);
    let largest = zones.max_by_key(|zone| zone.managed_bytes);
    largest.is_some_and(|zone| zone.below_min == Some(true))
}

/// Whether the lists of free blocks are known, and none has a block of this order.
pub(super) fn has_no_block(event: &OomKill, order: i32) -> bool {
    let Some((node, order)) = event.node_memory.as_ref().zip(usize::try_from(order).ok()) else {
        return false;
    };
    let is_listed = |zone: &NodeZone| !zone.free_blocks.is_empty();
    let has_none = |zone: &NodeZone| zone.free_blocks.iter().skip(order).all(|count| *count == 0);
    let all = !node.zones.is_empty() && node.zones.iter().all(is_listed);
    all && node.zones_total.is_none() && node.zones.iter().all(has_none)
}
