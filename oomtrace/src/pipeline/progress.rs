//! How far a long read has come: a line on standard error that is rewritten in place, on a terminal
//! only, and gone when the read is.

use std::io;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// A read that takes no longer than this needs no line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written again.
const INTERVAL: Duration = Duration::from_millis(200);
/// To the first column, and clear the line.
const REWRITE: &str = "\r\x1b[2K";

/// The line.
#[derive(Debug)]
pub(super) struct Progress {
    is_wanted: bool,
    is_shown: bool,
    next: Instant,
}

impl Progress {
    /// For a read that begins now.
    pub(super) fn new() -> Self {
        Self {
            is_wanted: io::stderr().is_terminal() && log::log_enabled!(log::Level::Warn),
            is_shown: false,
            next: Instant::now() + PATIENCE,
        }
    }

    /// Shows a line, if it is time for one.
    pub(super) fn show(&mut self, line: impl FnOnce() -> String) {
        if !self.is_wanted || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + INTERVAL;
        self.is_shown = true;
        // Nobody is worse off without it.
        let _ = write!(io::stderr().lock(), "{REWRITE}oomtrace: {}", line());
    }

    /// Takes the line away where standard output goes to the terminal too, to which something is to be
    /// written now.
    pub(super) fn make_way(&mut self) {
        if self.is_shown && io::stdout().is_terminal() {
            self.clear();
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr().lock(), "{REWRITE}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
