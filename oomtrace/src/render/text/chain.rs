//! The victim's cgroups up to the root, and which of them was full.

use super::{Look, Page, Role, path};
use crate::model::{CgroupLevel, OomKill};
use crate::render::size::percent;

/// More levels than this are summarised where they have no limit.
const LEVELS_MAX: usize = 6;

const FULL: &str = "limit reached";

pub(super) fn render(page: &mut Page, look: &Look, kill: &OomKill) {
    if kill.hierarchy.len() < 2 {
        return;
    }
    page.label("cgroups");
    let width = look.figures.column_width();
    let header = format!("{:>width$}  {:>width$}", "used", "limit");
    page.line(&page.style().paint(Role::Dim, &header));
    let last = kill.hierarchy.len() - 1;
    let mut hidden = 0_usize;
    for (index, level) in kill.hierarchy.iter().enumerate() {
        let telling = index == 0
            || index == last
            || level.limit_bytes.is_some()
            || is_limit(kill, level)
            || look.verbose
            || kill.hierarchy.len() <= LEVELS_MAX;
        if telling {
            show_hidden(page, look, &mut hidden);
            show(page, look, kill, level);
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

fn show(page: &mut Page, look: &Look, kill: &OomKill, level: &CgroupLevel) {
    let width = look.figures.column_width();
    let amount = |bytes: Option<crate::model::Bytes>| match bytes {
        Some(bytes) => look.figures.column(bytes.0),
        None => format!("{:>width$}", look.none()),
    };
    let share = match (level.usage_bytes, level.limit_bytes) {
        (Some(used), Some(limit)) => percent(used.0, limit.0).unwrap_or_default(),
        _ => String::new(),
    };
    let full = is_limit(kill, level);
    let start = format!(
        "{}  {}  {share:>7}  ",
        amount(level.usage_bytes),
        amount(level.limit_bytes)
    );
    let room = page
        .columns()
        .saturating_sub(start.chars().count())
        .saturating_sub(if full { FULL.len() + 2 } else { 0 });
    let name = match &level.cgroup_path {
        Some(cgroup) => path::fitted(look, cgroup, room.max(12)),
        None => "(name not known)".to_owned(),
    };
    let text = format!("{start}{name}");
    if full {
        let style = page.style();
        page.line(&format!("{}  {}", text, style.paint(Role::Full, FULL)));
    } else {
        page.line(text.trim_end());
    }
}
