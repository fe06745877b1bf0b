//! Findings on how the kill came about, and on figures that are easily misread.

use crate::model::{Bytes, Cause, Finding, KillKind, OomKill};

use super::draft::Draft;
use super::words;

/// Why this process, where it was not simply the worst.
pub(super) fn kind(event: &OomKill, out: &mut Vec<Finding>) {
    let name = words::victim_again(&event.victim);
    match event.incident.kill_kind {
        Some(KillKind::SharedMm) => {
            let draft = Draft::new("shared_mm").say(&format!(
                "{name} was not chosen: it uses the same address space as "
            ));
            let draft = match event.victim.shares_memory_with_pid {
                Some(pid) => draft
                    .say("process ")
                    .count("shares_memory_with_pid", pid.into()),
                None => draft.say("the process that was"),
            };
            out.push(draft.say(", which could not be freed otherwise.").done());
        }
        Some(KillKind::Group) => {
            let group = match &event.incident.group_cgroup_path {
                Some(path) => format!("cgroup {path}"),
                None => "its cgroup".to_owned(),
            };
            out.push(
                Draft::new("group_kill")
                    .say(&format!(
                        "{name} was not chosen for itself: {group} has memory.oom.group set, and \
                         dies as a whole."
                    ))
                    .done(),
            );
        }
        Some(KillKind::Chosen) | None => {}
    }
}

pub(super) fn findings(event: &OomKill, out: &mut Vec<Finding>) {
    out.extend(swap_state(event));
    out.extend(trigger_is_not_victim(event));
    out.extend(score_adjusted(event));
    out.extend(rss_above_limit(event));
    out.extend(report_counts_pages(event));
}

fn swap_state(event: &OomKill) -> Option<Finding> {
    let limit = event.limit.as_ref()?;
    if let Some((memsw, memory)) = limit.memsw_limit_bytes.zip(limit.limit_bytes) {
        return (memsw == memory).then(|| {
            Draft::new("swap_state")
                .say("Swap could not help: the limit of memory and swap together is ")
                .bytes("memsw_limit", memsw)
                .say(", the same as that of memory.")
                .done()
        });
    }
    let swap = limit.swap_limit_bytes?;
    if swap == Bytes(0) {
        return Some(
            Draft::new("swap_state")
                .say("Swap could not help: the cgroup's limit of swap is ")
                .bytes("swap_limit", swap)
                .say(".")
                .done(),
        );
    }
    let used = limit.swap_usage_bytes.filter(|&used| used >= swap)?;
    Some(
        Draft::new("swap_state")
            .say("Swap was full too: ")
            .bytes("swap_usage", used)
            .say(" of a limit of ")
            .bytes("swap_limit", swap)
            .say(".")
            .done(),
    )
}

fn trigger_is_not_victim(event: &OomKill) -> Option<Finding> {
    let trigger = event.trigger.as_ref()?;
    let pid = trigger.pid?;
    if pid == event.victim.pid? {
        return None;
    }
    let what = match event.incident.cause {
        Some(Cause::LimitWrite) => "set the limit",
        Some(Cause::Sysrq) => "ran sysrq-f",
        Some(Cause::Thrashing) => "saw the thrashing",
        _ => "made the allocation that could not be met",
    };
    let name = words::process(trigger.comm.as_deref(), None);
    let name = if name == "a process" {
        "Process"
    } else {
        name.as_str()
    };
    Some(
        Draft::new("trigger_is_not_victim")
            .say(&format!("{name} (pid "))
            .count("trigger_pid", pid.into())
            .say(&format!(
                ") {what}; that says nothing about who had used the memory."
            ))
            .done(),
    )
}

fn score_adjusted(event: &OomKill) -> Option<Finding> {
    let adj = event.victim.oom_score_adj.filter(|&adj| adj != 0)?;
    let effect = if adj > 0 { "likelier" } else { "less likely" };
    Some(
        Draft::new("score_adjusted")
            .say("Its oom_score_adj of ")
            .signed("oom_score_adj", adj.into())
            .say(&format!(" made it {effect} to be chosen."))
            .done(),
    )
}

fn rss_above_limit(event: &OomKill) -> Option<Finding> {
    let memory = event.victim.memory.as_ref()?;
    let rss = memory.rss_bytes?;
    let limit = event.limit.as_ref()?.limit_bytes?;
    if rss <= limit {
        return None;
    }
    let mut draft = Draft::new("rss_above_limit")
        .say("Its resident memory, ")
        .bytes("rss", rss)
        .say(", is above the limit of ")
        .bytes("limit", limit)
        .say(
            ", which is no contradiction: it counts every page that is mapped, but a file's page \
             is charged to the cgroup that read it first",
        );
    if let Some(file) = memory.file_bytes.filter(|file| file.0 > 0) {
        draft = draft
            .say("; ")
            .bytes("victim_file", file)
            .say(" of it were file pages");
    }
    Some(draft.say(".").done())
}

fn report_counts_pages(event: &OomKill) -> Option<Finding> {
    let memory = event.victim.memory.as_ref()?;
    let (pages, bytes) = memory.rss_pages.zip(memory.rss_bytes)?;
    let page_size = event.header.kernel.page_size_bytes?;
    Some(
        Draft::new("report_counts_pages")
            .say("The table of tasks in the kernel's own report counts pages of ")
            .bytes("page_size", Bytes(page_size.0))
            .say(", not KiB: ")
            .pages("rss_pages", pages)
            .say(" there are ")
            .bytes("rss", bytes)
            .say(".")
            .done(),
    )
}
