//! A Docker daemon of the test's own: no network, its own root, gone at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::mount::UnmountFlags;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::image::run;

/// What the image is called.
pub const IMAGE: &str = "oomtrace-test/java:17";

/// A running daemon with one image; dropping it ends it and its containers.
#[derive(Debug)]
pub struct Docker {
    daemon: Child,
    directory: TempDir,
}

impl Docker {
    /// Starts the daemon and imports the archive as [`IMAGE`].
    ///
    /// # Errors
    /// `dockerd` or `docker` is missing or fails; the daemon's log is in the message.
    pub fn start(archive: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("oomtrace-docker")
            .tempdir()
            .context("cannot make a directory")?;
        let at = |name: &str| directory.path().join(name);
        let log = File::create(at("log")).context("cannot make the daemon's log")?;
        let daemon = Command::new("dockerd")
            .args([
                "--iptables=false",
                "--ip-forward=false",
                "--ip-masq=false",
                "--bridge=none",
            ])
            // A lower adjustment than its own takes a capability that a container may lack.
            .args([
                "--oom-score-adjust=0",
                "--exec-opt=native.cgroupdriver=cgroupfs",
            ])
            .arg("--data-root")
            .arg(at("root"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(format!("unix://{}", at("docker.sock").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start dockerd: install docker.io")?;
        let mut docker = Self { daemon, directory };
        docker.wait_until_up()?;
        let archive = archive.to_str().context("a path that is no text")?;
        docker.docker(&["import", archive, IMAGE])?;
        Ok(docker)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ended = self.daemon.try_wait().context("cannot wait for dockerd")?;
            if ended.is_none() && self.docker(&["version"]).is_ok() {
                return Ok(());
            }
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                bail!("dockerd does not come up:\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Its data root, `/var/lib/docker` elsewhere.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("--host")
            .arg(format!(
                "unix://{}",
                self.directory.path().join("docker.sock").display()
            ))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs `docker` with these arguments; returns what it prints.
    ///
    /// # Errors
    /// It fails; what it said is in the message.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        run(&mut self.command(arguments))
    }

    /// Starts `docker run` with these arguments in the foreground.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start docker")
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Each step is for what the one before could not do; none may hide the test's own failure.
        if let Ok(all) = self.docker(&["ps", "--all", "--quiet"]) {
            let mut remove = vec!["rm", "--force"];
            remove.extend(all.split_whitespace());
            if remove.len() > 2 {
                let _ = self.docker(&remove);
            }
        }
        if let Some(pid) = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && matches!(self.daemon.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        for mount in mounts_below(self.directory.path()) {
            let _ = rustix::mount::unmount(&mount, UnmountFlags::DETACH);
        }
    }
}

/// The newest first: it may lie on an older one.
fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<PathBuf> = text
        .lines()
        .filter_map(|line| line.split(' ').nth(4).map(PathBuf::from))
        .filter(|mount| mount.starts_with(directory))
        .collect();
    found.reverse();
    found
}
