//! What can be wrong with a recording.

use std::{fmt, io};

use thiserror::Error;

/// A recording that cannot be written or read (on).
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file does not start as a recording does.
    #[error(
        "this is not a recording of oomtrace: it starts with {}; give a file that `oomtrace trace \
         --record` wrote", Shown(.start)
    )]
    NotARecording {
        /// The first bytes.
        start: Vec<u8>,
    },
    /// It was written by a newer oomtrace.
    #[error(
        "the recording has format version {found}, and this oomtrace reads up to {known}; use the \
         version that recorded it, or a newer one"
    )]
    TooNew {
        /// Its format version.
        found: u16,
        /// The newest that is read.
        known: u16,
    },
    /// Its records are in the other byte order.
    #[error(
        "the recording was made on a machine of another byte order (mark {found}); replay it on \
         one of the same"
    )]
    ByteOrder {
        /// The mark in the file.
        found: u8,
    },
    /// It ends in the middle of a frame. All frames before that were given.
    #[error(
        "the recording ends in the middle of a frame, at byte {offset}: the tracer or the machine \
         stopped while it was written; the {frames} frames before that are whole"
    )]
    Truncated {
        /// Where the file ends.
        offset: u64,
        /// Whole frames before that.
        frames: u64,
    },
    /// A frame cannot be what it says. All frames before that were given.
    #[error(
        "the recording is damaged at byte {offset}: {what}; the {frames} frames before that are \
         whole"
    )]
    Damaged {
        /// Where the frame starts.
        offset: u64,
        /// Whole frames before that.
        frames: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A frame is longer than any may be. Nothing of it was written.
    #[error("a frame of {bytes} bytes is longer than a recording takes ({max} bytes)")]
    TooLong {
        /// Bytes of its body.
        bytes: usize,
        /// Bytes that it may have.
        max: usize,
    },
    /// What is to be written cannot be put into JSON.
    #[error("a frame cannot be put into words: {0}")]
    Encode(#[source] serde_json::Error),
    /// The file could not be read.
    #[error("reading failed: {0}")]
    Read(#[source] io::Error),
    /// The file could not be written.
    #[error("writing failed: {0}; is the disk full?")]
    Write(#[source] io::Error),
}

/// Bytes for a message: printable ones as they are, others escaped.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("nothing (it is empty)")
        } else {
            write!(f, "\"{}\"", self.0.escape_ascii())
        }
    }
}
