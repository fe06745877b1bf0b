//! What filled a node.

use super::*;
use crate::model::fixture::bare;
use crate::model::*;

const MIB: u64 = 1 << 20;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib * MIB))
}

/// A node of 4,000 MiB, with little of everything; the victim had 6 MiB.
fn on_a_node(change: impl FnOnce(&mut NodeMemory)) -> OomKill {
    let mut event = bare();
    event.incident.scope = Some(Scope::Global);
    event.incident.cause = Some(Cause::Allocation);
    event.incident.constraint = Some(Constraint::None);
    event.victim.comm = Some("batch".to_owned());
    event.victim.pid = Some(70);
    event.victim.memory = Some(VictimMemory {
        rss_bytes: mib(6),
        anon_bytes: mib(6),
        ..VictimMemory::default()
    });
    event.candidates = [(70, "batch", 6), (71, "postd", 14)]
        .map(|(pid, comm, rss)| Candidate {
            pid,
            comm: Some(comm.to_owned()),
            rss_bytes: mib(rss),
            ..Candidate::default()
        })
        .to_vec();
    let mut node = NodeMemory {
        total_bytes: mib(4000),
        free_bytes: mib(90),
        anon_bytes: mib(60),
        file_bytes: mib(20),
        shmem_bytes: mib(10),
        slab_bytes: mib(100),
        page_tables_bytes: mib(20),
        ..NodeMemory::default()
    };
    change(&mut node);
    event.node_memory = Some(node.accounted());
    diagnose(&mut event);
    event
}

#[test]
fn what_filled_the_node_leads() {
    type Change = fn(&mut NodeMemory);
    let cases: [(Change, &str, &str); 5] = [
        (
            |node| {
                node.slab_bytes = mib(3700);
                node.slab_unreclaimable_bytes = mib(2000);
                node.top_slabs = vec![SlabInfo {
                    name: "filp".to_owned(),
                    used_bytes: Bytes(1600 * MIB),
                    total_bytes: Bytes(1700 * MIB),
                }];
            },
            "kernel_memory",
            "3.6 GiB of the node's 3.9 GiB was kernel objects (slab), 2.0 GiB of it not \
             reclaimable; the largest cache is filp with 1.7 GiB.",
        ),
        (
            |node| node.shmem_bytes = mib(3600),
            "shmem_filled",
            "3.5 GiB of the node's 3.9 GiB was shared memory or files on tmpfs, which killing a \
             process frees only if nothing else holds it.",
        ),
        (
            |_| {},
            "unaccounted_memory",
            "3.6 GiB of the node's 3.9 GiB was in none of the kernel's counters, like what a \
             driver, ZFS's ARC, a hypervisor's balloon or vmalloc() takes.",
        ),
        (
            |node| {
                node.hugepages_bytes = mib(3000);
                node.hugepages_free_bytes = mib(2900);
                node.slab_bytes = mib(800);
            },
            "hugetlb_filled",
            "2.9 GiB of the node's 3.9 GiB was reserved for huge pages, 2.8 GiB of it unused.",
        ),
        (
            |node| node.anon_bytes = mib(3700),
            "anon_filled_by_many",
            "3.6 GiB of the node's 3.9 GiB was anonymous memory; batch held 6 MiB of it.",
        ),
    ];
    for (change, code, text) in cases {
        let event = on_a_node(change);
        let found = event.findings.iter().find(|finding| finding.code == code);
        assert_eq!(found.map(|finding| finding.text.as_str()), Some(text));
        let advised = event
            .findings
            .iter()
            .find(|finding| finding.change.is_some());
        if code != "anon_filled_by_many" {
            assert_eq!(advised.map(|finding| finding.code.as_str()), Some(code));
        }
        let head = text.split(" of the").next().unwrap();
        let message = &event.header.message;
        assert!(
            message.contains(&format!("{head} of its 3.9 GiB was")),
            "{message}"
        );
    }
}

/// 14 MiB of 4,000.
#[test]
fn no_dwarf_is_named_as_the_cause() {
    let event = on_a_node(|node| node.slab_bytes = mib(3700));
    for finding in &event.findings {
        let advice = finding.change.as_deref().unwrap_or_default();
        assert_ne!(finding.code, "larger_process_survived");
        assert!(!advice.contains("postd"), "{advice}");
    }
}

/// What the memory nodes of a cpuset hold is not known.
#[test]
fn a_part_of_the_node_is_not_measured_by_all_of_it() {
    let mut event = on_a_node(|node| node.slab_bytes = mib(3700));
    event.incident.constraint = Some(Constraint::Cpuset);
    diagnose(&mut event);
    assert!(
        !event
            .findings
            .iter()
            .any(|finding| finding.code == "kernel_memory")
    );
}

#[test]
fn the_largest_allocation_sites_are_named() {
    let event = on_a_node(|node| {
        node.slab_bytes = mib(3700);
        let site = |size, location: &str, function: &str, module: Option<&str>| AllocationSite {
            total_bytes: Bytes(size * MIB),
            allocations: 4,
            location: location.to_owned(),
            module: module.map(str::to_owned),
            function: Some(function.to_owned()),
        };
        node.top_allocations = vec![
            site(3600, "mm/slub.c:2400", "new_slab_page", None),
            site(900, "drivers/x/q.c:17", "q_alloc", Some("q8")),
        ];
    });
    let found = event
        .findings
        .iter()
        .find(|one| one.code == "kernel_memory");
    assert_eq!(
        found.unwrap().text,
        "3.6 GiB of the node's 3.9 GiB was kernel objects (slab). The largest allocation site is \
         new_slab_page (mm/slub.c:2400) with 3.5 GiB, the next q_alloc of module q8 \
         (drivers/x/q.c:17) with 900 MiB."
    );
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
}
