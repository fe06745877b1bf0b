//! Findings.

use std::collections::BTreeSet;

use super::*;
use crate::model::fixture::captured;
use crate::model::*;

const MIB: u64 = 1 << 20;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib * MIB))
}

fn codes(event: &OomKill) -> Vec<&str> {
    event.findings.iter().map(|f| f.code.as_str()).collect()
}

fn diagnosed(change: impl FnOnce(&mut OomKill)) -> OomKill {
    let mut event = captured();
    change(&mut event);
    diagnose(&mut event);
    event
}

fn finding<'a>(event: &'a OomKill, code: &str) -> &'a Finding {
    let found = event.findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {:?}", codes(event)))
}

#[test]
fn the_founding_case() {
    let event = diagnosed(|_| {});
    assert_eq!(
        event.header.message,
        "java (pid 10831) was killed: container web reached its 256 MiB limit; 254.5 MiB of it was \
         java's anonymous memory, its heap is capped at 128 MiB"
    );
    let texts: Vec<(&str, &str)> = event
        .findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            (
                "heap_cap_is_not_process_cap",
                "-Xmx bounds only the heap, at 128 MiB; direct buffers, metaspace, thread stacks, \
                 the code cache and the collector's own memory are outside of it. Of the 254.5 MiB \
                 of anonymous memory of java at least 126.5 MiB were not heap."
            ),
            (
                "anon_filled",
                "254.5 MiB of the 256 MiB limit was anonymous memory of java, the process of this \
                 kill."
            ),
            (
                "limit_reached",
                "container web was charged 256 MiB of memory, its limit is 256 MiB."
            ),
            (
                "page_cache_left",
                "Only 12 KiB of page cache was left to drop."
            ),
            (
                "swap_state",
                "Swap could not help: the limit of memory and swap together is 256 MiB, the same \
                 as that of memory."
            ),
            (
                "rss_above_limit",
                "Its resident memory, 273.9 MiB, is above the limit of 256 MiB, which is no \
                 contradiction: it counts every page that is mapped, but a file's page is charged \
                 to the cgroup that read it first; 19.4 MiB of it were file pages."
            ),
            (
                "report_counts_pages",
                "The table of tasks in the kernel's own report counts pages of 4 KiB, not KiB: \
                 70106 there are 273.9 MiB."
            ),
        ]
    );
    let delay = &finding(&event, "page_cache_left").evidence[1];
    assert_eq!((delay.name.as_str(), delay.value), ("stat_delay", 310));
}

#[test]
fn an_ancestors_limit_is_said_to_be_one() {
    let event = diagnosed(|e| {
        let limit = e.limit.as_mut().unwrap();
        limit.cgroup_path = Some("/docker".to_owned());
        limit.cgroup_id = Some(35);
        e.hierarchy[0].usage_bytes = mib(100);
        e.hierarchy[0].limit_bytes = mib(200);
    });
    assert_eq!(
        codes(&event)[..4],
        [
            "heap_cap_is_not_process_cap",
            "parent_limit",
            "anon_filled",
            "limit_reached"
        ]
    );
    assert_eq!(
        finding(&event, "parent_limit").text,
        "The limit is not that of the victim's own cgroup but of cgroup /docker, 1 level above \
         it: everything below that cgroup counts against it. Its own cgroup was charged 100 MiB, \
         its limit is 200 MiB."
    );
}

