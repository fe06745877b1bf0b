//! No figure in a sentence is invented: each is one of the event's own or is computed again here.

use oomtrace_tests::figures;
use proptest::prelude::*;

use super::*;
use crate::model::fixture::{CONTAINER, captured};
use crate::model::*;
use crate::render::Render as _;
use crate::render::text::{Text, TextSettings, View};

fn amount() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::weighted(0.8, (0..1u64 << 34).prop_map(Bytes))
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(
    values: &[T],
) -> impl Strategy<Value = Option<T>> + use<T> {
    prop::option::weighted(0.8, prop::sample::select(values.to_vec()))
}

prop_compose! {
    fn any_usage()(amounts in prop::collection::vec(amount(), 10)) -> Usage {
        Usage {
            anon_bytes: amounts[0],
            page_cache_bytes: amounts[1],
            shmem_bytes: amounts[2],
            slab_bytes: amounts[3],
            page_tables_bytes: amounts[4],
            kernel_stack_bytes: amounts[5],
            sock_bytes: amounts[6],
            percpu_bytes: amounts[7],
            other_kernel_bytes: amounts[8],
            hugetlb_bytes: amounts[9],
            ..Usage::default()
        }
    }
}

prop_compose! {
    fn any_limit()(
        amounts in prop::collection::vec(amount(), 7),
        path in any_of(&[format!("/docker/{CONTAINER}"), "/docker".to_owned(), "/NAME".to_owned()]),
        counter in any_of(&[LimitedCounter::Memory, LimitedCounter::Memsw, LimitedCounter::Kmem]),
        basis in any_of(&[Basis::Kernel, Basis::OomLock, Basis::Counters]),
        usage in prop::option::of(any_usage()),
        delay in prop::option::of(0u64..5000),
    ) -> LimitHit {
        LimitHit {
            basis,
            cgroup_path: path,
            counter,
            limit_bytes: amounts[0],
            usage_bytes: amounts[1],
            memsw_limit_bytes: amounts[2],
            memsw_usage_bytes: amounts[3],
            swap_limit_bytes: amounts[4],
            swap_usage_bytes: amounts[5],
            kmem_usage_bytes: amounts[6],
            stat_basis: delay.map(|_| StatBasis::MemoryStat),
            stat_delay_us: delay,
            usage,
            ..LimitHit::default()
        }
    }
}

prop_compose! {
    fn any_runtime()(
        amounts in prop::collection::vec(amount(), 10),
        kind in prop::sample::select(vec![
            RuntimeKind::Jvm, RuntimeKind::Node, RuntimeKind::Go, RuntimeKind::Dotnet,
            RuntimeKind::Redis, RuntimeKind::Postgresql, RuntimeKind::Python,
        ]),
        percent in prop::option::of(0u32..=10_000),
        counters in any::<bool>(),
        numbers in prop::option::of((1u32..400, 1u64..400)),
    ) -> Runtime {
        Runtime {
            max_heap_bytes: amounts[0],
            max_direct_bytes: amounts[1],
            max_metaspace_bytes: amounts[2],
            thread_stack_bytes: amounts[3].map(|bytes| Bytes(bytes.0 / 1000)),
            soft_limit_bytes: amounts[4],
            max_data_bytes: amounts[5],
            max_ram_percent: percent.map(|percent| f64::from(percent) / 100.0),
            work_mem_bytes: amounts[8].map(|bytes| Bytes(bytes.0 / 1000)),
            gc_percent: numbers.map(|(percent, _)| percent),
            max_connections: numbers.map(|(_, connections)| connections),
            jvm: counters.then(|| JvmCounters {
                heap_capacity_bytes: amounts[6],
                metaspace_capacity_bytes: amounts[7],
                heap_max_bytes: amounts[9],
                ..JvmCounters::default()
            }),
            ..Runtime::of(kind)
        }
    }
}

prop_compose! {
    fn any_candidate()(
        pid in 1u32..2000,
        comm in any_of(&["NAME".to_owned(), "worker".to_owned()]),
        rss_bytes in amount(),
        badness_pages in prop::option::of(-1000i64..1 << 20),
        oom_score_adj in any_of(&[-1000, -500, 0, 500]),
    ) -> Candidate {
        Candidate { pid, comm, rss_bytes, badness_pages, oom_score_adj, ..Candidate::default() }
    }
}

prop_compose! {
    fn any_zone()(
        amounts in prop::collection::vec(amount(), 6),
        node in any_of(&[0, 1]),
        name in any_of(&["DMA", "DMA32", "Normal", "HighMem", "Movable"]),
        blocks in prop::collection::vec(0u64..3, 0..4),
    ) -> NodeZone {
        NodeZone {
            node,
            zone: name.map(str::to_owned),
            managed_bytes: amounts[0],
            free_bytes: amounts[1],
            min_bytes: amounts[2],
            cma_free_bytes: amounts[3],
            file_list_bytes: amounts[4],
            write_pending_bytes: amounts[5],
            free_blocks: blocks,
            ..NodeZone::default()
        }
        .marked()
    }
}

