//! Findings on data stores whose configuration may take more than the limit.

use super::code;
use super::draft::Draft;
use crate::model::{Bytes, Candidate, OomKill, Runtime, RuntimeKind};

/// `shared_buffers` and a `work_mem` for each connection: a query takes several, so this is the least.
pub(super) fn connections_above_limit(runtime: &Runtime, limit: Bytes) -> Option<Draft> {
    let buffers = runtime.max_data_bytes.filter(|&bytes| bytes < limit)?;
    let (work_mem, connections) = runtime.work_mem_bytes.zip(runtime.max_connections)?;
    let all = Bytes(work_mem.0.checked_mul(connections)?);
    let sum = Bytes(buffers.0.checked_add(all.0)?);
    if runtime.kind != RuntimeKind::Postgresql || sum <= limit {
        return None;
    }
    Some(
        Draft::new(code::CONFIGURED_CAPS_EXCEED_LIMIT)
            .say("shared_buffers takes ")
            .bytes("max_data", buffers)
            .say(", and a query of each of the ")
            .count("max_connections", connections)
            .say(" connections that may be open at least one work_mem of ")
            .bytes("work_mem", work_mem)
            .say(" where it sorts or hashes: together ")
            .bytes("connections_sum", sum)
            .say(", more than the limit of ")
            .bytes("limit", limit)
            .say(".")
            .weighing(sum)
            .change("Lower work_mem or max_connections, or raise the limit above ")
            .bytes("connections_sum", sum)
            .say("."),
    )
}

/// Redis forks to save its data. Until the child is done each page that is written to is copied.
pub(super) fn copy_on_write(event: &OomKill, runtime: &Runtime, limit: Bytes) -> Option<Draft> {
    let data = runtime.max_data_bytes.filter(|&bytes| bytes < limit)?;
    let both = Bytes(data.0.checked_mul(2)?);
    if runtime.kind != RuntimeKind::Redis || both <= limit {
        return None;
    }
    let is_child = |other: &&Candidate| {
        let comm = other.comm.as_deref().unwrap_or_default();
        Some(other.pid) != event.victim.pid
            && ["redis-", "valkey-"]
                .iter()
                .any(|name| comm.starts_with(name))
    };
    let other = event.candidates.iter().find(is_child)?;
    Some(
        Draft::new(code::COPY_ON_WRITE)
            .say("A second process of the data store (pid ")
            .count("other_pid", other.pid.into())
            .say(") was there, as while it saves its data: what is written meanwhile is held twice, so a \
                  maxmemory of ")
            .bytes("max_data", data)
            .say(" may take up to ")
            .bytes("max_data_twice", both)
            .say(", more than the limit of ")
            .bytes("limit", limit)
            .say(".")
            .weighing(both)
            .change("Set maxmemory below half of the limit, ")
            .bytes("limit_half", Bytes(limit.0 / 2))
            .say(", or raise the limit above ")
            .bytes("max_data_twice", both)
            .say("."),
    )
}
