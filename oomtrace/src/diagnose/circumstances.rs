//! Findings on how the kill came about, and on figures that are easily misread.

use super::code;
use super::draft::{Draft, Findings};
use crate::model::{Bytes, Cause, KillKind, OomKill, PageSize, Pages, Unit};
use crate::words;

/// Why this process, where it was not simply the worst.
pub(super) fn kind(event: &OomKill, out: &mut Findings) {
    let name = words::victim_again(&event.victim);
    match event.incident.kill_kind {
        Some(KillKind::SharedMm) => {
            let draft = Draft::new(code::SHARED_MM).say(&format!(
                "{name} was not chosen: it uses the same address space as "
            ));
            let draft = match event.victim.shares_memory_with_pid {
                Some(pid) => draft
                    .say("process ")
                    .count("shares_memory_with_pid", pid.into()),
                None => draft.say("the process that was"),
            };
            out.push(draft.say(", which could not be freed otherwise."));
        }
        Some(KillKind::Group) => {
            let path = event.incident.group_cgroup_path.as_deref();
            let group = path.map_or_else(
                || "its cgroup".to_owned(),
                |path| words::cgroup_owner(event, path),
            );
            let draft = Draft::new(code::GROUP_KILL).say(&format!(
                "{name} was not chosen for itself: {group} has memory.oom.group set, and dies as a \
                 whole."
            ));
            out.push(if path.is_some_and(super::kubernetes::is_container) {
                draft
                    .say(" The kubelet sets it for every container, unless told otherwise.")
                    .change(
                        "Set singleProcessOOMKill in the kubelet's configuration if the rest of a \
                         container can go on without the one that is chosen.",
                    )
            } else {
                draft.change(&format!(
                    "Turn memory.oom.group of {group} off if the rest can go on without the one \
                     that is chosen."
                ))
            });
        }
        Some(KillKind::Chosen) | None => {}
    }
}

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    out.extend(repeated(event));
    of_the_invocation(event, out);
    out.extend(trigger_is_not_victim(event));
    out.extend(super::status::finding(event));
    out.extend(score_adjusted(event));
    out.extend(rss_above_limit(event));
    out.extend(report_counts_pages(event));
}

/// Those that hold whoever was killed.
pub(super) fn of_the_invocation(event: &OomKill, out: &mut Findings) {
    if !matches!(
        event.incident.cause,
        Some(Cause::Sysrq | Cause::PageFault | Cause::LimitWrite)
    ) {
        out.extend(swap_state(event));
    }
}

fn repeated(event: &OomKill) -> Option<Draft> {
    let recurrence = event
        .recurrence
        .filter(|recurrence| recurrence.number > 1)?;
    let whose = match (event.owner.as_ref().and_then(words::owner), &event.limit) {
        (Some(owner), _) => owner,
        (None, Some(limit)) => words::limit_owner(event, limit),
        (None, None) => "this node".to_owned(),
    };
    Some(
        Draft::new(code::REPEATED_KILL)
            .say(&format!("{whose} was OOM-killed "))
            .count("number", recurrence.number.into())
            .say(" times in ")
            .duration("since_first", recurrence.since_first_us)
            .say("."),
    )
}

fn swap_state(event: &OomKill) -> Option<Draft> {
    let Some(limit) = event.limit.as_ref() else {
        return node_swap(event);
    };
    let has_none = limit.node_swap_total_bytes == Some(Bytes(0));
    if let Some((memsw, memory)) = limit.memsw_limit_bytes.zip(limit.limit_bytes) {
        return (memsw == memory).then(|| {
            let draft = Draft::new(code::SWAP_STATE)
                .detail_if(true)
                .say("Swap could not help: the limit of memory and swap together is ")
                .bytes("memsw_limit", memsw)
                .say(", the same as that of memory.");
            if has_none {
                return draft;
            }
            draft
                .change_at_last("Raise the limit of memory and swap together above ")
                .bytes("memsw_limit", memsw)
                .say(", where the node has swap: the kernel could have moved memory there.")
        });
    }
    let swap = limit.swap_limit_bytes?;
    if swap == Bytes(0) {
        let draft = Draft::new(code::SWAP_STATE)
            .detail_if(true)
            .say("Swap could not help: the cgroup may not use any.")
            .with_bytes("swap_limit", swap);
        return Some(if has_none {
            draft
        } else {
            draft
                .change_at_last("Allow the cgroup some swap, where the node has any: the kernel could have moved memory there.")
        });
    }
    let used = limit.swap_usage_bytes.filter(|&used| used >= swap)?;
    Some(
        Draft::new(code::SWAP_STATE)
            .say("Swap was full too: ")
            .bytes("swap_usage", used)
            .say(" in use, the limit is ")
            .bytes("swap_limit", swap)
            .say("."),
    )
}

/// Of the whole node, as the kernel's own report shows it.
fn node_swap(event: &OomKill) -> Option<Draft> {
    let info = event.report.as_ref()?.mem_info.as_ref()?;
    let (total, free) = info.swap_total_bytes.zip(info.swap_free_bytes)?;
    let draft = Draft::new(code::SWAP_STATE);
    if total == Bytes(0) {
        return Some(
            draft
                .detail_if(true)
                .say("Swap could not help: the node has none.")
                .with_bytes("swap_total", total),
        );
    }
    // A few pages that are just being written do not help either.
    (free.0 < total.0 / 64).then(|| {
        let draft = draft.say("Swap was full too: ");
        let draft = match free {
            Bytes(0) => draft.say("nothing").with_bytes("swap_free", free),
            free => draft.bytes("swap_free", free),
        };
        draft.say(" free of ").bytes("swap_total", total).say(".")
    })
}

