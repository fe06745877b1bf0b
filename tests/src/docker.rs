//! A Docker daemon of the test's own: no network, its own root, gone at the end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::engine::{self, run};

/// What the image with a JVM is called.
pub const JAVA_IMAGE: &str = "oomtrace-test/java:17";

/// A running daemon with one image; dropping it ends it and its containers.
#[derive(Debug)]
pub struct Docker {
    daemon: Child,
    directory: TempDir,
}

impl Docker {
    /// Starts the daemon and imports the archive as `image`.
    ///
    /// # Errors
    /// `dockerd` or `docker` is missing or fails; the daemon's log is in the message.
    pub fn start(archive: &Path, image: &str) -> Result<Self> {
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
        docker.docker(&["import", archive, image])?;
        Ok(docker)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let log = self.directory.path().join("log");
        let asked = self.command(&["version"]);
        engine::wait_until_up(&mut self.daemon, &log, asked)
    }

    /// Its data root, `/var/lib/docker` elsewhere.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Its socket, `/run/docker.sock` elsewhere.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// Ends the daemon at once, as a crash would. Its containers live on.
    ///
    /// # Errors
    /// It has ended already.
    pub fn crash(&mut self) -> Result<()> {
        engine::crash(&mut self.daemon)
    }

    /// The process id of a container's first process.
    ///
    /// # Errors
    /// There is no such container, or it does not run.
    pub fn pid(&self, container: &str) -> Result<u32> {
        let pid = self.docker(&["inspect", "--format", "{{.State.Pid}}", container])?;
        pid.parse().with_context(|| format!("a process id: {pid}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
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
        engine::end(&mut self.daemon);
        engine::clear(self.directory.path());
    }
}
