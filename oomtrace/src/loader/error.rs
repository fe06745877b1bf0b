//! What can go wrong between the object and the kernel.

use std::error::Error;
use std::fmt;
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

    /// The verifier's log is kept out of the error: it is long, and goes to the trace log.
    pub(super) fn program(name: &'static str, error: ProgramError) -> Self {
        let source: Cause = match error {
            ProgramError::LoadError {
                io_error,
                verifier_log,
            } => {
                show_verifier_log(name, &verifier_log);
                io_error.into()
            }
            other => other.into(),
        };
        Self::Program { name, source }
    }
}

/// Shows with `-vvv` what the verifier said; its last lines say what it refused.
fn show_verifier_log(name: &str, verifier_log: &impl fmt::Display) {
    log::trace!("the verifier on {name}:\n{verifier_log}");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::cli::messages;

    /// Everything that is logged while these tests run.
    static LOGGED: Mutex<Vec<(log::Level, String)>> = Mutex::new(Vec::new());

    struct Capture;

    impl log::Log for Capture {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            let line = (record.level(), record.args().to_string());
            LOGGED.lock().unwrap().push(line);
        }

        fn flush(&self) {}
    }

    #[test]
    fn the_verifiers_log_is_shown_with_vvv() {
        let shown_at = |verbose| {
            // The first logger stays; only the level changes with the arguments.
            let _ = log::set_logger(&Capture);
            messages::install(verbose, false);
            LOGGED.lock().unwrap().clear();
            show_verifier_log("mark_victim", &"R1 invalid mem access");
            let logged = LOGGED.lock().unwrap();
            logged
                .iter()
                .any(|(_, line)| line == "the verifier on mark_victim:\nR1 invalid mem access")
        };
        assert!(!shown_at(2));
        assert!(shown_at(3));
        log::set_max_level(log::LevelFilter::Off);
    }

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
