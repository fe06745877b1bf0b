//! The node's memory, where it was the node that ran out.

use super::look::Look;
use super::parts;
use crate::model::{Bytes, Cause, NodeBasis, NodeMemory, NodeZone, OomKill, Scope};
use crate::render::escape::escape;
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::parts::of_node;

/// Zones that are shown without `-v`.
const ZONES: usize = 4;

pub(super) fn render(page: &mut Page, look: &Look, kill: &OomKill) {
    let global = kill.incident.scope == Some(Scope::Global);
    if !global && kill.node_memory.is_none() {
        return;
    }
    page.label("node");
    let memory = kill.node_memory.clone().unwrap_or_default();
    let is_part = memory.free_bytes <= memory.total_bytes;
    let text = join(
        if is_part { " of " } else { ", " },
        [
            size(look, memory.free_bytes, "free"),
            size(look, memory.total_bytes, "in all"),
        ],
    );
    // The verdict and the findings say what ran out, and why.
    if !text.is_empty() {
        page.prose(Role::Full, &text, 0);
    }
    let is_shortage = !matches!(kill.incident.cause, Some(Cause::Sysrq | Cause::PageFault));
    if global && is_shortage {
        page.prose(Role::Plain, "no cgroup limit was involved", 0);
    }
    used(page, look, &memory);
    let order = kill.trigger.as_ref().and_then(|trigger| trigger.order);
    zones(page, look, &memory, order);
    if let (Some(NodeBasis::Meminfo), Some(us)) = (memory.basis, memory.meminfo_delay_us) {
        let text = format!(
            "(from /proc/meminfo, read {} after the kill)",
            look.figures.duration(us)
        );
        page.prose(Role::Dim, &text, 0);
    }
}

fn size(look: &Look, bytes: Option<Bytes>, what: &str) -> Option<String> {
    bytes.map(|bytes| format!("{} {what}", look.figures.size(bytes.0)))
}

fn join<const N: usize>(between: &str, parts: [Option<String>; N]) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(between)
}

fn used(page: &mut Page, look: &Look, memory: &NodeMemory) {
    let rows = of_node(memory);
    if rows.len() > 1 {
        page.label("used by");
        parts::table(page, look, rows, memory.total_bytes);
    }
    if let Some(part) = memory.slab_unreclaimable_bytes.filter(|part| part.0 > 0) {
        let part = look.figures.size(part.0);
        page.prose(
            Role::Plain,
            &format!("{part} of slab is not reclaimable"),
            0,
        );
    }
    let swap = match (memory.swap_free_bytes, memory.swap_total_bytes) {
        (_, Some(Bytes(0))) => "no swap".to_owned(),
        (free, total) => join(
            " of ",
            [
                size(look, free, "of swap free"),
                total.map(|total| look.figures.size(total.0)),
            ],
        ),
    };
    if !swap.is_empty() {
        page.prose(Role::Plain, &swap, 0);
    }
}

/// Those that were short; all of them with `-v`.
fn zones(page: &mut Page, look: &Look, memory: &NodeMemory, order: Option<i32>) {
    let order = order.and_then(|order| usize::try_from(order).ok());
    let telling = |zone: &&NodeZone| {
        look.verbose || zone.below_min == Some(true) || !zone.free_blocks.is_empty()
    };
    let all: Vec<&NodeZone> = memory.zones.iter().filter(telling).collect();
    let shown = if look.verbose { all.len() } else { ZONES };
    for zone in all.iter().take(shown) {
        page.prose(zone_role(zone), &sentence(look, zone, order), 2);
    }
    if all.len() > shown {
        page.prose(
            Role::Dim,
            &format!("and {} more zones", all.len() - shown),
            2,
        );
    }
}

fn zone_role(zone: &NodeZone) -> Role {
    if zone.below_min == Some(true) {
        Role::Full
    } else {
        Role::Plain
    }
}

/// `node 0 DMA32: 1 MiB free, below its minimum of 2 MiB; largest free block 64 KiB`.
fn sentence(look: &Look, zone: &NodeZone, order: Option<usize>) -> String {
    let node = zone
        .node
        .map_or(String::new(), |node| format!("node {node} "));
    let name = escape(zone.zone.as_deref().unwrap_or("?"));
    let minimum = if zone.below_min == Some(true) {
        "below its minimum of"
    } else {
        "minimum"
    };
    let mut parts = vec![join(
        ", ",
        [
            size(look, zone.free_bytes, "free"),
            zone.min_bytes
                .map(|min| format!("{minimum} {}", look.figures.size(min.0))),
            size(look, zone.managed_bytes, "in all"),
        ],
    )];
    if let Some(order) = order.filter(|_| !zone.free_blocks.is_empty()) {
        let fitting: u64 = zone.free_blocks.iter().skip(order).sum();
        parts.push(match fitting {
            0 => "no free block as large as was asked for".to_owned(),
            1 => "1 free block as large as was asked for".to_owned(),
            many => format!("{many} free blocks as large as was asked for"),
        });
    }
    format!("{node}{name}: {}", parts.join("; "))
}
