//! What the kernel's reaper has done with a victim.

use super::context::micros;
use super::missing::possible;
use crate::decode::{KillRss, Reaping, ReapingStep};
use crate::model::{JSON_INTEGER_MAX, PageSize, Pages, Reaper, ReaperState};

/// What the reaper has done with one victim so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Reaped {
    /// Of its first attempt.
    first: Option<Reaping>,
    /// Of its last one.
    last: Option<Reaping>,
    /// What it last left.
    left: Option<KillRss>,
}

impl Reaped {
    /// Takes a step in; they come in their order.
    pub(super) fn take(&mut self, step: Reaping) {
        self.first.get_or_insert(step);
        self.last = Some(step);
        if step.step == ReapingStep::Finished {
            self.left = step.rss.or(self.left);
        }
    }

    pub(super) fn shown(&self, page_size: PageSize) -> Option<Reaper> {
        let (first, last) = (self.first?, self.last?);
        let after = |step: Reaping| {
            let us = step
                .meta
                .boot_ns
                .checked_sub(step.marked_boot_ns)
                .map(micros);
            us.filter(|us| *us <= JSON_INTEGER_MAX)
        };
        let bytes = |pages: Pages| Some(pages.bytes(page_size)).filter(possible);
        let all = |rss: KillRss| {
            let sum = rss.anon.0.saturating_add(rss.file.0);
            sum.saturating_add(rss.shmem.0)
        };
        let freed = first
            .rss
            .zip(self.left)
            .map(|(had, left)| Pages(all(had).saturating_sub(all(left))));
        Some(Reaper {
            state: match last.step {
                ReapingStep::Started => ReaperState::Started,
                ReapingStep::Finished => ReaperState::Finished,
                ReapingStep::Skipped => ReaperState::Skipped,
            },
            started_after_us: after(first),
            finished_after_us: Some(last)
                .filter(|last| last.step != ReapingStep::Started)
                .and_then(after),
            freed_bytes: freed.and_then(bytes),
            left_anon_bytes: self.left.and_then(|left| bytes(left.anon)),
            left_file_bytes: self.left.and_then(|left| bytes(left.file)),
            left_shmem_bytes: self.left.and_then(|left| bytes(left.shmem)),
        })
    }
}
