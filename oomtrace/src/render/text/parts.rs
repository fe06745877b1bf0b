//! A table of the parts of a whole, with bars.

use super::look::Look;
use super::memory::NAME_COLUMNS;
use crate::model::Bytes;
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::percent;

/// Longest bar.
const BAR_COLUMNS_MAX: usize = 30;

/// Parts of `whole`, the largest first, each with its share and a bar.
pub(super) fn table(
    page: &mut Page,
    look: &Look,
    mut rows: Vec<(&str, u64)>,
    whole: Option<Bytes>,
) {
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let sum = rows
        .iter()
        .fold(0_u64, |sum, row| sum.saturating_add(row.1));
    let all = whole.map_or(sum, |whole| whole.0.max(sum));
    let amounts: Vec<u64> = rows.iter().map(|(_, bytes)| *bytes).collect();
    for ((name, bytes), amount) in rows.into_iter().zip(look.figures.column(&amounts)) {
        let share = percent(bytes, all).unwrap_or_default();
        let start = format!("{name:<NAME_COLUMNS$}{amount}  {share:>7}  ");
        let room = page.columns().saturating_sub(start.chars().count());
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
