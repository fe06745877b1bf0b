//! Every comparison of a run, written down for whoever makes a table of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result};

use crate::compare::Comparison;
use crate::event::Event;
use crate::frames::{Frame, Kill, Share};
use crate::kmsg::Entry;

/// Names the file.
const VARIABLE: &str = "OOMTRACE_LEDGER";

/// A file of frames: events that were compared, and shares.
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
        self.write(&Frame::Kill(Kill {
            event: event.value.clone(),
            report: lines.to_vec(),
            differences: comparison
                .differences
                .iter()
                .map(ToString::to_string)
                .collect(),
            compared: comparison.compared.clone(),
        }))
    }

    /// Adds of how many kills something could be had.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn share(&self, what: &str, with: usize, of: usize) -> Result<()> {
        self.write(&Frame::Share(Share {
            what: what.to_owned(),
            with: u64::try_from(with)?,
            of: u64::try_from(of)?,
        }))
    }

    fn write(&self, frame: &Frame) -> Result<()> {
        let line = serde_json::to_string(frame)?;
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
