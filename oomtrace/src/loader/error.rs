//! What can go wrong between the object and the kernel.

use std::error::Error;
use std::io;

use aya::programs::ProgramError;

/// The object lacks what this loader was built for.
pub(super) const NOT_THERE: &str = "not in the object";

/// The cause of a [`LoadError`]. aya's own types stay inside of this module.
type Cause = Box<dyn Error + Send + Sync>;

/// Loading, attaching or reading the probe failed. The cause is its `source`.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel refused the object's maps, or the object does not fit this loader.
    #[error("cannot load the BPF object")]
    Object(#[source] Cause),
    /// The kernel refused a program.
    #[error("cannot load the BPF program {name}")]
    Program {
        /// The program.
        name: &'static str,
        /// Why.
        source: Cause,
    },
    /// The kernel refused to attach a program.
    #[error("cannot attach the BPF program {name}")]
    Attach {
        /// The program.
        name: &'static str,
        /// Why.
        source: Cause,
    },
    /// A map of the object could not be used.
    #[error("cannot use the BPF map {name}")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        source: Cause,
    },
}

impl LoadError {
    /// The error number that the kernel gave, where one did.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        let mut error: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(at) = error {
            if let Some(code) = at
                .downcast_ref::<io::Error>()
                .and_then(io::Error::raw_os_error)
            {
                return Some(code);
            }
            error = at.source();
        }
        None
    }

    /// The error and its causes on one line, each of them once.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some of aya's errors repeat their cause in their own words.
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        text
    }

    pub(super) fn attach(name: &'static str, source: impl Into<Cause>) -> Self {
        let source = source.into();
        Self::Attach { name, source }
    }

    pub(super) fn map(name: &'static str, source: impl Into<Cause>) -> Self {
        let source = source.into();
        Self::Map { name, source }
    }

    /// The verifier's log goes to the trace log (`-vvv`): it is long, and its last lines say what
    /// was refused.
    pub(super) fn program(name: &'static str, error: ProgramError) -> Self {
        let source: Cause = match error {
            ProgramError::LoadError {
                io_error,
                verifier_log,
            } => {
                log::trace!("the verifier on {name}:\n{verifier_log}");
                io_error.into()
            }
            other => other.into(),
        };
        Self::Program { name, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_number_is_found_below_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] io::Error);

        let denied = io::Error::from_raw_os_error(libc::EPERM);
        let error = LoadError::map("X", Outer(denied));
        assert_eq!(error.errno(), Some(libc::EPERM));
        // What merely reads like an error number is none.
        let error = LoadError::attach("X", "Operation not permitted (os error 1)");
        assert_eq!(error.errno(), None);
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = LoadError::map("X", io::Error::from_raw_os_error(libc::ENOMEM));
        assert_eq!(
            error.chain(),
            "cannot use the BPF map X: Cannot allocate memory (os error 12)"
        );
    }
}
