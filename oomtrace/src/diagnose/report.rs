//! Findings on what only a kernel's own report shows.

use crate::model::{Bytes, Finding, KernelReport, OomKill};

use super::draft::Draft;

pub(super) fn findings(event: &OomKill, out: &mut Vec<Finding>) {
    let Some(report) = &event.report else {
        return;
    };
    out.extend(charged_beyond_tasks(event, report));
    out.extend(reports_suppressed(report));
}

/// The tasks' resident memory may count pages that are charged elsewhere, so it is compared with
/// anonymous memory only where it is less.
fn charged_beyond_tasks(event: &OomKill, report: &KernelReport) -> Option<Finding> {
    let charged = event.limit.as_ref()?.usage.as_ref()?.anon_bytes?;
    let resident = report.tasks_rss_bytes?;
    let rest = charged.saturating_sub(resident);
    if rest == Bytes(0) {
        return None;
    }
    Some(
        Draft::new("charged_beyond_tasks")
            .say("The cgroup was charged ")
            .bytes("anon", charged)
            .say(" of anonymous memory, the listed tasks have ")
            .bytes("tasks_rss", resident)
            .say(" resident together: ")
            .bytes("charged_beyond_tasks", rest)
            .say(" are charged but in no listed task's resident memory.")
            .done(),
    )
}

fn reports_suppressed(report: &KernelReport) -> Option<Finding> {
    let count = report.suppressed_callbacks.filter(|&count| count > 0)?;
    Some(
        Draft::new("reports_suppressed")
            .say("The kernel had held back ")
            .count("suppressed_callbacks", count)
            .say(if count == 1 {
                " report before this one: there were more OOMs than reports."
            } else {
                " reports before this one: there were more OOMs than reports."
            })
            .done(),
    )
}
