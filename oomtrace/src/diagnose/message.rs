//! A kill in one sentence.

use std::fmt::Write as _;

use super::jvm::heap_max_above_limit;
use super::share::{has_filled, is_half};
use super::zones::NOTHING_PARTS;
use crate::model::{
    Bytes, Cause, Constraint, KillKind, LimitHit, LimitedCounter, OomKill, Scope, Usage,
};
use crate::words;

/// The sentence for `header.message`. Says no number that the event does not have.
pub(super) fn message(event: &OomKill) -> String {
    let mut text = words::victim(&event.victim);
    let why = why(event);
    // The limit's clause names the victim's home if the limit is its own.
    let home = words::home(event).filter(|home| {
        let whose = event
            .limit
            .as_ref()
            .map(|limit| words::limit_owner(event, limit));
        super::limit::is_ancestors_limit(event) != Some(false) && whose.as_ref() != Some(home)
    });
    if let Some(home) = home {
        let _ = write!(text, " of {home}");
    }
    text.push_str(" was killed");
    match event.incident.kill_kind {
        Some(KillKind::SharedMm) => {
            // Why the other one was chosen is that one's own event.
            text.push_str(&shared_mm(event));
            return text;
        }
        Some(KillKind::Group) => {
            match &event.incident.group_cgroup_path {
                Some(path) => {
                    let group = words::cgroup_owner(event, path);
                    let _ = write!(text, " with all of {group} (memory.oom.group)");
                }
                None => text.push_str(" with its whole cgroup (memory.oom.group)"),
            }
            if let Some(chosen) = &event.incident.chosen {
                let who = words::process(chosen.comm.as_deref(), Some(chosen.pid));
                let _ = write!(text, ", because {who} was chosen");
            }
        }
        Some(KillKind::Chosen) | None => {}
    }
    match why {
        Some(why) => {
            let _ = write!(text, ": {why}");
        }
        None => text.push_str(" by the OOM killer"),
    }
    if let Some(filled) = filled(event) {
        let _ = write!(text, "; {filled}");
    }
    if let Some(heap) = event.runtime.as_ref().and_then(|r| r.max_heap_bytes) {
        let _ = write!(text, ", its heap is capped at {}", words::size(heap));
    }
    let limit = event.limit.as_ref().and_then(|limit| limit.limit_bytes);
    let heap = event.runtime.as_ref().zip(limit);
    if let Some(max) = heap.and_then(|(runtime, limit)| heap_max_above_limit(runtime, limit)) {
        let _ = write!(text, ", its heap may grow to {}", words::size(max));
    }
    if let Some(trigger) = other_trigger(event) {
        let _ = write!(text, "; {trigger}");
    }
    text
}

fn shared_mm(event: &OomKill) -> String {
    match event.victim.shares_memory_with_pid {
        Some(pid) => format!(": it shares its memory with process {pid}, which was chosen"),
        None => ": it shares its memory with the process that was chosen".to_owned(),
    }
}

/// What ran out; `None` if that is not known.
pub(super) fn why(event: &OomKill) -> Option<String> {
    if event.incident.cause == Some(Cause::Sysrq) {
        return Some("sysrq-f asked for a kill".to_owned());
    }
    if let Some(limit) = &event.limit {
        return Some(limit_clause(event, limit));
    }
    match (event.incident.scope?, event.incident.constraint) {
        (Scope::Memcg, _) => Some("a memory cgroup reached its limit".to_owned()),
        (Scope::Global, Some(Constraint::Cpuset)) => Some(nodes_ran_out(
            event,
            "the memory nodes that a cpuset allows",
        )),
        (Scope::Global, Some(Constraint::Mempolicy)) => Some(nodes_ran_out(
            event,
            "the memory nodes that a memory policy allows",
        )),
        (Scope::Global, _) if event.incident.cause == Some(Cause::Thrashing) => {
            Some("the node was thrashing".to_owned())
        }
        (Scope::Global, _) if event.incident.cause == Some(Cause::PageFault) => {
            Some("a page fault did not get its memory".to_owned())
        }
        (Scope::Global, _) => Some(node_ran_out(event)),
    }
}

fn node_ran_out(event: &OomKill) -> String {
    if let Some(short) = super::zones::short(event) {
        return super::zones::clause(&short);
    }
    match super::node::in_one_piece(event) {
        Some(wanted) => format!("the node had no {} in one piece", words::size(wanted)),
        None => "the node ran out of memory".to_owned(),
    }
}

/// With what was free on the other nodes, where that was much.
fn nodes_ran_out(event: &OomKill, which: &str) -> String {
    let total = event.node_memory.as_ref().and_then(|node| node.total_bytes);
    let elsewhere = super::node::elsewhere(event)
        .filter(|free| total.is_some_and(|total| free.0 >= total.0 / NOTHING_PARTS));
    match elsewhere {
        Some(free) => format!("{which} ran out, {} free on others", words::size(free)),
        None => format!("{which} ran out of memory"),
    }
}

