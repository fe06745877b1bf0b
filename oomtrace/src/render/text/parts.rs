//! The parts of a whole: what filled a limit or the node, as a table with bars or as one bar.

use super::look::Look;
use super::memory::NAME_COLUMNS;
use crate::model::Bytes;
use crate::render::layout::{Page, columns_of};
use crate::render::style::Role;
use crate::words::parts::{Rows, all};
use crate::words::percent;

/// Columns of a single bar, so that its parts fit beside it.
const SINGLE_BAR_COLUMNS: usize = 16;
/// Longest bar.
const BAR_COLUMNS_MAX: usize = 30;

/// One bar for the whole, its parts drawn one after the other, and beside it as many of them as fit
/// the line.
pub(super) fn single_bar(page: &mut Page, look: &Look, mut rows: Rows, whole: Option<Bytes>) {
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let all = all(&rows, whole);
    let shades = if look.ascii {
        ["#", "=", "-", "."]
    } else {
        ["█", "▓", "▒", "░"]
    };
    let mut bar = String::new();
    let (mut sum, mut drawn) = (0_u128, 0_usize);
    for (index, (_, bytes)) in rows.iter().enumerate() {
        sum += u128::from(*bytes);
        // A part ends where all up to it end, so that rounding leaves no hole.
        let end = (sum * SINGLE_BAR_COLUMNS as u128 + u128::from(all) / 2).checked_div(all.into());
        let end = usize::try_from(end.unwrap_or(0)).unwrap_or(0);
        let shade = shades.get(index).or(shades.last()).copied().unwrap_or("");
        bar.push_str(&shade.repeat(end.saturating_sub(drawn)));
        drawn = drawn.max(end);
    }
    let blanks = SINGLE_BAR_COLUMNS.saturating_sub(drawn);
    let room = page.columns().saturating_sub(SINGLE_BAR_COLUMNS + 2);
    let mut text = String::new();
    for (name, bytes) in rows {
        let share = percent(bytes, all).unwrap_or_default();
        let part = match name {
            "shared, tmpfs" => "tmpfs, shared",
            name => name,
        };
        let comma = if text.is_empty() { "" } else { "; " };
        let next = if text.is_empty() {
            format!("{part} {} ({share})", look.figures.size(bytes))
        } else {
            format!("{comma}{part} {}", look.figures.size(bytes))
        };
        if columns_of(&text) + columns_of(&next) > room {
            break;
        }
        text.push_str(&next);
    }
    let bar = page.style().paint(Role::Label, &bar);
    page.line(format!("{bar}{:blanks$}  {text}", "").trim_end());
}

/// Parts of `whole`, the largest first, each with its share and a bar.
pub(super) fn table(page: &mut Page, look: &Look, mut rows: Rows, whole: Option<Bytes>) {
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let all = all(&rows, whole);
    let amounts: Vec<u64> = rows.iter().map(|(_, bytes)| *bytes).collect();
    for ((name, bytes), amount) in rows.into_iter().zip(look.figures.column(&amounts)) {
        let share = percent(bytes, all).unwrap_or_default();
        let start = format!("{name:<NAME_COLUMNS$}{amount}  {share:>7}  ");
        let room = page.columns().saturating_sub(columns_of(&start));
        let bar = bar(look, bytes, all, room.min(BAR_COLUMNS_MAX));
        let bar = page.style().paint(Role::Label, &bar);
        page.line(format!("{start}{bar}").trim_end());
    }
}

/// A bar of `part` of `all`, in eighths of a character.
fn bar(look: &Look, part: u64, all: u64, columns: usize) -> String {
    if all == 0 {
        return String::new();
    }
    let eighths = u128::from(part) * columns as u128 * 8 / u128::from(all);
    let eighths = usize::try_from(eighths).unwrap_or(0);
    let (whole, rest) = (eighths / 8, eighths % 8);
    if look.ascii {
        return "#".repeat(whole + rest / 4);
    }
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let rest = rest.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(whole))
}
