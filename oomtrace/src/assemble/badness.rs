//! `oom_badness()` from the figures that go into it.

use crate::decode::KillRss;
use crate::model::{Bytes, JSON_INTEGER_MAX, PageSize, Pages};

/// `OOM_SCORE_ADJ_MIN`: the kernel never chooses such a task and gives it no badness.
pub(super) const PROTECTED: i32 = -1_000;

/// What a task would give back if it were killed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) rss: Option<KillRss>,
    pub(super) swap: Option<Pages>,
    pub(super) pgtables: Option<Bytes>,
}

impl Figures {
    /// The badness before its adjustment, pages; nothing unless all of it is known.
    pub(super) fn pages(&self, page_size: PageSize) -> Option<i64> {
        let (rss, swap) = (self.rss?, self.swap?);
        let page_tables = self.pgtables?.0.checked_div(page_size.0)?;
        [rss.anon.0, rss.file.0, rss.shmem.0, swap.0, page_tables]
            .into_iter()
            .try_fold(0_i64, |sum, pages| {
                sum.checked_add(i64::try_from(pages).ok()?)
            })
    }

    /// The badness. An adjustment of 0 needs no `totalpages`.
    pub(super) fn badness(
        &self,
        adj: i32,
        totalpages: Option<Pages>,
        page_size: PageSize,
    ) -> Option<i64> {
        let adjustment = match adj {
            0 => 0,
            // In the kernel's own order: the division comes first.
            adj => i64::try_from(totalpages?.0 / 1_000)
                .ok()?
                .checked_mul(i64::from(adj))?,
        };
        self.pages(page_size)?
            .checked_add(adjustment)
            .filter(|points| points.unsigned_abs() <= JSON_INTEGER_MAX)
    }
}
