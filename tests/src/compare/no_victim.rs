//! An invocation that found nobody to kill, against what the kernel prints of it.

use anyhow::{Context as _, Result};

use super::fields::Check;
use super::{Comparison, Manner, Rss};
use crate::event::Event;
use crate::report::Dump;

/// The first `oom_no_victim` of a cgroup, with the first such report; before anything there changes.
///
/// # Errors
/// The report is not complete enough to compare with.
pub fn compare_no_victim(event: &Event, dump: &Dump, manner: Manner) -> Result<Comparison> {
    let mut check = Check::new(event, Rss::Exact, manner)?;
    check.header("oom_no_victim", "warn");
    check.fresh();
    check.incident(dump)?;
    check.trigger(dump)?;
    let path = dump.limit_path().context("a report of no cgroup")?;
    check.bytes("trigger.cgroup_path", path);
    check.limit(dump)?;
    check.usage(dump);
    check.candidates(dump, Rss::Exact);
    check.listed(dump);
    check.cgroup_files()?;
    check.rest(dump, dump.at_us);
    check.amount("repeats_total", 0);
    if event.at("reason").is_some() {
        check.differ(
            "reason",
            "nothing: it is of the log alone",
            check.show("reason"),
        );
    }
    check.untold();
    Ok(check.done("oom_no_victim"))
}

impl Check<'_> {
    /// Where few were looked at, each of them is shown.
    fn listed(&mut self, dump: &Dump) {
        const SHOWN_MAX: usize = 20;
        let (shown, all) = (self.event.list("candidates").len(), dump.tasks.len());
        if shown != all.min(SHOWN_MAX) {
            self.differ("candidates", format!("{all} tasks"), shown);
        }
    }
}
