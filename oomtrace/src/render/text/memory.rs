//! What the victim's address space held.

use super::look::Look;
use crate::model::{Bytes, OomKill};
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::{exact, grouped, percent};

/// Columns of the names in tables of sizes.
pub(super) const NAME_COLUMNS: usize = 14;

pub(super) fn render(page: &mut Page, look: &Look, kill: &OomKill) {
    let Some(memory) = &kill.victim.memory else {
        return;
    };
    page.label("memory");
    let figures = look.figures;
    let page_size = kill.header.kernel.page_size_bytes.map(|size| size.0);
    let bytes = memory.rss_bytes.map(|bytes| bytes.0);
    let error = match memory.rss_error_max_bytes {
        Some(Bytes(error)) if error > 0 => {
            format!(" {} {}", look.plus_minus(), figures.size(error))
        }
        _ => String::new(),
    };
    let total = match (memory.rss_pages, page_size, bytes) {
        (_, _, Some(0)) => Some(format!("nothing resident{error}")),
        (Some(pages), Some(size), Some(bytes)) => {
            // The kernel's own report shows this page count; people read it as kilobytes.
            let amount = if figures.exact {
                exact(bytes)
            } else {
                format!("{} ({})", figures.size(bytes), exact(bytes))
            };
            Some(format!(
                "{} pages {} {} = {amount}{error} resident",
                grouped(pages.0),
                look.times(),
                figures.size(size),
            ))
        }
        (_, _, Some(bytes)) if figures.exact => Some(format!("{}{error} resident", exact(bytes))),
        (_, _, Some(bytes)) => Some(format!(
            "{} ({}){error} resident",
            figures.size(bytes),
            exact(bytes)
        )),
        (Some(pages), _, None) => Some(format!(
            "{} pages resident (page size not known)",
            grouped(pages.0)
        )),
        _ => None,
    };
    if let Some(total) = total {
        page.prose(Role::Plain, &total, 2);
    }
    let parts: Vec<(&str, u64)> = [
        ("anonymous", memory.anon_bytes),
        ("file", memory.file_bytes),
        ("shared", memory.shmem_bytes),
    ]
    .into_iter()
    .filter_map(|(name, part)| Some((name, part?.0)))
    .filter(|(_, part)| *part > 0)
    .collect();
    let amounts: Vec<u64> = parts.iter().map(|(_, part)| *part).collect();
    for ((name, part), amount) in parts.iter().zip(figures.column(&amounts)) {
        let share = bytes
            .and_then(|all| percent(*part, all))
            .unwrap_or_default();
        page.line(format!("{name:<NAME_COLUMNS$}{amount}  {share:>7}").trim_end());
    }
    beside(page, look, kill);
}

/// `swap, file pages or shared memory`.
fn listed(names: &[&str]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        names => names.concat(),
    }
}

/// What is not part of the resident memory, and what there was nothing of.
fn beside(page: &mut Page, look: &Look, kill: &OomKill) {
    let Some(memory) = &kill.victim.memory else {
        return;
    };
    let figures = look.figures;
    let mut plus = Vec::new();
    let mut none = Vec::new();
    let mut sort = |amount: Option<Bytes>, some: &str, nothing: &'static str| match amount {
        Some(Bytes(0)) => none.push(nothing),
        Some(Bytes(bytes)) => plus.push(format!("{} {some}", figures.size(bytes))),
        None => {}
    };
    sort(memory.pgtables_bytes, "of page tables", "page tables");
    sort(memory.swap_bytes, "swapped out", "swap");
    let parts = [
        (memory.anon_bytes, "anonymous memory"),
        (memory.file_bytes, "file pages"),
        (memory.shmem_bytes, "shared memory"),
    ];
    // Where nothing is resident, that has been said.
    let any = memory.rss_bytes != Some(Bytes(0));
    for (amount, nothing) in parts {
        if any && amount == Some(Bytes(0)) {
            none.push(nothing);
        }
    }
    let mut sentence = Vec::new();
    if !plus.is_empty() {
        sentence.push(format!("plus {}", plus.join(", ")));
    }
    if !none.is_empty() {
        sentence.push(format!("nothing in {}", listed(&none)));
    }
    if let Some(Bytes(mapped)) = memory.virtual_bytes
        && look.verbose
    {
        sentence.push(format!("{} mapped", figures.size(mapped)));
    }
    if !sentence.is_empty() {
        page.prose(Role::Plain, &sentence.join("; "), 0);
    }
}
