//! Every comparison of a run, written down for whoever makes a table of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::compare::{Comparison, Outcome};
use crate::event::Event;
use crate::kmsg::Entry;

/// Names the file.
const VARIABLE: &str = "OOMTRACE_LEDGER";

/// A file of one JSON object a line: an event that was compared, or a share.
#[derive(Debug)]
pub struct Ledger(OsString);

impl Ledger {
    /// The one that the environment names. Where there is one, its reader judges what is missing.
    #[must_use]
    pub fn asked_for() -> Option<Self> {
        std::env::var_os(VARIABLE).map(Self)
    }

    /// Adds an event: the kernel's lines of it, and how each field compared.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, event: &Event, lines: &[String], comparison: &Comparison) -> Result<()> {
        let line = json!({
            "event": event.value,
            "report": lines,
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

/// The kernel's lines from a moment of its log's clock to the first one that is the last.
#[must_use]
pub fn lines(log: &[Entry], from_us: u64, is_last: impl Fn(&Entry) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in log.iter().filter(|entry| entry.at_us >= from_us) {
        lines.push(entry.text.escape_ascii().to_string());
        if is_last(entry) {
            break;
        }
    }
    lines
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
