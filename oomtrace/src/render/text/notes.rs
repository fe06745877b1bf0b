//! The incident, findings, what is missing, other candidates, losses and ids.

use super::look::{Look, Shown};
use crate::model::{
    Bytes, Candidate, CandidatesBasis, Cause, Finding, KernelReport, KillKind, Missing, OomKill,
    Reason,
};
use crate::render::escape::escape;
use crate::render::layout::{Page, columns_of, shorten};
use crate::render::style::Role;
use crate::words::grouped;

/// Lines of `missing` without `-v`.
const MISSING_LINES: usize = 4;
/// Fields of this host that are remembered; a recording may name any.
const MISSING_HERE_MAX: usize = 256;
/// Suggestions shown at the top.
const CHANGES: usize = 2;
/// Candidates shown without `-v`.
const CANDIDATES: usize = 5;

/// What is unusual about the incident.
pub(super) fn incident(page: &mut Page, kill: &OomKill) {
    let incident = &kill.incident;
    let mut parts = Vec::new();
    if incident.kill_index > 0 {
        let number = u64::from(incident.kill_index) + 1;
        parts.push(format!("kill {} of this incident", grouped(number)));
    }
    if incident.kill_kind == Some(KillKind::SharedMm) {
        parts.push(match kill.victim.shares_memory_with_pid {
            Some(pid) => format!("shared the address space of pid {pid}"),
            None => "shared the address space of the victim".to_owned(),
        });
    }
    match incident.cause {
        Some(Cause::Sysrq) => parts.push("asked for by hand (sysrq-f)".to_owned()),
        Some(Cause::LimitWrite) => {
            parts.push("a limit was written below what was in use".to_owned());
        }
        Some(Cause::Thrashing) => parts.push("the node was thrashing".to_owned()),
        Some(Cause::Allocation | Cause::PageFault) | None => {}
    }
    if !parts.is_empty() {
        page.label("incident");
        page.prose(Role::Plain, &parts.join("; "), 0);
    }
}

/// What to change: the first suggestions; the others are shown with their finding.
pub(super) fn changes(page: &mut Page, look: &Look, kill: &OomKill) {
    page.label("change");
    let changes = kill
        .findings
        .iter()
        .filter_map(|finding| finding.change.as_deref());
    for change in changes.take(CHANGES) {
        let text = format!("{} {}", look.bullet(), escape(change));
        page.prose(Role::Plain, &text, 2);
    }
}

pub(super) fn findings(page: &mut Page, look: &Look, kill: &OomKill) {
    page.label("why");
    let shown = |finding: &&Finding| look.verbose || !finding.detail;
    for finding in kill.findings.iter().filter(shown) {
        let text = format!("{} {}", look.bullet(), escape(&finding.text));
        page.prose(Role::Plain, &text, 2);
    }
}

/// One line for all fields that share a reason. What no kernel writes into its log is news to nobody who
/// reads one; what this host cannot give is said at the first kill.
pub(super) fn missing(page: &mut Page, look: &Look, shown: &mut Shown, kill: &OomKill) {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let known = std::mem::take(&mut shown.missing_here);
    let is_known = |missing: &Missing| {
        let mut fields = known.iter();
        fields.any(|(field, reason)| *field == missing.field && *reason == missing.reason)
    };
    let listed = |missing: &&Missing| {
        look.verbose || missing.reason != Reason::NeverInLog && !is_known(missing)
    };
    for missing in kill.missing.iter().filter(listed) {
        // Words that several fields share are shown with the first of them.
        let why = missing.why.as_deref().unwrap_or_else(|| {
            let alike = |other: &&Missing| other.reason == missing.reason && other.why.is_some();
            let first = kill.missing.iter().find(alike);
            first
                .and_then(|first| first.why.as_deref())
                .unwrap_or(missing.reason.explanation())
        });
        match groups.iter_mut().find(|(known, _)| *known == why) {
            Some((_, fields)) => fields.push(&missing.field),
            None => groups.push((why, vec![&missing.field])),
        }
    }
    page.label("missing");
    let lines = if look.verbose || groups.len() <= MISSING_LINES {
        groups.len()
    } else {
        MISSING_LINES - 1
    };
    for (why, fields) in groups.iter().take(lines) {
        let text = format!("{}: {}", fields.join(", "), why);
        page.prose(Role::Dim, &escape(&text), 2);
    }
    let rest: usize = groups
        .iter()
        .skip(lines)
        .map(|(_, fields)| fields.len())
        .sum();
    if rest > 0 {
        page.prose(
            Role::Dim,
            &format!("and {rest} more fields (-v tells which)"),
            0,
        );
    }
    let new = kill
        .missing
        .iter()
        .filter(|missing| missing.reason.is_of_host() && !is_known(missing))
        .map(|missing| (missing.field.clone(), missing.reason))
        .collect::<Vec<_>>();
    shown.missing_here = known;
    shown.missing_here.extend(new);
    shown.missing_here.truncate(MISSING_HERE_MAX);
}

