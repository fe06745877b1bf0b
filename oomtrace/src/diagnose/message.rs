//! A kill in one sentence.

use std::fmt::Write as _;

use crate::model::{
    Bytes, Cause, Constraint, KillKind, LimitHit, LimitedCounter, OomKill, Scope, Usage,
};
use crate::words;

use super::filled::is_half;

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
        Some(KillKind::Group) => match &event.incident.group_cgroup_path {
            Some(path) => {
                let _ = write!(text, " with all of cgroup {path} (memory.oom.group)");
            }
            None => text.push_str(" with its whole cgroup (memory.oom.group)"),
        },
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

fn why(event: &OomKill) -> Option<String> {
    if event.incident.cause == Some(Cause::Sysrq) {
        return Some("sysrq-f asked for a kill".to_owned());
    }
    if let Some(limit) = &event.limit {
        return Some(limit_clause(event, limit));
    }
    match (event.incident.scope?, event.incident.constraint) {
        (Scope::Memcg, _) => Some("a memory cgroup reached its limit".to_owned()),
        (Scope::Global, Some(Constraint::Cpuset)) => {
            Some("the memory nodes that a cpuset allows ran out of memory".to_owned())
        }
        (Scope::Global, Some(Constraint::Mempolicy)) => {
            Some("the memory nodes that a memory policy allows ran out of memory".to_owned())
        }
        (Scope::Global, _) if event.incident.cause == Some(Cause::Thrashing) => {
            Some("the node was thrashing".to_owned())
        }
        (Scope::Global, _) if event.incident.cause == Some(Cause::PageFault) => {
            Some("a page fault did not get its memory".to_owned())
        }
        (Scope::Global, _) => Some(match super::node::in_one_piece(event) {
            Some(wanted) => format!("the node had no {} in one piece", words::size(wanted)),
            None => "the node ran out of memory".to_owned(),
        }),
    }
}

fn limit_clause(event: &OomKill, limit: &LimitHit) -> String {
    let mut whose = words::limit_owner(event, limit);
    if super::limit::is_ancestors_limit(event) == Some(true) {
        whose.push_str(" above it");
    }
    if event.incident.cause == Some(Cause::LimitWrite) {
        return match limit.limit_bytes {
            Some(bytes) => format!(
                "the limit of {whose} was set to {}, below its usage",
                words::size(bytes)
            ),
            None => format!("the limit of {whose} was set below its usage"),
        };
    }
    let amount =
        |bytes: Option<Bytes>| bytes.map_or(String::new(), |b| format!("{} ", words::size(b)));
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
fn filled(event: &OomKill) -> Option<String> {
    let name = words::victim_again(&event.victim);
    let memory = event.victim.memory.as_ref();
    let anon = memory.and_then(|memory| memory.anon_bytes);
    let total = event
        .limit
        .as_ref()
        .and_then(|limit| limit.usage_bytes.or(limit.limit_bytes));
    if let (Some(anon), Some(total)) = (anon, total)
        && is_half(anon, total)
        && anon <= total
    {
        return Some(format!(
            "{} of it was {name}'s anonymous memory",
            words::size(anon)
        ));
    }
    let usage = event.limit.as_ref().and_then(|limit| limit.usage.as_ref());
    let most = usage
        .zip(total)
        .and_then(|(usage, total)| most(usage, total));
    let held = match (anon, memory.and_then(|memory| memory.rss_bytes)) {
        (Some(anon), _) => Some(format!(
            "{name} held {} of anonymous memory",
            words::size(anon)
        )),
        (None, Some(rss)) => Some(format!("{name} had {} resident", words::size(rss))),
        (None, None) => None,
    };
    match (most, held) {
        (Some(most), Some(held)) => Some(format!("{most}, {held}")),
        (most, held) => most.or(held),
    }
}

/// The kind of memory that at least half of a cgroup's usage was.
fn most(usage: &Usage, total: Bytes) -> Option<String> {
    [
        (usage.anon_bytes, "anonymous memory"),
        (usage.shmem_bytes, "shared memory or tmpfs"),
        (usage.page_cache_bytes, "page cache"),
        (super::filled::kernel_total(usage), "kernel memory"),
    ]
    .into_iter()
    .find_map(|(bytes, what)| {
        let bytes = bytes.filter(|&bytes| is_half(bytes, total) && bytes <= total)?;
        Some(format!("{} of it was {what}", words::size(bytes)))
    })
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
        _ => format!("{who} asked for the memory"),
    })
}