fn trigger_is_not_victim(event: &OomKill) -> Option<Draft> {
    let trigger = event.trigger.as_ref()?;
    let pid = trigger.pid?;
    if pid == event.victim.pid? {
        return None;
    }
    let what = match event.incident.cause {
        Some(Cause::LimitWrite) => "set the limit",
        Some(Cause::Sysrq) => "ran sysrq-f",
        Some(Cause::Thrashing) => "saw the thrashing",
        Some(Cause::Allocation | Cause::PageFault) => "made the allocation that could not be met",
        None => "invoked the OOM killer",
    };
    let name = words::process(trigger.comm.as_deref(), None);
    let name = if name == "a process" {
        "Process"
    } else {
        name.as_str()
    };
    Some(
        Draft::new(code::TRIGGER_IS_NOT_VICTIM)
            .detail_if(true)
            .say(&format!("{name} (pid "))
            .count("trigger_pid", pid.into())
            .say(&format!(
                ") {what}; that says nothing about who had used the memory."
            )),
    )
}

/// The kernel adds thousandths of the memory that could be used (`adj * (totalpages / 1000)`).
fn score_adjusted(event: &OomKill) -> Option<Draft> {
    let adj = event.victim.oom_score_adj.filter(|&adj| adj != 0)?;
    if event.incident.kill_kind == Some(KillKind::Group) {
        // Nobody asked how likely it was.
        return None;
    }
    let effect = if adj > 0 { "likelier" } else { "less likely" };
    let mut draft = Draft::new(code::SCORE_ADJUSTED)
        .say("Its oom_score_adj of ")
        .signed("oom_score_adj", adj.into())
        .say(&format!(" made it {effect} to be chosen"));
    if let Some(total) = event.incident.total_pages {
        let by = i64::try_from(total.0 / 1000)
            .unwrap_or(i64::MAX)
            .saturating_mul(adj.into());
        draft = draft
            .say(": it counted as ")
            .signed("adjusted_by", by)
            .say(" pages of badness")
            .with("totalpages", total.0, Unit::Pages);
    }
    Some(draft.say("."))
}

/// What is above the limit by less than one part in so many is not seen to be.
const SEEN_PARTS: u64 = 64;

fn rss_above_limit(event: &OomKill) -> Option<Draft> {
    let memory = event.victim.memory.as_ref()?;
    let rss = memory.rss_bytes?;
    let limit = event.limit.as_ref()?.limit_bytes?;
    if rss <= limit {
        return None;
    }
    let mut draft = Draft::new(code::RSS_ABOVE_LIMIT)
        .say("Its resident memory, ")
        .bytes("rss", rss)
        .say(", is above the limit of ")
        .bytes("limit", limit)
        .say(
            ", which is no contradiction: it counts every page that is mapped, but a file's page \
             is charged to the cgroup that read it first",
        );
    // File pages alone do not explain that.
    if memory.anon_bytes.is_some_and(|anon| anon > limit) {
        draft = draft.say(
            ", and what a process had before it was moved into a cgroup stays charged to its \
             former one",
        );
    }
    if let Some(file) = memory.file_bytes.filter(|file| file.0 > 0 && *file <= rss) {
        draft = draft
            .say("; ")
            .bytes("victim_file", file)
            .say(" of it were file pages");
    }
    let is_seen = rss.saturating_sub(limit).0 > limit.0 / SEEN_PARTS;
    Some(draft.say(".").detail_if(!is_seen))
}

fn report_counts_pages(event: &OomKill) -> Option<Draft> {
    let page_size = event.header.kernel.page_size_bytes?;
    let (pages, bytes) = printed(event, page_size)?;
    // The victim's memory is shown as pages times their size, unless the kernel prints another number.
    let is_shown = event
        .victim
        .memory
        .as_ref()
        .is_some_and(|memory| memory.rss_pages == Some(pages));
    Some(
        Draft::new(code::REPORT_COUNTS_PAGES)
            .detail_if(is_shown)
            .say("The table of tasks in the kernel's own report counts pages of ")
            .bytes("page_size", Bytes(page_size.0))
            .say(", not KiB: ")
            .pages("rss_pages", pages)
            .say(" there are ")
            .bytes("rss", bytes)
            .say("."),
    )
}

/// The victim's RSS as the kernel's table prints it, which leaves out what processors keep to
/// themselves where that is not what the victim's own figures are.
fn printed(event: &OomKill, page_size: PageSize) -> Option<(Pages, Bytes)> {
    let memory = event.victim.memory.as_ref()?;
    let shown = match &event.victim.memory_reported {
        Some(reported) => {
            let parts = [
                reported.anon_bytes?,
                reported.file_bytes?,
                reported.shmem_bytes?,
            ];
            let bytes = parts
                .iter()
                .try_fold(0_u64, |sum, part| sum.checked_add(part.0))?;
            (Pages(bytes.checked_div(page_size.0)?), Bytes(bytes))
        }
        None => memory.rss_pages.zip(memory.rss_bytes)?,
    };
    Some(shown).filter(|(_, bytes)| bytes.0 > 0)
}
