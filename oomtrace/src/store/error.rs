//! Why a store cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// What failed, on which path, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the lock: two writers would tear each other's lines.
    #[error("the store {} is in use by another oomtrace; stop that one or give another --store", .0.display())]
    InUse(PathBuf),
    /// The path is there and is no directory.
    #[error("{} is not a directory; give the directory of a store", .0.display())]
    NotADirectory(PathBuf),
    /// A system call on a file of the store failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted operation, as a verb: `read`, `write`, `remove`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl StoreError {
    /// For `map_err`: an I/O error of this operation on this path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// The operating system's error, where there is one: `StorageFull` is worth a retry.
    #[must_use]
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            Self::InUse(_) | Self::NotADirectory(_) => None,
        }
    }
}
