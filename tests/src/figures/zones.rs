//! What the figures on zones of memory and on memory nodes must be.

use serde_json::Value;

use super::derive::Facts;

/// What the message may say of a zone.
pub(super) const ZONE: [&str; 5] = [
    "zone_free",
    "zone_min",
    "zone_cma_free",
    "zone_usable",
    "zone_file",
];

/// Of a zone that has less free than it must keep, what only movable allocations get left out.
pub(super) fn zones(name: &str, facts: &Facts<'_>) -> Vec<i64> {
    let zones = facts.list("node_memory.zones").iter();
    zones
        .filter_map(|zone| {
            let of = |name: &str| zone[format!("{name}_bytes")].as_i64();
            let cma = of("cma_free").unwrap_or(0);
            let (free, min) = (of("free")?, of("min")?);
            let figure = match name {
                "zone_usable" => free - cma,
                "zone_file" => of("file_list")?,
                "zone_write_pending" => of("write_pending")?,
                _ => of(name.strip_prefix("zone_")?)?,
            };
            (free - cma < min).then_some(figure)
        })
        .collect()
}

/// What was free above a zone, and on the memory nodes that are not allowed.
pub(super) fn elsewhere(facts: &Facts<'_>) -> Vec<i64> {
    let zones = facts.list("node_memory.zones");
    let sum = |is_counted: &dyn Fn(&Value) -> bool| {
        let counted = zones.iter().filter(|zone| is_counted(zone));
        counted.filter_map(|zone| zone["free_bytes"].as_i64()).sum()
    };
    let names = ["DMA", "DMA32", "Normal", "HighMem", "Movable"];
    let mut found: Vec<i64> = (1..=names.len())
        .map(|count| {
            sum(&|zone| {
                let name = zone["zone"].as_str().unwrap_or("");
                !names.iter().take(count).any(|below| *below == name)
            })
        })
        .collect();
    for mask in ["report.mems_allowed", "report.nodemask"] {
        let allowed = facts.value(mask).and_then(Value::as_str).unwrap_or("");
        let nodes: Vec<i64> = allowed
            .split(',')
            .filter_map(|part| {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                Some(first.parse().ok()?..=last.parse().ok()?)
            })
            .flatten()
            .collect();
        if !nodes.is_empty() {
            found.push(sum(&|zone| {
                !nodes.contains(&zone["node"].as_i64().unwrap_or(-1))
            }));
        }
    }
    found
}