/// Applies a change to the founding case; the codes that come and go.
#[test]
fn findings_by_what_is_there() {
    let base: BTreeSet<String> = diagnosed(|_| {})
        .findings
        .into_iter()
        .map(|f| f.code)
        .collect();
    type Change = fn(&mut OomKill);
    let cases: [(&str, Change, &str, &str); 12] = [
        (
            "tmpfs",
            |e| {
                e.victim.memory.as_mut().unwrap().anon_bytes = mib(4);
                let usage = e.limit.as_mut().unwrap().usage.as_mut().unwrap();
                usage.anon_bytes = mib(6);
                usage.shmem_bytes = mib(240);
            },
            "shmem_filled kill_frees_little",
            "anon_filled",
        ),
        (
            "page cache",
            |e| {
                e.victim.memory.as_mut().unwrap().anon_bytes = mib(4);
                let usage = e.limit.as_mut().unwrap().usage.as_mut().unwrap();
                usage.anon_bytes = mib(6);
                usage.page_cache_bytes = mib(240);
            },
            "page_cache_filled",
            "anon_filled page_cache_left",
        ),
        (
            "kernel memory",
            |e| {
                e.victim.memory.as_mut().unwrap().anon_bytes = mib(4);
                let usage = e.limit.as_mut().unwrap().usage.as_mut().unwrap();
                usage.anon_bytes = mib(6);
                usage.slab_bytes = mib(200);
            },
            "kernel_memory kill_frees_little",
            "anon_filled",
        ),
        (
            "many processes",
            |e| e.victim.memory.as_mut().unwrap().anon_bytes = mib(20),
            "anon_filled_by_many",
            "anon_filled",
        ),
        (
            "memory charged elsewhere",
            |e| e.victim.memory.as_mut().unwrap().anon_bytes = mib(300),
            "anon_filled_by_many",
            "anon_filled",
        ),
        (
            "a heap cap above the limit",
            |e| e.runtime.as_mut().unwrap().max_heap_bytes = mib(1024),
            "heap_cap_above_limit",
            "heap_cap_is_not_process_cap",
        ),
        (
            "a kill for another's allocation",
            |e| e.trigger.as_mut().unwrap().pid = Some(1),
            "trigger_is_not_victim",
            "",
        ),
        (
            "an adjusted score",
            |e| e.victim.oom_score_adj = Some(-500),
            "score_adjusted",
            "",
        ),
        (
            "swap allowed beside the limit",
            |e| e.limit.as_mut().unwrap().memsw_limit_bytes = mib(512),
            "",
            "swap_state",
        ),
        (
            "a resident set below the limit",
            |e| e.victim.memory.as_mut().unwrap().rss_bytes = mib(255),
            "",
            "rss_above_limit",
        ),
        (
            "a group",
            |e| e.incident.kill_kind = Some(KillKind::Group),
            "group_kill",
            "",
        ),
        (
            "nothing known of the limit",
            |e| e.limit = None,
            "",
            "limit_reached anon_filled page_cache_left swap_state rss_above_limit",
        ),
    ];
    for (name, change, come, go) in cases {
        let event = diagnosed(change);
        let codes: BTreeSet<String> = event.findings.iter().map(|f| f.code.clone()).collect();
        let come: BTreeSet<String> = come.split_whitespace().map(str::to_owned).collect();
        let go: BTreeSet<String> = go.split_whitespace().map(str::to_owned).collect();
        let expected: BTreeSet<String> = base.difference(&go).chain(&come).cloned().collect();
        assert_eq!(codes, expected, "{name}");
    }
}

/// A third of the limit: whether it is the victim's depends on what others can have had.
#[test]
fn anonymous_memory_is_its_holders() {
    let leads = |basis, anon, freed| {
        let event = diagnosed(|event| {
            event.victim.memory.as_mut().unwrap().anon_bytes = mib(80);
            let limit = event.limit.as_mut().unwrap();
            limit.stat_basis = Some(basis);
            let usage = limit.usage.as_mut().unwrap();
            (usage.anon_bytes, usage.freed_before_read_bytes) = (mib(anon), freed);
        });
        let mut codes = event.findings.into_iter().map(|finding| finding.code);
        codes.find(|code| code.starts_with("anon_filled"))
    };
    let (own, many) = ("anon_filled", "anon_filled_by_many");
    for (basis, anon, freed, code) in [
        // In the kernel's report all of it is still there.
        (StatBasis::Log, 81, None, own),
        (StatBasis::Log, 106, None, own),
        (StatBasis::Log, 107, None, many),
        // Read later, it may have gone in part or altogether.
        (StatBasis::MemoryStat, 90, mib(0), own),
        (StatBasis::MemoryStat, 90, mib(16), own),
        (StatBasis::MemoryStat, 90, mib(17), many),
        (StatBasis::MemoryStat, 90, None, many),
        (StatBasis::MemoryStat, 26, None, own),
        (StatBasis::MemoryStat, 26, mib(120), own),
    ] {
        let found = leads(basis, anon, freed);
        assert_eq!(found.as_deref(), Some(code), "{basis:?} {anon} {freed:?}");
    }
}

#[test]
fn file_pages_do_not_explain_anon_above_the_limit() {
    let told = |anon| {
        let event = diagnosed(|e| e.victim.memory.as_mut().unwrap().anon_bytes = mib(anon));
        finding(&event, "rss_above_limit").text.contains("former")
    };
    assert!(told(257));
    assert!(!told(256));
}