/// Who else could have been killed.
pub(super) fn others(page: &mut Page, look: &Look, kill: &OomKill) {
    let is_victim = |candidate: &&Candidate| Some(candidate.pid) == kill.victim.pid;
    let victims = kill.candidates.iter().filter(is_victim).count();
    let others = kill.candidates.len() - victims;
    if others == 0 {
        return;
    }
    page.label("others");
    let shown = if look.verbose { others } else { CANDIDATES };
    let listed: Vec<_> = kill
        .candidates
        .iter()
        .filter(|candidate| !is_victim(candidate))
        .take(shown)
        .collect();
    let mut resident = sizes(look, &listed, |candidate| candidate.rss_bytes);
    let mut swapped = sizes(look, &listed, |candidate| candidate.swap_bytes);
    let has_swap = listed
        .iter()
        .any(|candidate| candidate.swap_bytes.is_some_and(|swap| swap.0 > 0));
    // A log does not show it.
    let has_badness = listed
        .iter()
        .any(|candidate| candidate.badness_pages.is_some());
    let row = |resident: &str, swap: &str, adj: &str, badness: &str| {
        let mut row = format!("{resident:>12}");
        if has_swap {
            row.push_str(&format!("  {swap:>12}"));
        }
        row.push_str(&format!("  {adj:>5}"));
        if has_badness {
            row.push_str(&format!("  {badness:>10}"));
        }
        row
    };
    let header = row("resident", "in swap", "adj", "badness");
    page.line(&page.style().paint(Role::Dim, &header));
    for candidate in listed {
        let number = |number: Option<i64>| {
            number.map_or(look.none().to_owned(), |number| number.to_string())
        };
        let figures = row(
            &resident.next().unwrap_or_default(),
            &swapped.next().unwrap_or_default(),
            &number(candidate.oom_score_adj.map(i64::from)),
            &number(candidate.badness_pages),
        );
        let comm = escape(candidate.comm.as_deref().unwrap_or("?"));
        let room = page.columns().saturating_sub(columns_of(&figures) + 2);
        let who = shorten(&format!("pid {} {comm}", candidate.pid), room, look.dots());
        page.line(&format!("{figures}  {who}"));
    }
    let total = kill
        .candidates_total
        .map_or(kill.candidates.len(), |total| total as usize);
    let rest = total.saturating_sub(victims + shown.min(others));
    if rest > 0 {
        let text = format!("and {} more", grouped(rest as u64));
        page.prose(Role::Dim, &text, 0);
    }
    if kill.candidates_basis == Some(CandidatesBasis::Survivors)
        && let Some(us) = kill.candidates_delay_us
    {
        let text = format!(
            "(those that lived on, by /proc, {} after the kill; whom the kernel looked at is not \
             known)",
            look.figures.duration(us)
        );
        page.prose(Role::Dim, &text, 0);
    }
}

/// A column of the sizes that `part` takes from the candidates.
fn sizes(
    look: &Look,
    candidates: &[&Candidate],
    part: fn(&Candidate) -> Option<Bytes>,
) -> std::vec::IntoIter<String> {
    let amounts: Vec<Option<Bytes>> = candidates.iter().map(|one| part(one)).collect();
    let known: Vec<u64> = amounts.iter().flatten().map(|bytes| bytes.0).collect();
    let mut known = look.figures.column(&known).into_iter();
    let cells: Vec<String> = amounts
        .iter()
        .map(|amount| match amount {
            Some(_) => known.next().unwrap_or_default(),
            None => look.none().to_owned(),
        })
        .collect();
    cells.into_iter()
}

/// Lines of the kernel's report that are not understood, for who asks for everything.
pub(super) fn unparsed(page: &mut Page, look: &Look, report: Option<&KernelReport>) {
    let Some(report) = report.filter(|report| look.verbose && !report.unparsed.is_empty()) else {
        return;
    };
    page.label("unparsed");
    for line in &report.unparsed {
        page.prose(Role::Dim, &escape(line), 2);
    }
    let shown = report.unparsed.len() as u64;
    let rest = report.unparsed_total.unwrap_or(shown).saturating_sub(shown);
    if rest > 0 {
        page.prose(Role::Dim, &format!("and {} more lines", grouped(rest)), 0);
    }
}

pub(super) fn losses(page: &mut Page, kill: &OomKill) {
    if kill.lost_records > 0 {
        page.label("lost");
        let text = format!("{} records so far", grouped(kill.lost_records));
        page.prose(Role::Full, &text, 0);
    }
    if !kill.truncated.is_empty() {
        page.label("trimmed");
        let text = format!(
            "{} (to keep a line of JSON short)",
            kill.truncated.join(", ")
        );
        page.prose(Role::Dim, &escape(&text), 0);
    }
}

/// What a person needs only to find this kill elsewhere.
pub(super) fn ids(page: &mut Page, kill: &OomKill) {
    let limit = kill.limit.as_ref();
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let lines = [
        ("event", kill.header.event_id.clone()),
        ("incident", Some(kill.incident.id.clone())),
        ("microseconds since boot", number(kill.header.since_boot_us)),
        ("kernel", kill.header.kernel.release.clone()),
        ("victim's cgroup", kill.victim.cgroup_path.clone()),
        ("victim's cgroup id", number(kill.victim.cgroup_id)),
        ("limit's cgroup", limit.and_then(|l| l.cgroup_path.clone())),
        ("limit's cgroup id", number(limit.and_then(|l| l.cgroup_id))),
        (
            "badness",
            kill.victim
                .badness_pages
                .map(|pages| format!("{pages} pages")),
        ),
    ];
    page.label("ids");
    for (name, value) in lines {
        if let Some(value) = value {
            page.prose(Role::Dim, &format!("{name} {}", escape(&value)), 2);
        }
    }
}
