//! Why events cannot be read at all.

use std::io;
use std::path::PathBuf;

use crate::store::StoreError;

/// What failed, on what, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Neither a store nor a file is there.
    #[error(
        "there is nothing at {}; `oomtrace daemon` keeps events in a store; or name a store or a file of \
         `oomtrace -o json`",
        .0.display()
    )]
    NotThere(PathBuf),
    /// A directory without a segment.
    #[error("{} holds no events: the directory of a store has files events-….ndjson", .0.display())]
    NoSegments(PathBuf),
    /// A recording was given.
    #[error("{0} is a raw recording; make events of it with `oomtrace replay -o json --full`")]
    Recording(String),
    /// The operating system refused.
    #[error("cannot read {name}: {source}")]
    Io {
        /// A path, or `standard input`.
        name: String,
        /// Its error.
        source: io::Error,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
