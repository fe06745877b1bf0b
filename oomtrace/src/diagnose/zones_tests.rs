//! A part of the node that was short while much of the rest was free.

use super::*;
use crate::model::fixture::bare;
use crate::model::*;

const MIB: u64 = 1 << 20;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib * MIB))
}

fn zone(node: u32, name: &str, managed: u64, free: u64, min: u64) -> NodeZone {
    NodeZone {
        node: Some(node),
        zone: Some(name.to_owned()),
        managed_bytes: mib(managed),
        free_bytes: mib(free),
        min_bytes: mib(min),
        ..NodeZone::default()
    }
    .marked()
}

fn on_zones(flags: &[&str], zones: Vec<NodeZone>) -> OomKill {
    let mut event = bare();
    event.header.kernel.page_size_bytes = Some(PageSize(4096));
    event.incident.scope = Some(Scope::Global);
    event.incident.constraint = Some(Constraint::None);
    event.victim.comm = Some("importd".to_owned());
    event.trigger = Some(Trigger {
        gfp_flags: Some(flags.iter().map(|&flag| flag.to_owned()).collect()),
        order: Some(0),
        ..Trigger::default()
    });
    let sum = |part: fn(&NodeZone) -> Option<Bytes>| {
        let all = zones.iter().filter_map(part);
        Some(all.fold(Bytes(0), Bytes::saturating_add))
    };
    event.node_memory = Some(NodeMemory {
        total_bytes: sum(|zone| zone.managed_bytes),
        free_bytes: sum(|zone| zone.free_bytes),
        zones,
        ..NodeMemory::default()
    });
    event
}

fn explained(event: &OomKill) -> OomKill {
    let mut event = event.clone();
    diagnose(&mut event);
    let value = serde_json::to_value(Event::OomKill(Box::new(event.clone()))).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    event
}

fn finding<'a>(event: &'a OomKill, code: &str) -> Option<&'a Finding> {
    event.findings.iter().find(|finding| finding.code == code)
}

/// A 32-bit machine that formats a disk.
fn below_highmem() -> OomKill {
    let mut normal = zone(0, "Normal", 800, 2, 6);
    normal.file_list_bytes = mib(700);
    normal.write_pending_bytes = mib(90);
    let high = zone(0, "HighMem", 1200, 1000, 1);
    on_zones(&["GFP_USER", "__GFP_WRITE"], vec![normal, high])
}

#[test]
fn a_zone_that_ran_out_is_in_the_verdict() {
    let event = explained(&below_highmem());
    assert_eq!(
        event.header.message,
        "importd was killed: zone Normal ran out (2 MiB free, minimum 6 MiB), 1000 MiB free in \
         other zones; 700 MiB of Normal was page cache"
    );
    let found = finding(&event, "free_elsewhere").unwrap();
    assert_eq!(
        found.text,
        "Zone Normal had 2 MiB free, less than the 6 MiB that are kept back there; 1000 MiB were \
         free in zones that this allocation may not use. 700 MiB of zone Normal was page cache, \
         90 MiB of it not written yet."
    );
    assert!(found.change.as_ref().unwrap().contains("64-bit"));
}

#[test]
fn a_zone_that_may_be_used_is_not_elsewhere() {
    let mut event = below_highmem();
    event.trigger.as_mut().unwrap().gfp_flags = Some(vec!["GFP_HIGHUSER_MOVABLE".to_owned()]);
    let event = explained(&event);
    assert_eq!(finding(&event, "free_elsewhere"), None);
    assert!(event.header.message.contains("the node ran out"));
}

#[test]
fn one_of_two_memory_nodes_is_not_the_whole() {
    let zones = vec![
        zone(0, "Normal", 4000, 3, 9),
        zone(1, "Normal", 4000, 900, 9),
    ];
    let event = explained(&on_zones(&["GFP_KERNEL"], zones));
    assert!(event.header.message.contains("the node ran out"));
    assert_eq!(finding(&event, "free_elsewhere"), None);
}

/// 600 MiB free, of which 590 MiB are for contiguous allocations.
fn reserved(flag: &str) -> OomKill {
    let mut dma = zone(0, "DMA", 900, 600, 12);
    dma.cma_free_bytes = mib(590);
    on_zones(&[flag], vec![dma])
}

/// A zone, or large blocks, ran out: what no counter names did not make that happen.
#[test]
fn a_short_zone_is_not_blamed_on_the_rest() {
    let mut dma = zone(0, "DMA", 3_900, 500, 10);
    dma.cma_free_bytes = mib(495);
    let mut event = on_zones(&["GFP_KERNEL"], vec![dma]);
    let node = event.node_memory.as_mut().unwrap();
    node.anon_bytes = mib(20);
    node.file_bytes = mib(20);
    node.slab_bytes = mib(1_200);
    diagnose(&mut event);
    let codes: Vec<&str> = event.findings.iter().map(|one| one.code.as_str()).collect();
    assert!(!codes.contains(&"unaccounted_memory"), "{codes:?}");
    assert_eq!(codes.last(), Some(&"kernel_memory"));
    let changes: Vec<&str> = event
        .findings
        .iter()
        .filter_map(|one| one.change.as_deref())
        .collect();
    assert!(
        matches!(changes[..], [one] if one.contains("cma=")),
        "{changes:?}"
    );
}

#[test]
fn free_cma_is_of_no_use_to_the_kernel() {
    let event = explained(&reserved("GFP_KERNEL"));
    assert_eq!(
        event.header.message,
        "importd was killed: zone DMA ran out for what cannot be moved (10 MiB free, minimum 12 \
         MiB), another 590 MiB free only for what can (CMA)"
    );
    let found = &event.findings[1];
    assert_eq!(found.code, "cma_unusable");
    assert!(found.change.as_ref().unwrap().contains("cma="));
}

#[test]
fn movable_allocations_can_use_cma() {
    let event = explained(&reserved("GFP_HIGHUSER_MOVABLE"));
    assert_eq!(finding(&event, "cma_unusable"), None);
}

#[test]
fn a_cpuset_leaves_memory_nodes_out() {
    let zones = vec![
        zone(0, "Normal", 4000, 3, 9),
        zone(1, "Normal", 4000, 2000, 9),
    ];
    let mut event = on_zones(&["GFP_KERNEL"], zones);
    event.incident.constraint = Some(Constraint::Cpuset);
    event.report = Some(Box::new(KernelReport {
        mems_allowed: Some("0".to_owned()),
        ..KernelReport::default()
    }));
    let event = explained(&event);
    assert_eq!(
        event.header.message,
        "importd was killed: the memory nodes that a cpuset allows ran out, 2.0 GiB free on others"
    );
    assert_eq!(
        finding(&event, "free_elsewhere").unwrap().text,
        "The machine had 2.0 GiB free on memory nodes that the cpuset of the allocation leaves out."
    );
}

#[test]
fn free_memory_without_a_block_is_fragmented() {
    let mut normal = zone(0, "Normal", 4000, 700, 9);
    normal.free_blocks = vec![9000, 4000, 0, 0];
    let mut event = on_zones(&["GFP_KERNEL"], vec![normal.clone()]);
    event.trigger.as_mut().unwrap().order = Some(2);
    let fragmented = explained(&event);
    let text = &finding(&fragmented, "contiguous_memory").unwrap().text;
    assert!(
        text.ends_with("but no block in any zone was that large."),
        "{text}"
    );
    // Where one page could not be had either, the size is not why.
    normal.free_bytes = mib(3);
    event.node_memory.as_mut().unwrap().zones = vec![normal.marked()];
    assert_eq!(finding(&explained(&event), "contiguous_memory"), None);
}
