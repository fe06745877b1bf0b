//! How oomtrace ends.

use std::process::ExitCode;

/// Exit codes. A capture that SIGTERM ends has done all it should: [`Exit::Success`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success,
    /// Something failed while running.
    Runtime,
    /// The command line was wrong.
    Usage,
    /// The kernel or the privileges do not suffice.
    Unable,
    /// `--fail-if-empty`, and nothing was found.
    Empty,
    /// SIGINT.
    Interrupted,
    /// SIGTERM, before a command that reads files came to their end.
    Terminated,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Runtime => 1,
            Self::Usage => 2,
            Self::Unable => 3,
            Self::Empty => 4,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
