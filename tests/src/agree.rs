//! An event agrees with the kernel, and that it does is written down.

use anyhow::{Result, ensure};

use crate::compare::{self, Comparison, Manner};
use crate::event::Event;
use crate::kmsg::Entry;
use crate::ledger::{self, Ledger};
use crate::report::{self, Reaped};
use crate::tracer::Said;

/// An event that is so much later than a line of the log knows of what that line says.
const JUST_THEN_US: u64 = 500_000;

/// Where a table is made of what each kernel can give, what an event states to be missing is written
/// down; else nothing is excused.
pub(crate) fn manner() -> Manner {
    match Ledger::asked_for() {
        Some(_) => Manner::AsStated,
        None => Manner::Strict,
    }
}

/// Writes down how the event compared; an error where it differs.
pub(crate) fn agreed(event: &Event, lines: &[String], compared: &Comparison) -> Result<()> {
    if let Some(ledger) = Ledger::asked_for() {
        ledger.add(event, lines, compared)?;
    }
    let list: String = compared
        .differences
        .iter()
        .map(|difference| format!("  {difference}\n"))
        .collect();
    ensure!(
        list.is_empty(),
        "the event is not what the kernel reports:\n{list}{}",
        event.value
    );
    Ok(())
}

/// What was reported of the ends of those that the kernel's reaper has dealt with, against its lines.
///
/// # Errors
/// They differ, and how.
pub(crate) fn outcomes(said: &Said, log: &[Entry]) -> Result<()> {
    let reports = report::parse(log);
    for reaped in report::reaped(log) {
        let mut kills = said.events.iter();
        let kill = kills.find(|event| event.is_kill_of(reaped.tid));
        let report = reports
            .iter()
            .rev()
            .find(|report| report.killed.tid == reaped.tid && report.at_us <= reaped.at_us);
        // Of others' kills on this host, other checks know.
        let Some((kill, report)) = kill.zip(report) else {
            continue;
        };
        let incident = kill.text("incident.id");
        // An event of an earlier moment says nothing of the reaper.
        let done_us = reaped.at_us - report.at_us + JUST_THEN_US;
        let ends = said.events.iter().filter(|event| {
            event.kind() == "oom_outcome"
                && event.u64("pid") == kill.u64("victim.pid")
                && event.text("incident.id") == incident
                && (event.at("reaper.finished_after_us").is_some()
                    || ["exit_latency_us", "alive_after_us"]
                        .iter()
                        .any(|field| event.u64(field) > Some(done_us)))
        });
        for end in ends {
            let compared = compare::compare_outcome(end, kill, report, &reaped, manner())?;
            let is_last = |entry: &Entry| Reaped::parse(&entry.text, 0).is_some();
            agreed(end, &ledger::lines(log, reaped.at_us, is_last), &compared)?;
        }
    }
    Ok(())
}
