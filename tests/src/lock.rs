//! One live test at a time on a host: they share the kernel's log, its rate limit and its counters.

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context as _, Result};

const FILE: &str = "/tmp/oomtrace-live-tests.lock";

/// Held for as long as a live test runs, across processes.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the other live tests on this host.
    ///
    /// # Errors
    /// The lock file cannot be made or locked.
    pub fn take() -> Result<Self> {
        let path = Path::new(FILE);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open {FILE}"))?;
        file.lock().with_context(|| format!("cannot lock {FILE}"))?;
        Ok(Self { _file: file })
    }
}
