//! Findings on the limits that the victim's own runtime was given.

use crate::model::{Bytes, Finding, OomKill, Runtime, RuntimeKind};

use super::draft::Draft;
use super::words;

pub(super) fn findings(event: &OomKill, out: &mut Vec<Finding>) {
    let Some(runtime) = &event.runtime else {
        return;
    };
    let Some(cap) = runtime.max_heap_bytes else {
        return;
    };
    let limit = event.limit.as_ref().and_then(|limit| limit.limit_bytes);
    match limit {
        Some(limit) if cap >= limit => out.push(cap_above_limit(runtime, cap, limit)),
        _ => out.push(cap_is_not_process_cap(event, runtime, cap, limit)),
    }
}

/// How the cap was set, and what it does not bound.
fn names(kind: RuntimeKind) -> (&'static str, &'static str) {
    match kind {
        RuntimeKind::Jvm => (
            "-Xmx",
            "direct buffers, metaspace, thread stacks, the code cache and the collector's own \
             memory",
        ),
        RuntimeKind::Node => (
            "--max-old-space-size",
            "Buffers, young objects, compiled code, worker threads and native modules",
        ),
        RuntimeKind::Go | RuntimeKind::Python | RuntimeKind::Dotnet => {
            ("the heap's cap", "memory outside of the heap")
        }
    }
}

fn cap_is_not_process_cap(
    event: &OomKill,
    runtime: &Runtime,
    cap: Bytes,
    limit: Option<Bytes>,
) -> Finding {
    let (option, outside) = names(runtime.kind);
    let mut draft = Draft::new("heap_cap_is_not_process_cap")
        .say(&format!("{option} bounds only the heap, at "))
        .bytes("max_heap", cap)
        .say(&format!("; {outside} are outside of it."));
    let anon = event
        .victim
        .memory
        .as_ref()
        .and_then(|memory| memory.anon_bytes);
    if let Some(anon) = anon.filter(|&anon| anon > cap) {
        // Whatever the heap was, it was not more than its cap.
        draft = draft
            .say(" Of the ")
            .bytes("victim_anon", anon)
            .say(&format!(
                " of anonymous memory of {} at least ",
                words::victim_again(&event.victim)
            ))
            .bytes("outside_heap_min", anon.saturating_sub(cap))
            .say(" were not heap.");
    }
    draft
        .with_optional("limit", limit)
        .with_optional("max_direct", runtime.max_direct_bytes)
        .with_optional("max_metaspace", runtime.max_metaspace_bytes)
        .with_optional("thread_stack", runtime.thread_stack_bytes)
        .done()
}

fn cap_above_limit(runtime: &Runtime, cap: Bytes, limit: Bytes) -> Finding {
    let (option, _) = names(runtime.kind);
    Draft::new("heap_cap_above_limit")
        .say(&format!("{option} lets the heap grow to "))
        .bytes("max_heap", cap)
        .say(", but the limit is ")
        .bytes("limit", limit)
        .say(": the kernel kills before the runtime can report that it is out of memory.")
        .done()
}
