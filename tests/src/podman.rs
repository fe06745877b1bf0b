//! A Podman of the test's own: its own storage, no network, gone at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::engine::{self, Parent, run};

/// What the image is called.
pub const IMAGE: &str = "localhost/oomtrace-test:1";

/// Storage with one image; dropping it removes its containers.
#[derive(Debug)]
pub struct Podman {
    parent: Parent,
    directory: TempDir,
}

impl Podman {
    /// Imports the archive as [`IMAGE`].
    ///
    /// # Errors
    /// `podman` or what it calls is missing or fails.
    pub fn new(archive: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("oomtrace-podman")
            .tempdir()
            .context("cannot make a directory")?;
        let podman = Self {
            parent: Parent::new("podman"),
            directory,
        };
        let at = |name: &str| podman.directory.path().join(name).display().to_string();
        // crun does not take a hybrid of cgroup v1 and v2; higher limits take a capability that a
        // container may lack.
        let settings = format!(
            "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
             netns = \"none\"\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nruntime = \"runc\"\n\
             events_logger = \"none\"\nlock_type = \"file\"\n\
             static_dir = \"{}\"\ntmp_dir = \"{}\"\nvolume_path = \"{}\"\n",
            at("static"),
            at("tmp"),
            at("volumes")
        );
        fs::write(at("containers.conf"), settings).context("cannot write Podman's settings")?;
        let archive = archive.to_str().context("a path that is no text")?;
        run(&mut podman.command(&["import", archive, IMAGE])).context("is podman installed?")?;
        Ok(podman)
    }

    /// Its storage, `/var/lib/containers/storage` and `/run/containers/storage` elsewhere.
    #[must_use]
    pub fn storage(&self) -> [PathBuf; 2] {
        ["storage", "run"].map(|name| self.directory.path().join(name))
    }

    /// The cgroup that its containers are in.
    #[must_use]
    pub fn cgroup(&self) -> String {
        format!("/{}", self.parent.name())
    }

    /// `podman` with these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let [storage, run] = self.storage();
        let mut command = Command::new("podman");
        command
            // conmon leaves a file `oom` where it is.
            .current_dir(self.directory.path())
            .env(
                "CONTAINERS_CONF",
                self.directory.path().join("containers.conf"),
            )
            .arg("--root")
            .arg(storage)
            .arg("--runroot")
            .arg(run)
            .args(arguments);
        command
    }

    /// `podman run` in the test's own cgroup with a limit of 24 MiB.
    #[must_use]
    pub fn run(&self, options: &[&str], program: &[&str]) -> Command {
        let mut command = self.command(&["run", "--pull=never", "--memory=24m"]);
        command
            .arg(format!("--cgroup-parent={}", self.cgroup()))
            .args(options)
            .arg(IMAGE)
            .args(program);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What it cannot remove itself is ended with its cgroup.
        let _ = run(&mut self.command(&["rm", "--all", "--force", "--time=0"]));
        engine::clear(self.directory.path());
    }
}