fn limit_clause(event: &OomKill, limit: &LimitHit) -> String {
    let mut whose = words::limit_owner(event, limit);
    if super::limit::is_ancestors_limit(event) == Some(true) {
        whose.push_str(" above it");
    }
    let amount =
        |bytes: Option<Bytes>| bytes.map_or(String::new(), |b| format!("{} ", words::size(b)));
    if event.incident.cause == Some(Cause::LimitWrite) {
        let to = match super::limit::written(limit) {
            Some(bytes) => format!("to {}, ", words::size(bytes)),
            None => String::new(),
        };
        let usage = match super::limit::lowered(event) {
            Some(used) => format!("the {} in use", words::size(used)),
            None => "its usage".to_owned(),
        };
        return format!("the limit of {whose} was set {to}below {usage}");
    }
    if let (Some(used), Some(bound)) = (super::limit::lowered(event), limit.limit_bytes) {
        return format!(
            "{whose} had a limit of {}, below the {} in use",
            words::size(bound),
            words::size(used)
        );
    }
    match limit.counter {
        Some(LimitedCounter::Memsw) => format!(
            "{whose} reached its {}limit of memory and swap together",
            amount(limit.memsw_limit_bytes)
        ),
        Some(LimitedCounter::Kmem) => format!("{whose} reached its limit of kernel memory"),
        Some(LimitedCounter::Memory) | None => {
            format!("{whose} reached its {}limit", amount(limit.limit_bytes))
        }
    }
}

/// What was most of it, or else what the victim held.
pub(super) fn filled(event: &OomKill) -> Option<String> {
    let name = words::victim_again(&event.victim);
    let memory = event.victim.memory.as_ref();
    let anon = memory.and_then(|memory| memory.anon_bytes);
    let total = event
        .limit
        .as_ref()
        .and_then(|limit| limit.usage_bytes.or(limit.limit_bytes));
    // "It" is the amount that the clause before has named.
    let named = super::limit::named(event);
    let was = |bytes: Bytes, what: &str| match named {
        Some(whole) if bytes <= whole => format!("{} of it was {what}", words::size(bytes)),
        _ => format!("{} was {what}", words::size(bytes)),
    };
    let is_most = |bytes: Bytes| total.is_some_and(|total| is_half(bytes, total) && bytes <= total);
    let by_victim = match anon.filter(|&anon| is_most(anon)) {
        Some(anon) => Some(was(anon, &format!("{name}'s anonymous memory"))),
        None => super::node_filled::victims_clause(event)
            .filter(|_| super::zones::short(event).is_none()),
    };
    if let Some(filled) = by_victim {
        return Some(match super::filled::swapped(event) {
            Some(swap) => format!("{filled}, another {} were swapped out", words::size(swap)),
            None => filled,
        });
    }
    // What the cgroup's statistics no longer show, as it went with the victim, its own still do.
    let shmem = memory.and_then(|memory| memory.shmem_bytes);
    if let Some(shmem) = shmem.filter(|&shmem| is_most(shmem)) {
        return Some(was(shmem, &format!("shared memory that {name} had mapped")));
    }
    let usage = event.limit.as_ref().and_then(|limit| limit.usage.as_ref());
    let most = usage
        .zip(total)
        .and_then(|(usage, total)| {
            largest(usage, super::filled::charged_anon(usage, memory), total)
        })
        .map(|(bytes, what)| was(bytes, what))
        .or_else(|| match super::zones::short(event) {
            Some(_) => super::zones::filled(event),
            None => super::node_filled::clause(event),
        });
    let shmem = memory.and_then(super::filled::shmem_above);
    let held = match (anon, memory.and_then(|memory| memory.rss_bytes)) {
        (Some(anon), _) if shmem.is_some() => Some(format!(
            "{name} held {} and had mapped {} of shared memory, which may stay",
            words::amount_of(anon, "anonymous memory"),
            words::size(shmem.unwrap_or_default())
        )),
        (Some(anon), _) => Some(format!(
            "{name} held {}",
            words::amount_of(anon, "anonymous memory")
        )),
        (None, Some(rss)) => Some(format!("{name} had {} resident", words::size(rss))),
        (None, None) => None,
    };
    match (most, held) {
        (Some(most), Some(held)) => Some(format!("{most}, {held}")),
        (most, held) => most.or(held),
    }
}

/// The kind of memory of which there was most, if it was much.
fn largest(usage: &Usage, anon: Option<Bytes>, total: Bytes) -> Option<(Bytes, &'static str)> {
    [
        (anon, "anonymous memory"),
        (usage.shmem_bytes, "shared memory or tmpfs"),
        (usage.hugetlb_bytes, "huge pages (hugetlb)"),
        (usage.page_cache_bytes, "page cache"),
        (super::kernel_memory::kernel_total(usage), "kernel memory"),
    ]
    .into_iter()
    .filter_map(|(bytes, what)| Some((bytes?, what)))
    .filter(|(bytes, _)| has_filled(*bytes, total) && *bytes <= total)
    .max_by_key(|(bytes, _)| *bytes)
}

fn other_trigger(event: &OomKill) -> Option<String> {
    let trigger = event.trigger.as_ref()?;
    if trigger.pid? == event.victim.pid? {
        return None;
    }
    let who = words::trigger(trigger);
    Some(match event.incident.cause {
        Some(Cause::LimitWrite) => format!("{who} set it"),
        Some(Cause::Sysrq | Cause::Thrashing) => return None,
        Some(Cause::Allocation | Cause::PageFault) => format!("{who} asked for the memory"),
        None => format!("{who} invoked the OOM killer"),
    })
}
