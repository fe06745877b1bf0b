//! Findings on caps that a runtime was configured with, other than its heap's alone.

use super::code;
use super::draft::{Draft, Findings};
use crate::model::{Bytes, Runtime, RuntimeKind};

/// Each cap that is not below the limit, or else their sum where only that exceeds it.
pub(super) fn findings(runtime: &Runtime, limit: Bytes, out: &mut Findings) {
    let data = match runtime.kind {
        RuntimeKind::Redis => ("maxmemory", " lets its data grow to "),
        RuntimeKind::Postgresql => ("shared_buffers", " takes up to "),
        _ => ("innodb_buffer_pool_size", " takes up to "),
    };
    let parts = [
        (
            "max_direct",
            runtime.max_direct_bytes,
            "-XX:MaxDirectMemorySize",
            " allows direct buffers of ",
        ),
        (
            "max_metaspace",
            runtime.max_metaspace_bytes,
            "-XX:MaxMetaspaceSize",
            " allows class metadata of ",
        ),
        (
            "soft_limit",
            runtime.soft_limit_bytes,
            "GOMEMLIMIT",
            " lets the program grow to ",
        ),
        ("max_data", runtime.max_data_bytes, data.0, data.1),
    ];
    let mut is_any_above = runtime.max_heap_bytes.is_some_and(|heap| heap >= limit);
    for (name, bytes, option, words) in parts {
        if let Some(bytes) = bytes.filter(|&bytes| bytes >= limit) {
            is_any_above = true;
            let draft = Draft::new(code::CONFIGURED_CAP_ABOVE_LIMIT)
                .say(option)
                .say(words)
                .bytes(name, bytes)
                .say(", but the limit of everything together is ")
                .bytes("limit", limit)
                .say(".")
                .change(&format!("Set {option} below "));
            let left = runtime.max_heap_bytes.filter(|&heap| heap < limit);
            let draft = match left {
                Some(heap) => draft
                    .bytes("left_beside_heap", limit.saturating_sub(heap))
                    .say(", which is what the heap's cap leaves of the limit, or raise the limit above ")
                    .bytes("configured_sum", sum_bytes(runtime))
                    .say(", the sum of its configured caps."),
                None => draft
                    .bytes("limit", limit)
                    .say(", or raise the limit above ")
                    .bytes(name, bytes)
                    .say("."),
            };
            out.push(draft.weighing(bytes));
        }
    }
    if !is_any_above && runtime.kind == RuntimeKind::Jvm {
        out.extend(sum_above(runtime, limit));
    }
}

/// The configured caps of heap, direct buffers and metaspace together.
fn sum_bytes(runtime: &Runtime) -> Bytes {
    [
        runtime.max_heap_bytes,
        runtime.max_direct_bytes,
        runtime.max_metaspace_bytes,
    ]
    .into_iter()
    .flatten()
    .fold(Bytes(0), Bytes::saturating_add)
}

fn sum_above(runtime: &Runtime, limit: Bytes) -> Option<Draft> {
    let heap = runtime.max_heap_bytes?;
    let rest = [
        ("max_direct", runtime.max_direct_bytes, " of direct buffers"),
        (
            "max_metaspace",
            runtime.max_metaspace_bytes,
            " of metaspace",
        ),
    ];
    let sum = sum_bytes(runtime);
    if sum <= limit {
        return None;
    }
    let mut draft = Draft::new(code::CONFIGURED_CAPS_EXCEED_LIMIT)
        .say("Its configured caps add up to ")
        .bytes("configured_sum", sum)
        .say(", more than the limit of ")
        .bytes("limit", limit)
        .say(": ")
        .bytes("max_heap", heap)
        .say(" of heap");
    for (name, bytes, words) in rest {
        if let Some(bytes) = bytes {
            draft = draft.say(", ").bytes(name, bytes).say(words);
        }
    }
    Some(
        draft
            .say(".")
            .change("Lower these caps by more than ")
            .bytes("configured_beyond_limit", sum.saturating_sub(limit))
            .say(" together, or raise the limit above ")
            .bytes("configured_sum", sum)
            .say("."),
    )
}
