//! The node's memory, executables, summed RSS, the reaper.

use oomtrace_common::record::{exe_flags, node_flags, zone_valid};
use zerocopy::{FromBytes, IntoBytes};

use super::{testing as build, *};
use crate::model::Pages;

const PAGE: PageSize = PageSize(4096);

fn node(bytes: &[u8]) -> NodeMemory {
    match decode(bytes, PAGE) {
        Ok(Record::NodeMemory(node)) => node,
        other => panic!("{other:?}"),
    }
}

fn exe(bytes: &[u8]) -> Exe {
    match decode(bytes, PAGE) {
        Ok(Record::Exe(exe)) => exe,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_nodes_memory_keeps_counters_and_zones() {
    let mut normal = build::zone(b"Normal", 7);
    normal.valid &= !(zone_valid::FREE_BLOCKS | zone_valid::WATERMARKS);
    let node = node(&build::node_memory(
        3,
        9,
        4,
        &[build::zone(b"DMA32", 90), normal],
    ));
    assert_eq!((node.meta.sequence, node.meta.boot_ns), (3, 9));
    assert_eq!(node.anon, Some(Pages(1_000)));
    assert_eq!(node.listed_file, Some(Pages(1_007 + 1_008)));
    assert_eq!(node.reserve, Some(Pages(1_010)));
    assert!(!node.truncated);
    let [dma, normal] = node.zones.as_slice() else {
        panic!("{:?}", node.zones);
    };
    assert_eq!(dma.name.as_deref(), Some(&b"DMA32"[..]));
    assert_eq!((dma.node, dma.free), (Some(0), Some(Pages(90))));
    assert_eq!(dma.watermarks.map(|marks| marks.low), Some(Pages(125)));
    assert_eq!(dma.free_blocks.as_deref(), Some(&[3, 0, 1, 0][..]));
    assert_eq!((normal.watermarks, &normal.free_blocks), (None, &None));
}

#[test]
fn uncounted_figures_of_the_node_are_absent() {
    let bytes = build::node_memory(1, 2, 0, &[]);
    let mut raw = record::NodeMemory::read_from_bytes(&bytes).unwrap();
    raw.valid = 1;
    raw.flags = node_flags::ZONES_TRUNCATED;
    raw.stats[0] = u64::MAX;
    let node = node(raw.as_bytes());
    assert_eq!(node.anon, Some(Pages(0)), "below zero for a moment");
    assert_eq!(
        (node.file, node.page_tables, node.listed_file),
        (None, None, None)
    );
    assert!(node.truncated && node.zones.is_empty());
}

#[test]
fn page_tables_may_be_counted_by_zone() {
    let zone = |pages| record::Zone {
        valid: zone_valid::PAGE_TABLES,
        page_tables_pages: pages,
        ..record::Zone::default()
    };
    let bytes = build::node_memory(1, 2, 0, &[zone(5), zone(6)]);
    let (mut raw, rest) = record::NodeMemory::read_from_prefix(&bytes).unwrap();
    raw.valid = 1;
    let bytes = [raw.as_bytes(), rest].concat();
    assert_eq!(node(&bytes).page_tables, Some(Pages(11)));
}

#[test]
fn more_zones_than_there_are_is_an_error() {
    let bytes = build::node_memory(1, 2, 0, &[build::zone(b"DMA", 1)]);
    let (mut raw, rest) = record::NodeMemory::read_from_prefix(&bytes).unwrap();
    raw.zones = u32::MAX;
    let bytes = [raw.as_bytes(), rest].concat();
    assert!(matches!(
        decode(&bytes, PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Zone,
            ..
        })
    ));
}

#[test]
fn a_path_is_put_together_from_its_end() {
    let java = exe(&build::exe(1, 2, 0, &[b"java", b"bin", b"jvm 17"]));
    assert_eq!(java.path.as_deref(), Some(&b"/jvm 17/bin/java"[..]));
    assert!(!java.deleted);
    let gone = exe(&build::exe(1, 2, exe_flags::DELETED, &[b"a\xff"]));
    assert_eq!(
        (gone.path.as_deref(), gone.deleted),
        (Some(&b"/a\xff"[..]), true)
    );
    let cut = exe(&build::exe(1, 2, exe_flags::TRUNCATED, &[b"java", b"bin"]));
    assert_eq!(cut.path, None, "its beginning is not known");
    assert_eq!(exe(&build::exe(1, 2, 0, &[])).path, None, "no name at all");
}

#[test]
fn a_path_is_no_longer_than_its_record() {
    let bytes = build::exe(1, 2, 0, &[b"java"]);
    let (mut raw, rest) = record::Exe::read_from_prefix(&bytes).unwrap();
    raw.names_len_bytes = 4_000;
    let bytes = [raw.as_bytes(), rest].concat();
    assert!(matches!(
        decode(&bytes, PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Exe,
            ..
        })
    ));
}

#[test]
fn sums_below_zero_are_zero() {
    let bytes = build::bytes(&build::summed_rss(1, 2, -3));
    let Ok(Record::SummedRss(summed)) = decode(&bytes, PAGE) else {
        panic!("no summed RSS");
    };
    assert_eq!(summed.rss.anon, Pages(65_149));
    assert_eq!((summed.rss.shmem, summed.swap), (Pages(0), Pages(2)));
}

#[test]
fn a_step_of_the_reaper_is_one_that_is_known() {
    let step = |step| decode(&build::bytes(&build::reaping(1, 2, 3, 4, step, 5)), PAGE);
    let Ok(Record::Reaping(reaping)) = step(2) else {
        panic!("no step");
    };
    assert_eq!(reaping.step, ReapingStep::Finished);
    assert_eq!(reaping.rss.map(|rss| rss.anon), Some(Pages(5)));
    assert_eq!(step(9), Err(DecodeError::UnknownStep { step: 9 }));
}
