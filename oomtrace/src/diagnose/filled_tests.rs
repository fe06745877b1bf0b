//! What is said of shared memory that the victim had mapped, and what is not said twice.

use super::*;
use crate::model::fixture::{bare, captured};
use crate::model::*;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib << 20))
}

fn finding<'a>(event: &'a OomKill, code: &str) -> Option<&'a Finding> {
    event.findings.iter().find(|finding| finding.code == code)
}

/// A kill by the limit of `/vm/7`, of whose counters nothing is known.
fn mapped(anon: u64, shmem: u64) -> OomKill {
    let mut event = bare();
    event.incident.scope = Some(Scope::Memcg);
    event.victim.comm = Some("resize".to_owned());
    event.victim.memory = Some(VictimMemory {
        rss_bytes: mib(anon + shmem),
        anon_bytes: mib(anon),
        file_bytes: mib(0),
        shmem_bytes: mib(shmem),
        ..VictimMemory::default()
    });
    event.limit = Some(LimitHit {
        cgroup_path: Some("/vm/7".to_owned()),
        ..LimitHit::default()
    });
    diagnose(&mut event);
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    event
}

#[test]
fn mapped_shared_memory_is_a_finding() {
    let event = mapped(300, 500);
    let found = finding(&event, "victim_shmem").unwrap();
    assert_eq!(
        found.text,
        "500 MiB of the 800 MiB that resize had resident was shared memory or files on tmpfs, \
         which the kill frees only if nothing else holds it."
    );
    assert!(found.change.as_ref().unwrap().contains("df -t tmpfs"));
    assert_eq!(finding(&mapped(500, 300), "victim_shmem"), None);
}

#[test]
fn nothing_is_said_in_words_not_as_0_bytes() {
    let mut event = captured();
    let limit = event.limit.as_mut().unwrap();
    limit.memsw_limit_bytes = None;
    limit.swap_limit_bytes = mib(0);
    limit.usage = Some(Usage {
        anon_bytes: mib(1),
        page_cache_bytes: mib(0),
        shmem_bytes: mib(250),
        ..Usage::default()
    });
    let memory = event.victim.memory.as_mut().unwrap();
    (memory.anon_bytes, memory.shmem_bytes) = (mib(0), mib(0));
    diagnose(&mut event);
    let change = finding(&event, "shmem_filled").unwrap().change.as_ref();
    assert!(change.unwrap().ends_with("java had none of it mapped."));
    let text = |code| finding(&event, code).unwrap().text.as_str();
    assert_eq!(text("page_cache_left"), "No page cache was left to drop.");
    assert_eq!(
        text("swap_state"),
        "Swap could not help: the cgroup may not use any."
    );
    assert!(
        event
            .header
            .message
            .contains("java held no anonymous memory"),
        "{}",
        event.header.message
    );
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
}

#[test]
fn repetitions_are_details() {
    let mut event = captured();
    event.runtime = None;
    diagnose(&mut event);
    let shown: Vec<&str> = event
        .findings
        .iter()
        .filter(|finding| !finding.detail)
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(shown, ["page_cache_left", "rss_above_limit"]);
    assert!(finding(&event, "anon_filled").unwrap().change.is_some());
}

#[test]
fn a_visible_excess_over_the_limit_is_explained() {
    let is_detail = |rss: u64| {
        let mut event = captured();
        event.victim.memory.as_mut().unwrap().rss_bytes = Some(Bytes(rss));
        diagnose(&mut event);
        finding(&event, "rss_above_limit").map(|found| found.detail)
    };
    assert_eq!(is_detail(256 << 20), None);
    assert_eq!(is_detail((256 << 20) + 1), Some(true));
    assert_eq!(is_detail(300 << 20), Some(false));
}

#[test]
fn no_swap_is_advised_where_there_is_none() {
    let mut event = captured();
    // Nothing more telling is known.
    (event.runtime, event.victim.memory) = (None, None);
    let limit = event.limit.as_mut().unwrap();
    limit.memsw_limit_bytes = limit.limit_bytes;
    limit.usage = None;
    let advised = |event: &OomKill| {
        let mut changes = event
            .findings
            .iter()
            .filter_map(|one| one.change.as_deref());
        changes.any(|change| change.contains("swap"))
    };
    let mut unknown = event.clone();
    diagnose(&mut unknown);
    assert!(advised(&unknown));
    event.limit.as_mut().unwrap().node_swap_total_bytes = Some(Bytes(0));
    diagnose(&mut event);
    assert!(!advised(&event));
}
