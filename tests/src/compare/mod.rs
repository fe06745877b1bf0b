//! Holds an event against the kernel's own report of the same kill, field by field.

mod candidates;
mod fields;
mod files;
mod limit;
mod no_victim;
mod node;
mod outcome;
mod rest;
mod total;
mod victim;

use std::fmt;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::Serialize;

use self::fields::Check;
pub use self::no_victim::compare_no_victim;
pub use self::outcome::compare_outcome;
use crate::event::Event;
use crate::process::Executed;
use crate::report::KillReport;

/// How near the event's RSS figures have to be to the report's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rss {
    /// Equal: nothing of the victim ran between the two readings.
    Exact,
    /// So many bytes off at most, each: other threads of the victim ran on.
    Within(u64),
}

/// A field that is not what the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field, as a path of keys with dots.
    pub field: String,
    /// What it must be.
    pub kernel: String,
    /// What it is.
    pub event: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: the kernel says {}, the event {}",
            self.field, self.kernel, self.event
        )
    }
}

/// Whether an event may excuse itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// No: each field must be there, but for the few that no kernel's probes give today.
    Strict,
    /// What the event itself states to be missing, for a reason, or to be inexact, up to a bound, is
    /// an [`Outcome`] of its own: what a kernel cannot give is written down, not held against it.
    AsStated,
}

/// How a field compared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No further off than the bound; a bound of zero is equality.
    Agrees {
        /// In the field's unit.
        bound: u64,
    },
    /// Not less, or not more, than the kernel's figure of an earlier or later moment.
    Monotone,
    /// It is among the [`Difference`]s.
    Differs,
    /// Absent, for this reason.
    Missing(String),
    /// The kernel has nothing to compare it with.
    Untold,
}

/// One comparison; a field may be in several.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The field, as a path of keys with dots.
    pub field: String,
    /// How it compared.
    pub outcome: Outcome,
}

/// All that was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs from the kernel's report.
    pub differences: Vec<Difference>,
    /// Every field that was looked at.
    pub compared: Vec<Compared>,
}

/// All differences; none where the event says what the kernel reported.
///
/// # Errors
/// The report is not complete enough to compare with.
pub fn compare(event: &Event, report: &KillReport, rss: Rss) -> Result<Vec<Difference>> {
    Ok(compare_all(event, report, None, rss, Manner::Strict)?.differences)
}

/// [`compare`], with what it looked at; `executed` is what the victim is known to have run.
///
/// # Errors
/// The report is not complete enough to compare with.
pub fn compare_all(
    event: &Event,
    report: &KillReport,
    executed: Option<&Executed>,
    rss: Rss,
    manner: Manner,
) -> Result<Comparison> {
    let dump = report.dump.as_ref().context("a report without its dump")?;
    let mut check = Check::new(event, rss, manner)?;
    check.header("oom_kill", "error");
    check.fresh();
    check.victim(report)?;
    check.executable(executed);
    check.memory(report, rss)?;
    check.incident(dump)?;
    check.chosen();
    check.trigger(dump)?;
    check.limit(dump)?;
    check.usage(dump);
    check.node_memory(dump)?;
    check.hierarchy(dump)?;
    check.candidates(dump, rss);
    check.cgroup_files()?;
    check.rest(dump, report.at_us);
    check.untold();
    Ok(check.done("oom_kill"))
}

/// Which fields differ.
#[cfg(test)]
fn fields_of(differences: Vec<Difference>) -> Vec<String> {
    let fields = differences.into_iter().map(|difference| difference.field);
    fields.collect()
}

#[cfg(test)]
mod no_victim_tests;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod tests;