prop_compose! {
    fn any_kill()(
        limit in prop::option::weighted(0.8, any_limit()),
        memory in prop::collection::vec(amount(), 4),
        runtime in any_runtime(),
        candidates in prop::collection::vec(any_candidate(), 0..20),
        recurrence in prop::option::of((2u32..1000, 0u64..1 << 40)),
        order in any_of(&[-1, 0, 3]),
        total in prop::option::of(0u64..1 << 24),
        trigger in prop::option::of(1u32..50),
        shares in prop::option::of(1u32..50),
        adj in prop::option::of(-1000i32..=1000),
        scope in any_of(&[Scope::Memcg, Scope::Global]),
        constraint in any_of(&[Constraint::None, Constraint::Cpuset, Constraint::Mempolicy]),
        cause in any_of(&[
            Cause::Allocation, Cause::Sysrq, Cause::LimitWrite, Cause::PageFault, Cause::Thrashing,
        ]),
        kind in any_of(&[KillKind::Chosen, KillKind::Group, KillKind::SharedMm]),
        owned in any::<bool>(),
        node in prop::option::of(prop::collection::vec(amount(), 8)),
        zones in prop::collection::vec(any_zone(), 0..4),
        swap in amount(),
        flag in any_of(&["GFP_KERNEL", "GFP_HIGHUSER_MOVABLE", "GFP_DMA32", "GFP_HIGHUSER"]),
    ) -> OomKill {
        let mut event = captured();
        event.limit = limit;
        event.victim.cgroup_id = None;
        event.victim.memory = Some(VictimMemory {
            rss_bytes: memory[0],
            anon_bytes: memory[1],
            file_bytes: memory[2],
            shmem_bytes: memory[3],
            swap_bytes: swap,
            rss_pages: memory[0].map(|bytes| Pages(bytes.0 / 4096)),
            ..VictimMemory::default()
        });
        event.victim.comm = Some("NAME".to_owned());
        event.victim.oom_score_adj = adj;
        event.victim.shares_memory_with_pid = shares;
        event.victim.threads = Some(300);
        event.runtime = Some(runtime);
        event.candidates = candidates;
        event.candidates.push(Candidate {
            pid: 10831,
            comm: Some("NAME".to_owned()),
            rss_bytes: memory[0],
            badness_pages: Some(1 << 19),
            ..Candidate::default()
        });
        // A process is listed once.
        event.candidates.sort_by_key(|candidate| candidate.pid);
        event.candidates.dedup_by_key(|candidate| candidate.pid);
        event.victim.badness_pages = Some(1 << 19);
        event.recurrence = recurrence.map(|(number, since_first_us)| Recurrence {
            number,
            since_first_us,
        });
        event.incident.total_pages = total.map(Pages);
        let asked = event.trigger.as_mut().unwrap();
        asked.pid = trigger;
        asked.comm = Some("NAME".to_owned());
        asked.order = order;
        asked.gfp_flags = flag.map(|flag| vec![flag.to_owned()]);
        event.incident.scope = scope;
        event.incident.constraint = constraint;
        event.incident.cause = cause;
        event.incident.kill_kind = kind;
        if owned {
            event.owner.as_mut().unwrap().container_name = Some("NAME".to_owned());
        } else {
            event.owner = None;
        }
        event.node_memory = node.map(|amounts| NodeMemory {
            total_bytes: amounts[0],
            free_bytes: amounts[1],
            anon_bytes: amounts[2],
            file_bytes: amounts[3],
            shmem_bytes: amounts[4],
            slab_bytes: amounts[5],
            slab_unreclaimable_bytes: amounts[6],
            hugepages_bytes: amounts[7],
            zones,
            ..NodeMemory::default()
        });
        event
    }
}

/// The event as the text report shows it.
fn page(event: &OomKill) -> String {
    let mut out = Vec::new();
    for view in [View::Long, View::Compact] {
        let settings = TextSettings {
            view,
            ..TextSettings::default()
        };
        Text::new(settings).render(&Event::OomKill(Box::new(event.clone())), &mut out);
    }
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn no_figure_is_invented(event in any_kill()) {
        let mut event = event;
        diagnose(&mut event);
        let checked = figures::check(&serde_json::to_value(&event).unwrap());
        prop_assert!(checked.problems.is_empty(), "{:#?}", checked.problems);
        let changes = event.findings.iter().filter_map(|one| one.change.as_ref());
        let sentences = event.findings.len() + changes.count() + 1;
        prop_assert_eq!(checked.sentences as usize, sentences);
    }

    #[test]
    fn evidence_has_no_name_twice(event in any_kill()) {
        let mut event = event;
        diagnose(&mut event);
        for finding in &event.findings {
            let mut names: Vec<&str> = finding.evidence.iter().map(|one| one.name.as_str()).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), count, "{:?}", finding);
        }
    }

    #[test]
    fn no_part_is_larger_than_its_whole(event in any_kill()) {
        let mut event = event;
        diagnose(&mut event);
        let page = page(&event);
        // Figures of different blocks are no parts of each other.
        let impossible: Vec<String> = figures::impossible(&page.replace(" of it ", " of that "));
        prop_assert!(impossible.is_empty(), "{impossible:?} in {page}");
    }

    #[test]
    fn diagnosing_twice_changes_nothing(event in any_kill()) {
        let mut once = event;
        diagnose(&mut once);
        let mut twice = once.clone();
        diagnose(&mut twice);
        prop_assert_eq!(once, twice);
    }
}
