//! What a guest of `cargo xtask vm-test` reports over its serial line, one JSON object a line.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::compare::Compared;

/// One line.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum Frame {
    /// The guest has booted.
    Boot {
        /// `uname -r`.
        release: String,
    },
    /// What `oomtrace check` said of the guest's kernel.
    Check(Said),
    /// What `oomtrace check --facts` said.
    Facts(Said),
    /// A scene begins; the frames up to its end belong to it.
    Begin {
        /// Its name.
        scene: String,
    },
    /// An event that was compared with the kernel's report.
    Kill(Kill),
    /// Of how many kills something could be had.
    Share(Share),
    /// A scene has ended.
    End {
        /// How long it took.
        milliseconds: u64,
        /// The end of what it printed.
        said: String,
        /// Why it failed.
        failure: Option<String>,
    },
    /// What the guest was to boot with and its kernel was not built with.
    Unavailable {
        /// In words.
        why: String,
    },
    /// Why the guest could not run its scenes.
    Failure {
        /// In words.
        why: String,
    },
    /// The guest has reported all that it had to.
    Done,
}

/// A command of oomtrace that has ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Said {
    /// Exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub complaints: String,
}

/// How one event compared with the kernel's report.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Kill {
    /// The event: a kill, but for a few.
    pub event: Value,
    /// The kernel's lines.
    pub report: Vec<String>,
    /// What differs, in words.
    pub differences: Vec<String>,
    /// Every field that was looked at.
    pub compared: Vec<Compared>,
}

/// Of how many kills something could be had.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Share {
    /// What, of which kills.
    pub what: String,
    /// Kills that had it.
    pub with: u64,
    /// Kills.
    pub of: u64,
}
