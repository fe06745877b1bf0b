//! The table of tasks as candidates.

use super::draft::Draft;
use super::values::named;
use crate::klog::grammar::table;
use crate::model::{Candidate, NamedValue, PageSize, Pages, Text, Unit};

/// The tasks, largest first.
pub(super) fn candidates(draft: &Draft, page_size: Option<PageSize>) -> Vec<Candidate> {
    let mut rows: Vec<_> = draft.rows.iter().collect();
    rows.sort_by_key(|row| {
        let held = row.rss.unwrap_or_default();
        std::cmp::Reverse(held.saturating_add(row.swap.unwrap_or_default()))
    });
    rows.into_iter()
        .map(|row| {
            let mut candidate = candidate(row, page_size.map(|size| size.0));
            // The row of a name with a newline in it shows its beginning.
            let whole = draft
                .deaths
                .iter()
                .map(|death| &death.killed)
                .find(|killed| {
                    let more = killed.comm.strip_prefix(row.name.as_slice());
                    killed.pid == row.tid && more.is_some_and(|more| more.starts_with(b"\n"))
                });
            if let Some(killed) = whole {
                (candidate.comm, candidate.comm_hex) = named(&killed.comm);
            }
            candidate
        })
        .collect()
}

/// The row as the schema shows it.
fn candidate(row: &table::Row, page_bytes: Option<u64>) -> Candidate {
    let name = Text::from_bytes(&row.name);
    let bytes = |pages: Option<u64>| {
        pages
            .zip(page_bytes)
            .and_then(|(pages, size)| super::values::bytes(pages.checked_mul(size)))
    };
    let pages = |pages: Option<u64>| {
        pages
            .filter(|pages| *pages <= crate::model::JSON_INTEGER_MAX)
            .map(Pages)
    };
    let [anon, file, shmem] = row.rss_parts;
    Candidate {
        pid: row.tgid,
        tid: Some(row.tid),
        comm: Some(name.lossy),
        comm_hex: name.hex,
        uid: row.uid,
        rss_bytes: bytes(row.rss),
        rss_pages: pages(row.rss),
        swap_bytes: bytes(row.swap),
        pgtables_bytes: super::values::bytes(row.pgtables_bytes),
        virtual_pages: pages(row.total_vm),
        anon_pages: pages(anon),
        file_pages: pages(file),
        shmem_pages: pages(shmem),
        swap_pages: pages(row.swap),
        nr_ptes: row.nr_ptes,
        nr_pmds: row.nr_pmds,
        cpu: row.cpu,
        oom_adj: row.oom_adj,
        other_columns: row
            .others
            .iter()
            .filter(|(_, value)| *value <= crate::model::JSON_INTEGER_MAX)
            .map(|(name, value)| NamedValue {
                name: name.clone(),
                value: *value,
                unit: Unit::Count,
            })
            .collect(),
        badness_pages: None,
        oom_score_adj: row.oom_score_adj,
    }
}
