//! A disk that is soon full.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::Result;
use oomtrace_tests::command;

/// A small file system of its own, gone when dropped.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    pub(crate) fn new(kib: u32) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let size = format!("size={kib}k");
        command::run(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "oomtrace-test"])
                .arg(directory.path()),
        )?
        .well()?;
        Ok(Self(directory))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()) || thread::panicking(),
            "a file system stays mounted"
        );
    }
}
