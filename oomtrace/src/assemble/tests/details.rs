//! What comes beside the kill's own record: the node's memory, the executable, summed RSS.

use oomtrace_common::record::{Kill, exe_flags, kill_flags};

use super::*;
use crate::model::{NodeBasis, Pages};

/// A kill that promises `flags`, with everything else it needs.
fn promising(flags: u32) -> Fixture {
    let mut bench = Fixture::new(host());
    let kill = build::kill(1, MARK, 7);
    bench.kill(&Kill {
        flags: kill.flags | flags,
        ..kill
    });
    bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
    bench
}

/// A global OOM for a block of four pages.
fn global() -> Kill {
    let kill = build::seen_kill(build::kill(1, MARK, 7), 1, 0);
    Kill {
        constraint: 0,
        oc_memcg_id: 0,
        order: 2,
        flags: kill.flags | kill_flags::NODE_MEMORY,
        ..kill
    }
}

#[test]
fn the_nodes_memory_stands_where_no_limit_was_hit() {
    let mut bench = Fixture::new(host());
    bench.kill(&global());
    bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
    assert!(bench.kills().is_empty(), "its record is promised");
    let zones = [build::zone(b"DMA", 90), build::zone(b"DMA32", 5_000)];
    bench.bytes(&build::node_memory(1, MARK, 4, &zones));
    let event = bench.event();
    let node = event.node_memory.as_ref().unwrap();
    let pages = |pages: u64| Some(Bytes(pages * 4096));
    assert_eq!(node.basis, Some(NodeBasis::Kernel));
    assert_eq!(node.total_bytes, pages(120_000));
    assert_eq!(node.free_bytes, pages(5_090));
    assert_eq!(node.anon_bytes, pages(1_000));
    // 1001 of files and more, of which 1002 are shared memory: never below zero.
    assert_eq!(node.file_bytes, pages(0));
    assert_eq!(node.slab_bytes, pages(1_004 + 1_005));
    assert_eq!(node.slab_unreclaimable_bytes, pages(1_005));
    // Free 5090, less 1010 in reserve; of 2015 of files and of 2010 of slab and others all but the
    // low watermarks of 250.
    assert_eq!(
        node.available_bytes,
        pages(5_090 - 1_010 + (2_015 - 250) + (2_010 - 250))
    );
    assert_eq!(node.swap_total_bytes, None, "user space reads that");
    let [short, wide] = node.zones.as_slice() else {
        panic!("{:?}", node.zones);
    };
    assert_eq!((short.below_min, wide.below_min), (Some(true), Some(false)));
    assert_eq!(short.zone.as_deref(), Some("DMA"));
    assert_eq!(short.free_blocks, [3, 0, 1, 0]);
    assert_eq!(reason(event, "node_memory"), None);
}

#[test]
fn a_node_that_is_not_whole_has_no_sums() {
    let mut bench = Fixture::new(host());
    bench.kill(&global());
    bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
    let mut bytes = build::node_memory(1, MARK, 0, &[build::zone(b"DMA", 90)]);
    // `flags` follow the header and `valid`.
    bytes[28] = 1;
    bench.bytes(&bytes);
    let node = bench.event().node_memory.clone().unwrap();
    assert_eq!((node.total_bytes, node.anon_bytes), (None, None));
    assert_eq!(node.zones.len(), 1);
}

#[test]
fn the_nodes_memory_that_never_comes_is_missing() {
    let mut bench = Fixture::new(host());
    bench.kill(&global());
    bench.tick(MARK + 50_000_000);
    let event = bench.event();
    assert_eq!(event.node_memory, None);
    assert_eq!(reason(event, "node_memory"), Some("not_received"));
}

#[test]
fn the_executable_is_told_by_its_path() {
    let mut bench = promising(kill_flags::EXE);
    assert!(bench.kills().is_empty(), "its record is promised");
    bench.bytes(&build::exe(1, MARK, 0, &[b"java", b"bin", b"opt"]));
    let victim = &bench.event().victim;
    assert_eq!(victim.exe.as_deref(), Some("/opt/bin/java"));
    assert_eq!((&victim.exe_hex, victim.exe_deleted), (&None, Some(false)));
    assert_eq!(reason(bench.event(), "victim.exe"), None);
}

#[test]
fn an_executable_that_is_gone_or_no_text_says_so() {
    let mut bench = promising(kill_flags::EXE);
    bench.bytes(&build::exe(1, MARK, exe_flags::DELETED, &[b"a\xff"]));
    let victim = &bench.event().victim;
    assert_eq!(victim.exe.as_deref(), Some("/a\u{fffd}"));
    assert_eq!(victim.exe_hex.as_deref(), Some("2f61ff"));
    assert_eq!(victim.exe_deleted, Some(true));
}

#[test]
fn an_unavailable_exe_is_missing_with_a_reason() {
    assert_eq!(reason(promising(0).event(), "victim.exe"), Some("no_exe"));
    let mut cut = promising(kill_flags::EXE);
    cut.bytes(&build::exe(1, MARK, exe_flags::TRUNCATED, &[b"java"]));
    assert_eq!(reason(cut.event(), "victim.exe"), Some("path_too_long"));
    let mut late = promising(kill_flags::EXE);
    late.tick(MARK + 50_000_000);
    assert_eq!(reason(late.event(), "victim.exe"), Some("not_received"));
}

#[test]
fn summed_rss_is_exact_beside_the_kernels_figure() {
    let approximate = kill_flags::SUMMED_RSS | kill_flags::RSS_APPROXIMATE;
    let mut bench = promising(approximate);
    assert!(bench.kills().is_empty(), "its record is promised");
    bench.bytes(&build::bytes(&build::summed_rss(1, MARK, 30)));
    let victim = &bench.event().victim;
    let memory = victim.memory.as_ref().unwrap();
    assert_eq!(memory.anon_bytes, Some(Bytes(65_182 * 4096)));
    assert_eq!(memory.rss_pages, Some(Pages(65_182 + 4_954)));
    assert_eq!(memory.swap_bytes, Some(Bytes(2 * 4096)));
    assert_eq!(memory.rss_error_max_bytes, Some(Bytes(0)));
    let reported = victim.memory_reported.as_ref().unwrap();
    assert_eq!(reported.anon_bytes, Some(Bytes(65_152 * 4096)));
}

#[test]
fn sums_that_cannot_be_are_not_believed() {
    let approximate = kill_flags::SUMMED_RSS | kill_flags::RSS_APPROXIMATE;
    let mut bench = promising(approximate);
    // The bound of this host is 62 pages.
    bench.bytes(&build::bytes(&build::summed_rss(1, MARK, 63)));
    let victim = &bench.event().victim;
    let memory = victim.memory.as_ref().unwrap();
    assert_eq!(memory.anon_bytes, Some(Bytes(65_152 * 4096)));
    assert_eq!(memory.rss_error_max_bytes, Some(Bytes(253_952)));
    assert_eq!(victim.memory_reported, None);
}
