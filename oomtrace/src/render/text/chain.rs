//! The victim's cgroups up to the root, and which of them was full.

use super::look::Look;
use super::path;
use crate::model::{Bytes, CgroupLevel, OomKill};
use crate::render::layout::{Page, columns_of, wrap};
use crate::render::style::Role;
use crate::words::percent;

/// More levels than this are summarised where they have no limit.
const LEVELS_MAX: usize = 6;

/// Columns that a name gets at least.
const ROOM_MIN: usize = 12;

const FULL: &str = "limit reached";

pub(super) fn render(page: &mut Page, look: &Look, kill: &OomKill) {
    if kill.hierarchy.len() < 2 {
        return;
    }
    page.label("cgroups");
    let used = column(look, kill, "used", |level| level.usage_bytes);
    let limits = column(look, kill, "limit", |level| level.limit_bytes);
    let mut rows = used
        .into_iter()
        .zip(limits)
        .map(|(used, limit)| format!("{used}  {limit}"));
    if let Some(header) = rows.next() {
        page.line(&page.style().paint(Role::Dim, &header));
    }
    let last = kill.hierarchy.len() - 1;
    let mut hidden = 0_usize;
    for ((index, level), figures) in kill.hierarchy.iter().enumerate().zip(rows) {
        let telling = index == 0
            || index == last
            || level.limit_bytes.is_some()
            || is_limit(kill, level)
            || look.verbose
            || kill.hierarchy.len() <= LEVELS_MAX;
        if telling {
            show_hidden(page, look, &mut hidden);
            show(page, look, kill, level, &figures);
        } else {
            hidden += 1;
        }
    }
    if let Some(total) = kill.hierarchy_total.map(|total| total as usize)
        && total > kill.hierarchy.len()
    {
        let text = format!("{} levels in all, not all of them here", total);
        page.prose(Role::Dim, &text, 0);
    }
}

fn show_hidden(page: &mut Page, look: &Look, hidden: &mut usize) {
    let text = match std::mem::take(hidden) {
        0 => return,
        1 => format!("{} 1 level without a limit", look.dots()),
        many => format!("{} {many} levels without a limit", look.dots()),
    };
    page.prose(Role::Dim, &text, 0);
}

fn is_limit(kill: &OomKill, level: &CgroupLevel) -> bool {
    let Some(limit) = &kill.limit else {
        return false;
    };
    match (limit.cgroup_id, level.cgroup_id) {
        (Some(limit), Some(level)) => limit == level,
        _ => limit.cgroup_path.is_some() && limit.cgroup_path == level.cgroup_path,
    }
}

/// A column with its title, cells of one width.
fn column(
    look: &Look,
    kill: &OomKill,
    title: &str,
    amount: fn(&CgroupLevel) -> Option<Bytes>,
) -> Vec<String> {
    let amounts: Vec<Option<Bytes>> = kill.hierarchy.iter().map(amount).collect();
    let known: Vec<u64> = amounts.iter().flatten().map(|bytes| bytes.0).collect();
    let mut cells = look.figures.column(&known).into_iter();
    let mut column: Vec<String> = [title.to_owned()]
        .into_iter()
        .chain(amounts.into_iter().map(|amount| {
            amount
                .and_then(|_| cells.next())
                .unwrap_or_else(|| look.none().to_owned())
        }))
        .collect();
    let width = column.iter().map(|cell| columns_of(cell)).max();
    let width = width.unwrap_or(0);
    for cell in &mut column {
        *cell = format!("{cell:>width$}");
    }
    column
}

fn show(page: &mut Page, look: &Look, kill: &OomKill, level: &CgroupLevel, figures: &str) {
    let share = match (level.usage_bytes, level.limit_bytes) {
        (Some(used), Some(limit)) => percent(used.0, limit.0).unwrap_or_default(),
        _ => String::new(),
    };
    let full = is_limit(kill, level);
    let start = format!("{figures}  {share:>7}  ");
    let indent = columns_of(&start);
    let room = page.columns().saturating_sub(indent).max(ROOM_MIN);
    let mark = if full { FULL.len() + 2 } else { 0 };
    let name = match &level.cgroup_path {
        Some(cgroup) => path::fitted(look, cgroup, room.saturating_sub(mark).max(ROOM_MIN)),
        None => "(name not known)".to_owned(),
    };
    let style = page.style();
    let mut lines = wrap(&name, room, 0);
    if full {
        let mark = style.paint(Role::Full, FULL);
        match lines.last_mut() {
            Some(last) if columns_of(last) + 2 + FULL.len() <= room => {
                *last = format!("{last}  {mark}");
            }
            _ => lines.push(mark),
        }
    }
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            page.line(&format!("{start}{line}"));
        } else {
            page.line(&format!("{:indent$}{line}", ""));
        }
    }
}
