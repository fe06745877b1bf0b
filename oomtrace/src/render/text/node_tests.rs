//! What is said of the node.

use super::tests::plain;
use crate::model::fixture;
use crate::model::{Bytes, Cause, Constraint, NodeMemory, NodeZone, Scope};

#[test]
fn a_global_oom_speaks_of_the_node() {
    let mut kill = fixture::founding();
    kill.limit = None;
    kill.incident.scope = Some(Scope::Global);
    kill.incident.constraint = Some(Constraint::None);
    kill.node_memory = Some(NodeMemory {
        total_bytes: Some(Bytes(8 << 30)),
        free_bytes: Some(Bytes(60 << 20)),
        anon_bytes: Some(Bytes(7 << 30)),
        slab_bytes: Some(Bytes(90 << 20)),
        slab_unreclaimable_bytes: Some(Bytes(70 << 20)),
        swap_total_bytes: Some(Bytes(1 << 30)),
        swap_free_bytes: Some(Bytes(4096)),
        zones: vec![
            NodeZone {
                node: Some(0),
                zone: Some("DMA32".to_owned()),
                free_bytes: Some(Bytes(1 << 20)),
                min_bytes: Some(Bytes(2 << 20)),
                free_blocks: vec![9, 1, 0, 0],
                ..NodeZone::default()
            }
            .marked(),
            NodeZone {
                node: Some(0),
                zone: Some("Normal".to_owned()),
                free_bytes: Some(Bytes(59 << 20)),
                min_bytes: Some(Bytes(50 << 20)),
                ..NodeZone::default()
            }
            .marked(),
        ],
        ..NodeMemory::default()
    });
    kill.trigger.as_mut().unwrap().order = Some(2);
    let page = plain(kill);
    for text in [
        "no cgroup limit was involved",
        "60 MiB free of 8 GiB in all",
        "used by  anonymous      7.0 GiB   87.5 %",
        "70 MiB of slab is not reclaimable",
        "4 KiB of swap free of 1 GiB",
        "node 0 DMA32: 1 MiB free, below its minimum of 2 MiB; no free block",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(!page.contains("Normal"), "{page}");
}

#[test]
fn a_node_with_free_memory_has_not_run_out() {
    for cause in [Cause::Sysrq, Cause::PageFault, Cause::Allocation] {
        let mut kill = fixture::founding();
        kill.limit = None;
        kill.incident.scope = Some(Scope::Global);
        kill.incident.cause = Some(cause);
        kill.node_memory = Some(NodeMemory {
            total_bytes: Some(Bytes(8 << 30)),
            free_bytes: Some(Bytes(7 << 30)),
            ..NodeMemory::default()
        });
        let page: Vec<String> = plain(kill).split_whitespace().map(str::to_owned).collect();
        let page = page.join(" ");
        assert!(page.contains("7 GiB free of 8 GiB in all"), "{page}");
        assert!(!page.contains("ran out"), "{page}");
    }
}
