//! Whose limit it was and what filled it.

use super::tests::plain;
use crate::model::fixture;
use crate::model::{Bytes, LimitedCounter};

#[test]
fn cache_that_is_not_told_from_shared_memory_is_shown() {
    let mut event = fixture::founding();
    let usage = event.limit.as_mut().unwrap().usage.as_mut().unwrap();
    usage.page_cache_bytes = None;
    usage.page_cache_and_shmem_bytes = Some(Bytes(3 << 20));
    assert!(plain(event).contains("cache, shared   3.0 MiB"));
}

#[test]
fn the_counter_that_was_full_is_the_one_that_is_named() {
    let mut kill = fixture::founding();
    let limit = kill.limit.as_mut().unwrap();
    limit.counter = Some(LimitedCounter::Memsw);
    limit.limit_bytes = Some(Bytes(512 << 20));
    limit.memsw_limit_bytes = Some(Bytes(600 << 20));
    limit.memsw_usage_bytes = Some(Bytes(600 << 20));
    let page = plain(kill);
    assert!(
        page.contains("600 MiB of memory plus swap for container web, all of it in use"),
        "{page}"
    );
}
