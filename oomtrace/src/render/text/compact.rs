//! A kill in a dozen lines: what one needs at once. The whole of it is the long view.

use super::look::{Look, Shown};
use super::{head, kill as long, notes, parts, path, who};
use crate::model::{Bytes, CgroupLevel, OomKill, OomNoVictim, Reason};
use crate::render::escape::escape;
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::{self, grouped, percent};

/// Most lines of a kill at 80 columns, its outcome included.
const LINES_MAX: usize = 12;
/// Those after the advice and the victim: resident, id, outcome.
const LINES_AFTER: usize = 3;
/// Lines of advice that are always shown, as far as there is any.
const ADVICE_LINES_MIN: usize = 2;

/// The blocks of a kill; of one that follows another of its incident, those that differ.
pub(super) fn kill(page: &mut Page, look: &Look, shown: &Shown, kill: &OomKill) {
    let follows =
        kill.incident.kill_index > 0 && shown.incident.as_ref() == Some(&kill.incident.id);
    let before = page.lines();
    let mut message = long::message(kill);
    if let Some(again) = again(look, kill).filter(|_| !follows) {
        message.push_str(&format!(" ({again})"));
    }
    head::verdict(page, look, &kill.header, &message);
    let limits = limits(look, kill).filter(|_| !follows);
    let after = LINES_AFTER + usize::from(limits.is_some());
    if !follows {
        filled(page, look, kill);
        let used = page.lines() - before + 1 + after;
        advice(page, look, kill, LINES_MAX.saturating_sub(used));
    }
    let used = page.lines() - before + after;
    let room = LINES_MAX.saturating_sub(used).clamp(1, 3);
    // The verdict has the name already.
    let is_named = message.contains(&words::victim(&kill.victim));
    who::victim_short(page, look, kill, is_named, room);
    chain(page, look, limits);
    resident(page, look, kill);
    unknown(page, look, kill);
    notes::losses(page, kill);
    if let Some(id) = &kill.header.event_id {
        page.label("id");
        page.clipped(Role::Dim, &escape(id), 1, look.dots());
    }
}

/// The same of an invocation without a victim.
pub(super) fn no_victim(page: &mut Page, look: &Look, event: &OomNoVictim, message: &str) {
    let kill = event.as_kill();
    head::verdict(page, look, &event.header, message);
    filled(page, look, &kill);
    advice(page, look, &kill, LINES_MAX / 2);
    chain(page, look, limits(look, &kill));
    unknown(page, look, &kill);
}

/// `2nd here in 5 min 3 s`, from the second kill of an owner on.
fn again(look: &Look, kill: &OomKill) -> Option<String> {
    let again = kill.recurrence.filter(|again| again.number > 1)?;
    let time = look.figures.duration(again.since_first_us);
    Some(format!("{} here in {time}", words::ordinal(again.number)))
}

/// One bar for the limit (or the node), with its largest parts.
fn filled(page: &mut Page, look: &Look, kill: &OomKill) {
    let Some((rows, whole)) = words::parts::of_kill(kill) else {
        return;
    };
    page.label("filled");
    parts::single_bar(page, look, rows, whole);
}

/// The first suggestion.
fn advice(page: &mut Page, look: &Look, kill: &OomKill, lines: usize) {
    let mut changes = kill
        .findings
        .iter()
        .filter_map(|finding| finding.change.as_deref());
    if let Some(change) = changes.next() {
        page.label("change");
        let lines = lines.max(ADVICE_LINES_MIN);
        page.clipped(Role::Plain, &escape(change), lines, look.dots());
    }
}

/// The cgroups with a limit in one line, from the victim's own: `web 256 MiB of 256 MiB (100 %) ‹ …`.
/// None where there is but one, which the verdict has named.
fn limits(look: &Look, kill: &OomKill) -> Option<String> {
    let limited = kill
        .hierarchy
        .iter()
        .filter(|level| level.limit_bytes.is_some());
    let named = kill.limit.as_ref().and_then(|limit| limit.limit_bytes);
    let shown: Vec<&CgroupLevel> = limited.collect();
    if let [only] = shown.as_slice()
        && only.limit_bytes == named
    {
        return None;
    }
    let texts: Vec<String> = shown.iter().map(|level| limit(look, level)).collect();
    let arrow = if look.ascii { " < " } else { " ‹ " };
    (!texts.is_empty()).then(|| texts.join(arrow))
}

fn chain(page: &mut Page, look: &Look, limits: Option<String>) {
    if let Some(text) = limits {
        page.label("limits");
        page.clipped(Role::Plain, &text, 1, look.dots());
    }
}

fn limit(look: &Look, level: &CgroupLevel) -> String {
    let path = level.cgroup_path.as_deref().unwrap_or("?");
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let name = path::shown(look, name.unwrap_or("/"));
    let size = |bytes: Bytes| look.figures.size(bytes.0);
    match (level.usage_bytes, level.limit_bytes) {
        (Some(used), Some(all)) => {
            let share = percent(used.0, all.0).map_or(String::new(), |share| format!(" ({share})"));
            format!("{name} {} of {}{share}", size(used), size(all))
        }
        (Some(used), None) => format!("{name} {}, no limit", size(used)),
        (None, Some(all)) => format!("{name}, limit {}", size(all)),
        (None, None) => format!("{name}, no limit known"),
    }
}

/// The victim's resident memory and its parts.
fn resident(page: &mut Page, look: &Look, kill: &OomKill) {
    let Some(memory) = &kill.victim.memory else {
        return;
    };
    let Some(rss) = memory.rss_bytes else {
        return;
    };
    let parts: Vec<String> = [
        ("anonymous", memory.anon_bytes),
        ("file", memory.file_bytes),
        ("shared", memory.shmem_bytes),
        ("in swap", memory.swap_bytes),
    ]
    .into_iter()
    .filter_map(|(name, bytes)| Some((name, bytes.filter(|bytes| bytes.0 > 0)?)))
    .map(|(name, bytes)| format!("{} {name}", look.figures.size(bytes.0)))
    .collect();
    let mut text = look.figures.size(rss.0);
    if let Some(pages) = memory.rss_pages {
        // The kernel's own table has this count, and it is read as kilobytes.
        text.push_str(&format!(" ({} pages)", grouped(pages.0)));
    }
    if !parts.is_empty() {
        text.push_str(&format!(": {}", parts.join(", ")));
    }
    page.label("resident");
    page.clipped(Role::Plain, &text, 1, look.dots());
}

/// What is not known of what the lines above would show.
fn unknown(page: &mut Page, look: &Look, kill: &OomKill) {
    const SHOWN: [&str; 5] = [
        "limit",
        "limit.usage",
        "node_memory",
        "victim.cmdline",
        "victim.memory",
    ];
    // What no kernel writes into its log is news to nobody who reads one.
    let missing = kill.missing.iter().filter(|missing| {
        SHOWN.contains(&missing.field.as_str()) && missing.reason != Reason::NeverInLog
    });
    let parts: Vec<String> = missing
        .map(|missing| {
            let why = missing.why.as_deref();
            let why = why.unwrap_or(missing.reason.explanation());
            format!("{}: {}", missing.field, escape(why))
        })
        .collect();
    if !parts.is_empty() {
        page.label("missing");
        page.clipped(Role::Dim, &parts.join("; "), 1, look.dots());
    }
}
