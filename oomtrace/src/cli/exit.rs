//! How oomtrace ends.

use std::process::ExitCode;

/// Exit codes. A closed output pipe and SIGTERM end with [`Exit::Success`].
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
    /// SIGINT.
    Interrupted,
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
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
