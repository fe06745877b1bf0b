//! Whose limit it was and what filled it.

use super::look::Look;
use super::{node, parts, path, who};
use crate::model::{Basis, Bytes, LimitHit, LimitedCounter, OomKill, StatBasis, Usage};
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::parts::of_usage;
use crate::words::{grouped, percent};

pub(super) fn render(page: &mut Page, look: &Look, kill: &OomKill) {
    if let Some(limit) = &kill.limit {
        page.label("limit");
        whose(page, look, kill, limit);
        more(page, look, kill, limit);
        if let Some(usage) = &limit.usage {
            filled(page, look, limit, usage);
        }
    } else {
        node::render(page, look, kill);
    }
}

fn whose(page: &mut Page, look: &Look, kill: &OomKill, limit: &LimitHit) {
    let own = limit.cgroup_path.is_some() && limit.cgroup_path == kill.victim.cgroup_path;
    let holder = match (&kill.owner, &limit.cgroup_path) {
        (Some(owner), _) if own => who::called(owner),
        (_, Some(cgroup)) => path::fitted(look, cgroup, page.columns()),
        _ => "a cgroup whose name is not known".to_owned(),
    };
    let (kind, amount, used) = match limit.counter {
        Some(LimitedCounter::Memsw) => (
            " of memory plus swap",
            limit.memsw_limit_bytes,
            limit.memsw_usage_bytes,
        ),
        Some(LimitedCounter::Kmem) => (" of kernel memory", None, limit.kmem_usage_bytes),
        _ => ("", limit.limit_bytes, limit.usage_bytes),
    };
    let figures = look.figures;
    let amount = amount.map(|bytes| bytes.0);
    let used = used.map(|bytes| bytes.0);
    let text = match (amount, used) {
        (Some(amount), Some(used)) if amount == used => format!(
            "{}{kind} for {holder}, all of it in use",
            figures.size(amount)
        ),
        (Some(amount), Some(used)) => {
            let share = match percent(used, amount) {
                Some(share) => format!(" ({share}) in use"),
                None => {
                    let above = used.saturating_sub(amount);
                    format!(" in use, {} above it", figures.size(above))
                }
            };
            format!(
                "{}{kind} for {holder}, {}{share}",
                figures.size(amount),
                figures.size(used)
            )
        }
        (Some(amount), None) => format!("{}{kind} for {holder}", figures.size(amount)),
        (None, Some(used)) => format!("{holder}, {}{kind} in use", figures.size(used)),
        (None, None) => holder,
    };
    page.prose(Role::Full, &text, 0);
    if own
        && kill.owner.is_some()
        && (look.verbose || kill.hierarchy.len() < 2)
        && let Some(cgroup) = &limit.cgroup_path
    {
        page.prose(Role::Plain, &path::fitted(look, cgroup, page.columns()), 2);
    }
}

