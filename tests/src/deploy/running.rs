//! A program that runs in the background of a test, and what it writes.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const WITHIN: Duration = Duration::from_secs(60);

/// A running program; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it. Standard output and error go to the file `log`.
    ///
    /// # Errors
    /// It cannot be started, or the file cannot be made.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("making {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("sharing the log")?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// What it has written so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| error.to_string(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Waits until `find` finds something, for a minute at most.
    ///
    /// # Errors
    /// The program ends before that, or the minute is over; with what it has written.
    pub fn until<T>(&mut self, what: &str, mut find: impl FnMut() -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + WITHIN;
        loop {
            if let Some(found) = find() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait().context("cannot wait")? {
                bail!("{what}: it ended with {status}: {}", self.said());
            }
            if Instant::now() > deadline {
                bail!("{what}: not within {WITHIN:?}: {}", self.said());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
