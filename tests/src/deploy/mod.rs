//! What `deploy/` is made of and tested with: the source of the dashboard, and the programs that take
//! oomtrace's events and metrics.

pub mod container;
pub mod dashboard;
pub mod fleet;
pub mod http;
pub mod manifests;
pub mod prometheus;
pub mod python;
pub mod running;
pub mod shipper;
pub mod sql;
pub mod webhook;

use std::path::{Path, PathBuf};

/// A file or folder of the repository, by its path from the root.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