/// Swap, protection, throttling, history; each only where it says something.
fn more(page: &mut Page, look: &Look, kill: &OomKill, limit: &LimitHit) {
    let figures = look.figures;
    let size = |bytes: Bytes| figures.size(bytes.0);
    let of = |used: Bytes, all: Bytes| {
        let between = if used > all { ", its limit" } else { " of" };
        format!("{}{between} {}", size(used), size(all))
    };
    let mut parts = Vec::new();
    match (limit.memsw_limit_bytes, limit.memsw_usage_bytes) {
        _ if limit.counter == Some(LimitedCounter::Memsw) => {
            if let Some((used, all)) = limit.usage_bytes.zip(limit.limit_bytes) {
                parts.push(format!("memory alone {}", of(used, all)));
            }
        }
        (Some(all), _) if Some(all) == limit.limit_bytes => {
            parts.push("no swap on top of it".to_owned());
        }
        (Some(all), Some(used)) => {
            parts.push(format!("memory plus swap {}", of(used, all)));
        }
        (None, Some(used)) => parts.push(format!("memory plus swap {}, no limit", size(used))),
        _ => {}
    }
    match (limit.swap_limit_bytes, limit.swap_usage_bytes) {
        (Some(Bytes(0)), _) => parts.push("no swap allowed".to_owned()),
        (Some(all), Some(used)) => parts.push(format!("swap {}", of(used, all))),
        (None, Some(used)) => parts.push(format!("swap {}, no limit", size(used))),
        _ => {}
    }
    if let Some(peak) = limit.peak_bytes
        && limit.usage_bytes.is_some_and(|used| peak > used)
    {
        parts.push(format!("peak {}", size(peak)));
    }
    let hits = match (limit.counter, &kill.report) {
        (Some(LimitedCounter::Memsw), Some(report)) => report.memsw.and_then(|memsw| memsw.failcnt),
        (Some(LimitedCounter::Memsw), None) => None,
        _ => limit.max_events_total,
    };
    if let Some(hits) = hits.filter(|hits| *hits > 0) {
        parts.push(match hits {
            1 => "reached once so far".to_owned(),
            hits => format!("reached {} times so far", grouped(hits)),
        });
    }
    if let Some(kills) = limit.oom_kill_events_total.filter(|kills| *kills > 1) {
        parts.push(format!("{} kills in it so far", grouped(kills)));
    }
    if let Some(high) = limit.high_bytes {
        parts.push(format!("throttled above {}", size(high)));
    }
    if limit.oom_group == Some(true) {
        parts.push("it is killed as a whole (memory.oom.group)".to_owned());
    }
    if let (Some(kmem), true) = (limit.kmem_usage_bytes, look.verbose) {
        parts.push(format!("kernel memory {}", size(kmem)));
    }
    if !parts.is_empty() {
        page.prose(Role::Plain, &parts.join("; "), 0);
    }
    let how = match limit.basis {
        Some(Basis::OomLock) => "the cgroup that the kernel had marked as under OOM",
        Some(Basis::Counters) => {
            "inferred: the first cgroup above victim and trigger that was at its limit"
        }
        Some(Basis::Log) => "from the kernel's log",
        Some(Basis::Kernel) => "the kernel's own word",
        None => return,
    };
    if look.verbose || limit.basis == Some(Basis::Counters) {
        page.prose(Role::Dim, &format!("({how})"), 0);
    }
}

fn filled(page: &mut Page, look: &Look, limit: &LimitHit, usage: &Usage) {
    page.label("used by");
    parts::table(page, look, of_usage(usage), limit.usage_bytes);
    notes(page, look, limit, usage);
}

fn notes(page: &mut Page, look: &Look, limit: &LimitHit, usage: &Usage) {
    let figures = look.figures;
    let mut notes = Vec::new();
    if let Some(Bytes(thp)) = usage.thp_bytes.filter(|thp| thp.0 > 0) {
        notes.push(format!(
            "{} of the anonymous memory in huge pages",
            figures.size(thp)
        ));
    }
    if let Some(Bytes(over)) = usage.overcounted_bytes.filter(|over| over.0 > 0) {
        notes.push(format!(
            "the parts exceed the whole by {}: the kernel counts them in batches",
            figures.size(over)
        ));
    }
    match (limit.stat_basis, limit.stat_delay_us) {
        (Some(StatBasis::MemoryStat), Some(us)) => notes.push(format!(
            "from memory.stat, read {} after the kill",
            figures.duration(us)
        )),
        (Some(StatBasis::MemoryStat), None) => notes.push("from memory.stat".to_owned()),
        (Some(StatBasis::Log), _) => notes.push("from the kernel's log".to_owned()),
        (Some(StatBasis::Kernel), _) if look.verbose => {
            notes.push("read in the kernel at the kill".to_owned());
        }
        _ => {}
    }
    if !notes.is_empty() {
        page.prose(Role::Dim, &format!("({})", notes.join("; ")), 0);
    }
}
