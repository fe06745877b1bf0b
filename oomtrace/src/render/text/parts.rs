//! The parts of a whole: what filled a limit or the node, as a table with bars or as one bar.

use super::look::Look;
use super::memory::NAME_COLUMNS;
use crate::model::{Bytes, KillKind, NodeMemory, OomKill, Usage};
use crate::render::layout::{Page, columns_of};
use crate::render::style::Role;
use crate::words::percent;

/// Columns of a single bar, so that its parts fit beside it.
const SINGLE_BAR_COLUMNS: usize = 16;
/// Longest bar.
const BAR_COLUMNS_MAX: usize = 30;

/// Parts of memory that were freed before they could be read: given back already, or about to be.
const FREED: [&str; 2] = ["freed since", "being freed"];
/// That memory where the victim alone died.
const VICTIM: &str = "the victim's";
/// That memory where others died with it.
const KILLED: &str = "of those killed";

/// Names of parts and their bytes.
pub(super) type Rows = Vec<(&'static str, u64)>;

/// What filled the limit, or the node where it was the node that ran out; and the whole of it.
pub(super) fn of_kill(kill: &OomKill) -> Option<(Rows, Option<Bytes>)> {
    let found = match (&kill.limit, &kill.node_memory) {
        (Some(limit), _) => (
            with_killed(of_usage(limit.usage.as_ref()?), kill),
            limit.usage_bytes,
        ),
        (None, Some(node)) => (of_node(node), node.total_bytes),
        (None, None) => return None,
    };
    (!found.0.is_empty()).then_some(found)
}

/// The rows with those of memory that was freed before it could be read as one. That memory is no kind of
/// its own: it is known whose it was, not what.
fn with_killed(rows: Rows, kill: &OomKill) -> Rows {
    let whose = match kill.incident.kill_kind {
        Some(KillKind::Group) => KILLED,
        _ => VICTIM,
    };
    let is_freed = |name: &str| FREED.contains(&name);
    let freed: u64 = rows
        .iter()
        .filter(|(name, _)| is_freed(name))
        .fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let kinds = rows.into_iter().filter(|(name, _)| !is_freed(name));
    kinds.chain((freed > 0).then_some((whose, freed))).collect()
}

pub(super) fn of_usage(usage: &Usage) -> Rows {
    [
        ("anonymous", usage.anon_bytes),
        ("page cache", usage.page_cache_bytes),
        ("cache, shared", usage.page_cache_and_shmem_bytes),
        ("shared, tmpfs", usage.shmem_bytes),
        ("huge pages", usage.hugetlb_bytes),
        ("slab", usage.slab_bytes),
        ("page tables", usage.page_tables_bytes),
        ("kernel stacks", usage.kernel_stack_bytes),
        ("sockets", usage.sock_bytes),
        ("per-CPU", usage.percpu_bytes),
        ("other kernel", usage.other_kernel_bytes),
        (FREED[0], usage.freed_before_read_bytes),
        (FREED[1], usage.being_freed_bytes),
        ("unattributed", usage.unattributed_bytes),
    ]
    .into_iter()
    // How little page cache was left is part of the answer even when it was none.
    .filter_map(|(name, amount)| {
        amount
            .map(|bytes| (name, bytes.0))
            .filter(|(name, bytes)| *bytes > 0 || *name == "page cache")
    })
    .collect()
}

pub(super) fn of_node(memory: &NodeMemory) -> Rows {
    [
        ("anonymous", memory.anon_bytes),
        ("page cache", memory.file_bytes),
        ("shared, tmpfs", memory.shmem_bytes),
        ("slab", memory.slab_bytes),
        ("page tables", memory.page_tables_bytes),
        ("kernel stacks", memory.kernel_stack_bytes),
        ("per-CPU", memory.per_cpu_bytes),
        ("zswap", memory.zswap_bytes),
        ("huge pages", memory.hugepages_bytes),
        ("free", memory.free_bytes),
        ("unaccounted", memory.unaccounted_bytes),
    ]
    .into_iter()
    .filter_map(|(name, bytes)| Some((name, bytes?.0)))
    .filter(|(_, bytes)| *bytes > 0)
    .collect()
}

/// `anon 99 %`: the largest part by a short name, rounded down.
pub(super) fn largest(rows: &Rows, whole: Option<Bytes>) -> Option<String> {
    let (name, bytes) = rows.iter().max_by_key(|(_, bytes)| *bytes)?;
    let all = all(rows, whole);
    let share = (u128::from(*bytes) * 100).checked_div(u128::from(all))?;
    let name = match *name {
        "anonymous" => "anon",
        "page cache" | "cache, shared" => "cache",
        "shared, tmpfs" => "shmem",
        "huge pages" => "hugetlb",
        "page tables" => "pgtables",
        "kernel stacks" => "stacks",
        "other kernel" => "kernel",
        VICTIM => "victim",
        KILLED => "killed",
        "unattributed" | "unaccounted" => "other",
        other => other,
    };
    Some(format!("{name} {share} %"))
}

fn all(rows: &Rows, whole: Option<Bytes>) -> u64 {
    let sum = rows
        .iter()
        .fold(0_u64, |sum, row| sum.saturating_add(row.1));
    whole.map_or(sum, |whole| whole.0.max(sum))
}

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
