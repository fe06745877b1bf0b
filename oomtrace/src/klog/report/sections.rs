//! Lines that begin a section of a report: a cgroup's counters and statistics, the table of tasks.

use super::draft::{Draft, Part, STATS_MAX};
use super::stream::{At, Stream};
use crate::klog::grammar::{memcg, summary, table};

impl Stream {
    pub(super) fn cgroup_lines(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if let Some(task_in) = summary::task_in(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.task_in.is_some() || draft.decision.is_some(),
                at,
            );
            draft.task_in = Some(task_in);
            draft.part = Part::Other;
            return true;
        }
        if let Some((which, counter)) = memcg::counter(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.counters.clone().slot(which).is_some(),
                at,
            );
            *draft.counters.slot(which) = Some(counter);
            draft.part = Part::Other;
            return true;
        }
        if let Some(stats) = memcg::stats(text) {
            let draft = self.open_unless(Draft::is_concluded, at);
            draft.part = if stats.inline {
                Part::Other
            } else {
                Part::Stats
            };
            if draft.stats.len() < STATS_MAX {
                draft.stats.push(stats);
            }
            return true;
        }
        if text.starts_with(b"Tasks state (memory values in pages)") {
            let draft = self.open_unless(|draft| draft.is_concluded() || draft.rows_total > 0, at);
            draft.table = true;
            draft.part = Part::Other;
            return true;
        }
        false
    }

    pub(super) fn table_lines(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if let Some(columns) = table::header(text) {
            let draft = self.open_unless(|draft| draft.is_concluded() || draft.rows_total > 0, at);
            draft.table = true;
            draft.columns = columns;
            draft.part = Part::Other;
            return true;
        }
        if !table::is_row(text) {
            return false;
        }
        let table::Parsed::Whole(row) = table::row(text, self.columns()) else {
            return false;
        };
        let draft = self.open_unless(|draft| draft.is_concluded() || draft.summary.is_some(), at);
        draft.push_row(*row);
        draft.part = Part::Other;
        true
    }
}
