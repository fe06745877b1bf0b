//! The page size, from the report's own arithmetic. It is never assumed: the table counts pages
//! and the kill line kilobytes, and both describe the same process.

use super::draft::Draft;
use crate::klog::grammar::mem_info::{sum_bytes, total_pages};
use crate::klog::grammar::table::Row;
use crate::model::{MemInfo, PageSize};

/// Page sizes that kernels have: 4 KiB to 256 KiB.
const SHIFTS: std::ops::RangeInclusive<u32> = 12..=18;

/// The page size, and how it was found.
pub(super) fn find(draft: &Draft) -> Option<(PageSize, &'static str)> {
    let of_tasks = draft.deaths.iter().find_map(|death| {
        let row = victim_row(&draft.rows, death.killed.pid)?;
        let killed = &death.killed;
        let rss = killed.anon.and_then(|anon| {
            let file = anon.checked_add(killed.file?)?;
            file.checked_add(killed.shmem.unwrap_or_default())
        });
        let by_rss = match_pages(row.rss, rss).map(|size| (size, "task_rss"));
        by_rss.or_else(|| {
            match_pages(row.total_vm, killed.total_vm).map(|size| (size, "task_total_vm"))
        })
    });
    let by_mem_info = || {
        let size = by_mem_info(draft.mem_info.as_ref()?)?;
        Some((size, "mem_info"))
    };
    of_tasks
        .or_else(by_mem_info)
        .or_else(|| Some((by_tasks(draft)?, "tasks_rss")))
}

/// Page sizes of today's machines: each is four times the one before.
const USUAL: [u64; 3] = [4 << 10, 16 << 10, 64 << 10];

/// Where the anonymous memory charged to a cgroup is nearly all that its tasks have resident, only
/// one of the usual page sizes brings both together. The table of a cgroup's OOM lists all of its
/// tasks.
fn by_tasks(draft: &Draft) -> Option<PageSize> {
    if draft.rows.is_empty() || u64::from(draft.rows_total) > draft.rows.len() as u64 {
        return None;
    }
    let rows = draft.rows.iter();
    let pages = rows
        .map(|row| row.rss)
        .try_fold(0_u64, |sum, rss| sum.checked_add(rss?))?;
    let stats = draft.stats.first()?;
    let names = ["total_rss", "anon", "rss"];
    let named = |name: &str| stats.values.iter().find(|figure| figure.name == name);
    let anon = names.into_iter().find_map(named)?.value;
    USUAL
        .into_iter()
        .find(|size| {
            pages.checked_mul(*size).is_some_and(|resident| {
                pages >= TASKS_PAGES_MIN && resident.abs_diff(anon) <= anon / 8
            })
        })
        .map(PageSize)
}

/// Fewer pages of all tasks together than this prove nothing: what they map of files may be most.
const TASKS_PAGES_MIN: u64 = 4096;

/// The row of the table for the process of a kill line.
pub(super) fn victim_row(rows: &[Row], pid: u32) -> Option<&Row> {
    rows.iter().find(|row| row.tid == pid)
}

/// The table is printed a little earlier than the kill line, so the two may differ by a little:
/// one part in 64. Page sizes differ by a factor of two.
fn match_pages(pages: Option<u64>, bytes: Option<u64>) -> Option<PageSize> {
    let (pages, bytes) = (pages?, bytes?);
    if pages == 0 || bytes == 0 {
        return None;
    }
    SHIFTS
        .map(|shift| 1_u64 << shift)
        .find(|size| {
            pages
                .checked_mul(*size)
                .is_some_and(|product| product.abs_diff(bytes) <= bytes / 64)
        })
        .map(PageSize)
}

/// Fewer pages than this prove nothing.
const PAGES_MIN: u64 = 64;

/// The first block counts pages, the lines of nodes kilobytes. All figures that are large enough
/// must agree.
fn by_mem_info(info: &MemInfo) -> Option<PageSize> {
    let names = [
        "active_anon",
        "inactive_anon",
        "active_file",
        "inactive_file",
        "unevictable",
        "mapped",
        "shmem",
    ];
    let mut found: Option<PageSize> = None;
    for name in names {
        let pages = total_pages(info, name).filter(|pages| *pages >= PAGES_MIN);
        let Some((pages, bytes)) = pages.zip(sum_bytes(info, name)) else {
            continue;
        };
        if bytes == 0 {
            continue;
        }
        let size = match_pages(Some(pages), Some(bytes))?;
        if found.is_some_and(|other| other != size) {
            return None;
        }
        found = Some(size);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_against_bytes() {
        assert_eq!(
            match_pages(Some(64_577), Some(258_308 << 10)),
            Some(PageSize(4096))
        );
        assert_eq!(
            match_pages(Some(571), Some(36_544 << 10)),
            Some(PageSize(65_536))
        );
        assert_eq!(
            match_pages(Some(3287), Some(13_132 << 10)),
            Some(PageSize(4096)),
            "a race"
        );
        assert_eq!(match_pages(Some(0), Some(0)), None);
        assert_eq!(match_pages(Some(3), Some(1000)), None, "no page size fits");
        assert_eq!(match_pages(Some(u64::MAX), Some(u64::MAX)), None);
    }
}
