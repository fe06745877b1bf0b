//! What became of a victim, against what the kernel's reaper prints of it.

use anyhow::{Context as _, Result};

use super::fields::Check;
use super::{Comparison, Manner, Rss};
use crate::event::Event;
use crate::report::{KillReport, Reaped};

/// Pages that a task may still be given that was killed in the middle of asking.
const STILL_GIVEN_PAGES: u64 = 64;
/// Between a line of the log and the tracepoint beside it, in an emulated machine.
const BESIDE_US: u64 = 500_000;
/// From the mark to the record of the kill, likewise.
const RECORDED_US: u64 = 50_000;
/// Who is there for so much longer than the reaper was at work did not give memory back meanwhile.
const HELD_US: u64 = 5_000_000;

/// An `oom_outcome` of a victim that the reaper has dealt with: `kill` and `report` are of its kill.
///
/// # Errors
/// The kill's event lacks what this is measured by.
pub fn compare_outcome(
    outcome: &Event,
    kill: &Event,
    report: &KillReport,
    reaped: &Reaped,
    manner: Manner,
) -> Result<Comparison> {
    let mut check = Check::new(outcome, Rss::Exact, manner)?;
    let alive = outcome.text("state") == Some("still_alive");
    check.header("oom_outcome", if alive { "warn" } else { "info" });
    let pid = kill.i64("victim.pid").context("no victim.pid")?;
    check.number("pid", pid);
    check.bytes("comm", &reaped.comm);
    let incident = kill.text("incident.id").context("no incident.id")?;
    check.text("incident.id", incident);
    if alive {
        check.cannot_tell("alive_after_us");
    } else {
        check.number("exit_signal", 9);
        check.cannot_tell("exit_latency_us");
    }
    check.text("reaper.state", "finished");
    let finished = reaped.at_us.saturating_sub(report.at_us);
    check.near("reaper.finished_after_us", finished, BESIDE_US);
    let told = outcome.u64("reaper.finished_after_us").unwrap_or_default();
    check.at_most("reaper.started_after_us", told);
    let threads = kill.u64("victim.threads").unwrap_or(1);
    let off = check.batch.max(threads * 64 * check.page_size);
    let there_us = ["alive_after_us", "exit_latency_us"].map(|field| outcome.u64(field));
    let there_us = there_us.into_iter().flatten().max().unwrap_or_default();
    // Both are of one clock; the kill's own time is of its record, a little later than the mark's.
    let marked = kill.u64("since_boot_us").context("no since_boot_us")?;
    check.near("since_boot_us", marked + there_us, RECORDED_US);
    let taken = Taken {
        held: there_us > told + HELD_US,
        off,
    };
    let mut left = 0;
    for (field, kib) in [
        ("reaper.left_anon_bytes", reaped.anon_rss_kib),
        ("reaper.left_file_bytes", reaped.file_rss_kib),
        ("reaper.left_shmem_bytes", reaped.shmem_rss_kib),
    ] {
        left += outcome.u64(field).unwrap_or_default();
        check.taken(field, kib << 10, &taken);
    }
    let killed = &report.killed;
    let had = (killed.anon_rss_kib + killed.file_rss_kib + killed.shmem_rss_kib) << 10;
    let more = STILL_GIVEN_PAGES * check.page_size;
    let taken = Taken {
        off: off * 3 + more,
        ..taken
    };
    check.taken("reaper.freed_bytes", had.saturating_sub(left), &taken);
    check.untold();
    Ok(check.done("oom_outcome"))
}

/// How exact the reaper's figures can be.
struct Taken {
    /// Nothing but the reaper took memory away; else the victim itself does so too as it exits.
    held: bool,
    /// How far off they may be all the same.
    off: u64,
}

impl Check<'_> {
    fn taken(&mut self, field: &str, kernel: u64, taken: &Taken) {
        let Some(value) = self.event.u64(field) else {
            return self.absent(field, kernel);
        };
        let off = value.abs_diff(kernel);
        if off <= taken.off {
            self.agree(field, off);
        } else if value < kernel && !taken.held {
            self.monotone(field);
        } else {
            self.differ(field, format!("{kernel} ± {}", taken.off), value);
        }
    }
}
