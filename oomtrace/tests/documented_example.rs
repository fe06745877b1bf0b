//! The example in docs/output.md is a real captured event: its figures must add up.

use oomtrace::events::{Bytes, Event, OomKill, parse};

fn documented() -> Result<OomKill, String> {
    let page = include_str!("../../docs/output.md");
    let text = page
        .split_once("<!-- example:begin -->\n```json\n")
        .and_then(|(_, rest)| rest.split_once("\n```"))
        .map(|(text, _)| text)
        .ok_or("docs/output.md has no example between its markers")?;
    match parse(text.as_bytes()) {
        Ok(Event::OomKill(kill)) => Ok(*kill),
        Ok(other) => Err(format!("not a kill: {other:?}")),
        Err(error) => Err(format!("no event of this schema: {error}")),
    }
}

fn sum<const N: usize>(parts: [Option<Bytes>; N]) -> u64 {
    parts.iter().flatten().map(|bytes| bytes.0).sum()
}

#[test]
fn the_victims_memory_adds_up() {
    let kill = documented().unwrap();
    let memory = kill.victim.memory.expect("memory");
    let rss = memory.rss_bytes.expect("rss");
    let parts = sum([memory.anon_bytes, memory.file_bytes, memory.shmem_bytes]);
    assert_eq!(rss.0, parts);
    let page_size = kill.header.kernel.page_size_bytes.expect("page size");
    assert_eq!(rss, memory.rss_pages.expect("pages").bytes(page_size));
}

#[test]
fn what_filled_the_limit_adds_up() {
    let limit = documented().unwrap().limit.expect("a limit");
    let usage = limit.usage.expect("what filled it");
    let parts = sum([
        usage.anon_bytes,
        usage.page_cache_bytes,
        usage.shmem_bytes,
        usage.slab_bytes,
        usage.page_tables_bytes,
        usage.kernel_stack_bytes,
        usage.sock_bytes,
        usage.percpu_bytes,
        usage.other_kernel_bytes,
        usage.freed_before_read_bytes,
        usage.being_freed_bytes,
        usage.unattributed_bytes,
    ]);
    assert_eq!(parts, limit.usage_bytes.expect("usage").0);
    assert_eq!(usage.overcounted_bytes, None);
}

#[test]
fn it_is_the_founding_case() {
    let kill = documented().unwrap();
    assert_eq!(kill.victim.comm.as_deref(), Some("java"));
    let limit = kill.limit.and_then(|limit| limit.limit_bytes);
    assert_eq!(limit, Some(Bytes(256 << 20)));
    let heap = kill.runtime.and_then(|runtime| runtime.max_heap_bytes);
    assert_eq!(heap, Some(Bytes(128 << 20)));
}
