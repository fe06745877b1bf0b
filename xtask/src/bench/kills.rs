//! Real kills in a small memory cgroup, for timing.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Limit of the cgroup; what is killed in it grows until it meets this.
const LIMIT_BYTES: u64 = 16 << 20;

/// The lock of the live tests, which read counters of the whole machine.
const LOCK: &str = "/tmp/oomtrace-live-tests.lock";

/// Held while something is measured: no live test kills meanwhile, and none is disturbed.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the live tests on this machine.
    ///
    /// # Errors
    /// The lock file cannot be made or locked.
    pub fn take() -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(LOCK)
            .with_context(|| format!("opening {LOCK}"))?;
        file.lock().with_context(|| format!("locking {LOCK}"))?;
        Ok(Self { _file: file })
    }
}

/// A memory cgroup with a limit, removed when this is dropped.
pub struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Makes the cgroup in whichever hierarchy has the memory controller.
    ///
    /// # Errors
    /// No memory controller, or not permitted.
    pub fn new() -> Result<Self> {
        let (root, limit) = if Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists() {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            let control = Path::new("/sys/fs/cgroup/cgroup.subtree_control");
            // Refused where it is on already under another manager; the limit below tells.
            let _ = fs::write(control, "+memory");
            ("/sys/fs/cgroup", "memory.max")
        };
        let folder = Path::new(root).join(format!("oomtrace-bench-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        let cgroup = Self { folder };
        let file = cgroup.folder.join(limit);
        fs::write(&file, LIMIT_BYTES.to_string())
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(cgroup)
    }

    /// Lets a process fill the cgroup until it is killed.
    ///
    /// # Errors
    /// It cannot be started, or ends in another way.
    pub fn kill_one(&self) -> Result<Duration> {
        // The shell joins the cgroup and becomes a program that grows without end.
        let start = Instant::now();
        let status = Command::new("sh")
            .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec tail /dev/zero"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .status()
            .context("starting what is to be killed")?;
        let took = start.elapsed();
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        anyhow::ensure!(
            signal == Some(9),
            "it was not killed but ended with {status}"
        );
        Ok(took)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The last charge of a killed process may go a moment after it.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("xtask: {} could not be removed", self.folder.display());
    }
}
