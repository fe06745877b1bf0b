//! What can go wrong between the object and the kernel.

use std::error::Error as _;

/// Loading, attaching or reading the probe failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel refused the object's maps or the object does not fit this loader.
    #[error("loading the BPF object: {0}")]
    Object(String),
    /// The kernel refused a program.
    #[error("loading BPF program {name}: {why}")]
    Program {
        /// The program.
        name: &'static str,
        /// Why, without the verifier's log.
        why: String,
        /// What the verifier said, for `-v`.
        verifier_log: String,
    },
    /// The kernel refused to attach a program.
    #[error("attaching {name}: {why}")]
    Attach {
        /// The program.
        name: &'static str,
        /// Why.
        why: String,
    },
    /// A map of the object could not be used.
    #[error("BPF map {name}: {why}")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        why: String,
    },
}

impl LoadError {
    /// Whether more privileges would help.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        let text = self.to_string();
        text.contains("Operation not permitted") || text.contains("Permission denied")
    }
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own words.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Splits what the verifier said from a program's error.
pub(super) fn program(name: &'static str, error: &aya::programs::ProgramError) -> LoadError {
    match error {
        aya::programs::ProgramError::LoadError {
            io_error,
            verifier_log,
        } => LoadError::Program {
            name,
            why: io_error.to_string(),
            verifier_log: verifier_log.to_string(),
        },
        other => LoadError::Program {
            name,
            why: other
                .source()
                .map_or_else(|| other.to_string(), |_| chain(other)),
            verifier_log: String::new(),
        },
    }
}
