//! Holds processes still, even dying ones.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use anyhow::{Context as _, Result, ensure};

use crate::host;

/// A cgroup of the version 1 freezer. A process in it that is sent SIGKILL keeps its memory until it
/// is thawed; version 2 lets it die. Dropping it thaws what is in it.
#[derive(Debug)]
pub struct Freezer {
    directory: PathBuf,
}

impl Freezer {
    /// Freezes one process.
    ///
    /// # Errors
    /// There is no such freezer here, or the process does not come to rest.
    pub fn freeze(pid: u32) -> Result<Self> {
        let directory = host::freezer()?.join(format!("oomtrace-test-{}-{pid}", process::id()));
        fs::create_dir(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let freezer = Self { directory };
        freezer.write("cgroup.procs", &pid.to_string())?;
        freezer.write("freezer.state", "FROZEN")?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let state = fs::read_to_string(freezer.directory.join("freezer.state"))
                .context("freezer.state")?;
            if state.trim() == "FROZEN" {
                return Ok(freezer);
            }
            ensure!(Instant::now() < deadline, "process {pid} is {state}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.directory.join(Path::new(file));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        // What fails here leaves an empty cgroup that is named for this process.
        let _ = self.write("freezer.state", "THAWED");
        while fs::remove_dir(&self.directory).is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
