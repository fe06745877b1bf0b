//! Findings on what only a kernel's own report shows.

use super::code;
use super::draft::{Draft, Findings};
use super::share::has_filled;
use crate::model::{Bytes, KernelReport, OomKill};

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    let Some(report) = &event.report else {
        return;
    };
    out.extend(charged_beyond_tasks(event, report));
    out.extend(reports_suppressed(report));
}

/// The tasks' resident memory may count pages that are charged elsewhere, so it is compared with
/// anonymous memory only where it is less.
fn charged_beyond_tasks(event: &OomKill, report: &KernelReport) -> Option<Draft> {
    let charged = event.limit.as_ref()?.usage.as_ref()?.anon_bytes?;
    let resident = report.tasks_rss_bytes?;
    let rest = charged.saturating_sub(resident);
    if rest == Bytes(0) {
        return None;
    }
    Some(
        Draft::new(code::CHARGED_BEYOND_TASKS)
            .detail_if(!has_filled(rest, charged))
            .say(&format!("The cgroup was charged {}", kib(charged)))
            .with_bytes("anon", charged)
            .say(&format!(
                " of anonymous memory, the listed tasks have {}",
                kib(resident)
            ))
            .with_bytes("tasks_rss", resident)
            .say(&format!(" resident together: {}", kib(rest)))
            .with_bytes("charged_beyond_tasks", rest)
            .say(" are charged but in no listed task's resident memory."),
    )
}

/// `3,580 KiB`: the report's own unit, unrounded, for figures whose difference is the point.
fn kib(bytes: Bytes) -> String {
    let digits = (bytes.0 / 1024).to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(" KiB");
    text
}

fn reports_suppressed(report: &KernelReport) -> Option<Draft> {
    let count = report.suppressed_callbacks.filter(|&count| count > 0)?;
    Some(
        Draft::new(code::REPORTS_SUPPRESSED)
            .say("The kernel had held back ")
            .count("suppressed_callbacks", count)
            .say(if count == 1 {
                " report before this one: there were more OOMs than reports."
            } else {
                " reports before this one: there were more OOMs than reports."
            }),
    )
}
