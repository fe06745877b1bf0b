//! Every comparison of a run, written down for whoever makes a table of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::compare::{Comparison, Outcome};
use crate::event::Event;
use crate::kmsg::Entry;
use crate::report::KillReport;

/// Names the file.
const VARIABLE: &str = "OOMTRACE_LEDGER";

/// A file of one JSON object a line: a kill that was compared, or a share.
#[derive(Debug)]
pub struct Ledger(OsString);

impl Ledger {
    /// The one that the environment names. Where there is one, its reader judges what is missing.
    #[must_use]
    pub fn asked_for() -> Option<Self> {
        std::env::var_os(VARIABLE).map(Self)
    }

    /// Adds a kill: the event, the kernel's lines, and how each field compared.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(
        &self,
        event: &Event,
        report: &KillReport,
        comparison: &Comparison,
        log: &[Entry],
    ) -> Result<()> {
        let line = json!({
            "event": event.value,
            "report": lines(report, log),
            "differences": comparison.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "compared": compared(comparison),
        });
        self.write(&line)
    }

    /// Adds of how many kills something could be had.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn share(&self, what: &str, with: usize, of: usize) -> Result<()> {
        self.write(&json!({"share": {"frame": "share", "what": what, "with": with, "of": of}}))
    }

    fn write(&self, line: &Value) -> Result<()> {
        File::options()
            .create(true)
            .append(true)
            .open(&self.0)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .with_context(|| format!("cannot write {}", self.0.display()))
    }
}

/// The kernel's lines from the beginning of the report to the kill.
fn lines(report: &KillReport, log: &[Entry]) -> Vec<String> {
    let begun = report.dump.as_ref().map_or(report.at_us, |dump| dump.at_us);
    log.iter()
        .filter(|entry| entry.at_us >= begun && entry.sequence <= report.sequence)
        .map(|entry| entry.text.escape_ascii().to_string())
        .collect()
}

fn compared(comparison: &Comparison) -> Vec<Value> {
    comparison
        .compared
        .iter()
        .map(|compared| match &compared.outcome {
            Outcome::Agrees { bound } => json!({"field": compared.field, "bound": bound}),
            Outcome::Monotone => json!({"field": compared.field, "monotone": true}),
            Outcome::Differs => json!({"field": compared.field, "differs": true}),
            Outcome::Untold => json!({"field": compared.field, "untold": true}),
            Outcome::Missing(reason) => json!({"field": compared.field, "missing": reason}),
        })
        .collect()
}