#[test]
fn nothing_resident_is_not_misread() {
    let event = diagnosed(|e| {
        let memory = e.victim.memory.as_mut().unwrap();
        (memory.rss_pages, memory.rss_bytes) = (Some(crate::model::Pages(0)), mib(0));
    });
    let codes: Vec<&str> = event.findings.iter().map(|f| f.code.as_str()).collect();
    assert!(!codes.contains(&"report_counts_pages"), "{codes:?}");
}

#[test]
fn v2_swap() {
    let swap = |limit: Option<u64>, usage: Option<u64>| {
        let event = diagnosed(|e| {
            let hit = e.limit.as_mut().unwrap();
            hit.memsw_limit_bytes = None;
            hit.swap_limit_bytes = limit.map(Bytes);
            hit.swap_usage_bytes = usage.map(Bytes);
        });
        event
            .findings
            .into_iter()
            .find(|finding| finding.code == "swap_state")
            .map(|finding| finding.text)
    };
    assert_eq!(swap(None, Some(0)), None);
    assert_eq!(swap(Some(MIB), Some(0)), None);
    assert_eq!(
        swap(Some(0), None).unwrap(),
        "Swap could not help: the cgroup may not use any."
    );
    assert_eq!(
        swap(Some(MIB), Some(MIB)).unwrap(),
        "Swap was full too: 1 MiB in use, the limit is 1 MiB."
    );
}

#[test]
fn an_mm_sharer_gets_no_findings_on_memory() {
    let event = diagnosed(|e| e.incident.kill_kind = Some(KillKind::SharedMm));
    assert_eq!(codes(&event), ["shared_mm", "limit_reached"]);
}

#[test]
fn kernel_memory_names_its_largest_part() {
    let event = diagnosed(|e| {
        e.victim.memory.as_mut().unwrap().anon_bytes = mib(4);
        let usage = e.limit.as_mut().unwrap().usage.as_mut().unwrap();
        usage.anon_bytes = mib(6);
        usage.page_tables_bytes = mib(200);
    });
    assert_eq!(
        finding(&event, "kernel_memory").text,
        "201.3 MiB of the 256 MiB limit was kernel memory charged to the cgroup, most of it page \
         tables."
    );
}

#[test]
fn what_was_swapped_out_counts() {
    let mut event = captured();
    event.runtime = None;
    let memory = event.victim.memory.as_mut().unwrap();
    memory.swap_bytes = Some(Bytes(300 << 20));
    memory.anon_bytes = Some(Bytes(200 << 20));
    let limit = event.limit.as_mut().unwrap();
    limit.basis = Some(Basis::Log);
    limit.counter = Some(LimitedCounter::Memsw);
    limit.memsw_limit_bytes = Some(Bytes(512 << 20));
    limit.memsw_usage_bytes = Some(Bytes(512 << 20));
    diagnose(&mut event);
    assert_eq!(
        event.header.message,
        "java (pid 10831) was killed: container web reached its 512 MiB limit of memory and swap \
         together; 200 MiB of it was java's anonymous memory, another 300 MiB were swapped out"
    );
    let found = event.findings.iter().find(|one| one.code == "anon_filled");
    let change = found.unwrap().change.as_deref();
    assert_eq!(
        change,
        Some(
            "Find out what java keeps, or give it room for the 500 MiB that it had resident and \
             swapped out."
        )
    );
}

#[test]
fn a_share_is_in_per_cent() {
    let mut event = captured();
    let runtime = event.runtime.as_mut().unwrap();
    runtime.max_heap_bytes = None;
    runtime.max_ram_percent = Some(75.0);
    diagnose(&mut event);
    let found = event
        .findings
        .iter()
        .find(|one| one.code == "heap_share_of_limit");
    let evidence = &found.unwrap().evidence[0];
    assert_eq!((evidence.value, evidence.unit), (75, Unit::Percent));
}

#[test]
fn shared_memory_of_the_victim_is_said_too() {
    let mut event = captured();
    event.runtime = None;
    event.limit = None;
    let memory = event.victim.memory.as_mut().unwrap();
    memory.anon_bytes = Some(Bytes(300 << 20));
    memory.shmem_bytes = Some(Bytes(400 << 20));
    diagnose(&mut event);
    assert!(event.header.message.ends_with(
        "java held 300 MiB of anonymous memory and had mapped 400 MiB of shared memory, which may \
         stay"
    ));
}
