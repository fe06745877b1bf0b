//! Who else was considered, and how badly each did.

use super::Rss;
use super::fields::Check;
use crate::report::{Dump, TaskRow};

/// What a task that is neither victim nor trigger may take or give back between being scored and
/// being printed: it runs on, on another processor.
const RUNS_ON_BYTES: u64 = 2 << 20;

impl Check<'_> {
    /// The list is the kernel's table of tasks, which it prints just after it has scored them.
    pub(super) fn candidates(&mut self, dump: &Dump, rss: Rss) {
        if let Some(row) = self.row_of_victim(dump) {
            self.badness("victim.badness_pages", &row, bound(rss, true));
        }
        if self.event.text("candidates_basis") == Some("survivors") {
            return self.survivors(dump);
        }
        if self.event.at("candidates_total").is_some() {
            self.amount("candidates_total", dump.tasks.len() as u64);
        }
        let off = "candidates_rss_error_max_bytes";
        if let Some(own) = self.event.u64(off) {
            // No event may give itself more room than the kernel's counters can be off.
            self.amount(off, own.min(self.most_off()));
        }
        if self.event.at("candidates").is_none() {
            if !self.trimmed("candidates") {
                self.absent("candidates", format!("{} tasks", dump.tasks.len()));
            }
            return;
        }
        for index in 0..self.event.list("candidates").len() {
            let base = format!("candidates.{index}");
            let pid = self.event.u64(&format!("{base}.pid"));
            let row = dump
                .tasks
                .iter()
                .find(|row| Some(u64::from(row.tgid)) == pid);
            match row {
                Some(row) => {
                    self.agree(&format!("{base}.pid"), 0);
                    self.bytes(&format!("{base}.comm"), &row.name);
                    self.number(&format!("{base}.uid"), row.uid);
                    self.number(&format!("{base}.oom_score_adj"), row.oom_score_adj);
                    let quiet =
                        pid == self.event.u64("victim.pid") || pid == self.event.u64("trigger.pid");
                    self.scored(&base, row, bound(rss, quiet));
                }
                None => self.differ(&base, "no such task in its table", self.show(&base)),
            }
        }
    }

    /// Those that lived on, read after the kill: each stands in the kernel's table, the victim does
    /// not stand here, and none is left out. What they hold has changed since.
    fn survivors(&mut self, dump: &Dump) {
        self.cannot_tell("candidates_delay_us");
        let victim = self.event.u64("victim.pid");
        let listed = self.event.list("candidates").len();
        if let Some(total) = self.event.u64("candidates_total") {
            // Others may have been killed, or have come, since.
            let most = dump.tasks.len() as u64;
            if total >= most || (total as usize) < listed {
                let wanted = format!("from {listed} to less than {most}");
                self.differ("candidates_total", wanted, total);
            } else {
                self.monotone("candidates_total");
            }
        }
        for index in 0..listed {
            let base = format!("candidates.{index}");
            let field = |name: &str| format!("{base}.{name}");
            let pid = self.event.u64(&field("pid"));
            let row = dump
                .tasks
                .iter()
                .find(|row| Some(u64::from(row.tgid)) == pid && pid != victim);
            let Some(row) = row else {
                self.differ(&base, "no such task in its table", self.show(&base));
                continue;
            };
            self.agree(&field("pid"), 0);
            self.bytes(&field("comm"), &row.name);
            self.number(&field("uid"), row.uid);
            self.number(&field("oom_score_adj"), row.oom_score_adj);
            for name in ["rss_bytes", "swap_bytes", "pgtables_bytes"] {
                self.cannot_tell(&field(name));
            }
        }
    }

    fn row_of_victim(&self, dump: &Dump) -> Option<TaskRow> {
        let pid = self.event.u64("victim.pid")?;
        let mut rows = dump.tasks.iter();
        rows.find(|row| u64::from(row.tgid) == pid).cloned()
    }

    fn scored(&mut self, base: &str, row: &TaskRow, bound: u64) {
        let page = self.page_size;
        let each = self.stated_of_candidates();
        let stated = each * 3;
        let field = |name: &str| format!("{base}.{name}");
        self.near_as_stated(&field("rss_pages"), row.rss, bound / page, stated / page);
        self.near_as_stated(&field("rss_bytes"), row.rss * page, bound, stated);
        self.near_as_stated(&field("swap_bytes"), row.swapents * page, bound, each);
        self.near(&field("pgtables_bytes"), row.pgtables_bytes, bound);
        self.badness(&field("badness_pages"), row, bound);
    }

    /// `oom_badness()`: what killing it frees, in pages, and its adjustment in thousandths of all
    /// that there is. A protected task has none.
    fn badness(&mut self, field: &str, row: &TaskRow, bound: u64) {
        if row.oom_score_adj == -1000 {
            if self.event.at(field).is_some() {
                self.differ(field, "nothing: it is protected", self.show(field));
            }
            return;
        }
        if self.event.at(field).is_none() {
            return self.absent(field, "a badness");
        }
        // Where no hook tells how much there is, only who is not adjusted can be worked out.
        let total = match (self.event.u64("incident.total_pages"), row.oom_score_adj) {
            (Some(total), _) => total,
            (None, 0) => 0,
            (None, _) => return self.cannot_tell(field),
        };
        let page = self.page_size;
        let held = row.rss + row.swapents + row.pgtables_bytes / page;
        let points = i64::try_from(total / 1000).unwrap_or(i64::MAX) * i64::from(row.oom_score_adj)
            + i64::try_from(held).unwrap_or(i64::MAX);
        let off = self.event.i64(field).map(|value| value.abs_diff(points));
        let (bound, stated) = (
            bound / page,
            bound / page + self.stated_of_candidates() * 4 / page,
        );
        match off {
            Some(off) if off <= bound => self.agree(field, bound),
            Some(off) if off <= stated => self.agree(field, off),
            _ => self.differ(field, points, self.show(field)),
        }
    }
}

fn bound(rss: Rss, quiet: bool) -> u64 {
    match rss {
        Rss::Within(bytes) => bytes * 3,
        Rss::Exact if quiet => 0,
        Rss::Exact => RUNS_ON_BYTES,
    }
}
