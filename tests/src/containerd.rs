//! A containerd of the test's own: its own root, state and socket, gone at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::engine::{self, Parent, run};
use crate::image;

/// What the image is called.
pub const IMAGE: &str = "localhost/oomtrace-test:1";

/// A running daemon with one image; dropping it ends it and its containers.
#[derive(Debug)]
pub struct Containerd {
    daemon: Child,
    // Its name is that of containerd's namespace, too.
    parent: Parent,
    directory: TempDir,
}

impl Containerd {
    /// Starts the daemon and imports the archive as [`IMAGE`].
    ///
    /// # Errors
    /// `containerd` or `ctr` is missing or fails; the daemon's log is in the message.
    pub fn start(archive: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("oomtrace-containerd")
            .tempdir()
            .context("cannot make a directory")?;
        let at = |name: &str| directory.path().join(name);
        let settings = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {:?}\n",
            at("root"),
            at("state"),
            at("socket")
        );
        fs::write(at("settings"), settings).context("cannot write containerd's settings")?;
        let log = File::create(at("log")).context("cannot make the daemon's log")?;
        let daemon = Command::new("containerd")
            .arg("--config")
            .arg(at("settings"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start containerd: install containerd")?;
        let mut containerd = Self {
            daemon,
            parent: Parent::new("containerd"),
            directory,
        };
        let asked = containerd.ctr(&["version"]);
        let log = containerd.directory.path().join("log");
        engine::wait_until_up(&mut containerd.daemon, &log, asked)?;
        let image = image::saved(archive, IMAGE)?;
        let image = image.to_str().context("a path that is no text")?;
        run(&mut containerd.ctr(&["image", "import", image]))?;
        Ok(containerd)
    }

    /// Its state, `/run/containerd` elsewhere.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The cgroup of a container.
    #[must_use]
    pub fn cgroup(&self, id: &str) -> String {
        format!("/{}/{id}", self.parent.name())
    }

    /// `ctr` with these arguments.
    #[must_use]
    pub fn ctr(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command
            .arg("--address")
            .arg(self.directory.path().join("socket"))
            .args(["--namespace", self.parent.name()])
            .args(arguments);
        command
    }

    /// `ctr run` of the image with a limit of 24 MiB.
    #[must_use]
    pub fn run(&self, options: &[&str], id: &str, program: &[&str]) -> Command {
        let mut command = self.ctr(&["run", "--memory-limit", "25165824"]);
        command.args(options).args([IMAGE, id]).args(program);
        command
    }

    /// The process id of a container's first process.
    ///
    /// # Errors
    /// It does not run.
    pub fn pid(&self, id: &str) -> Result<u32> {
        let tasks = run(&mut self.ctr(&["task", "list"]))?;
        // "TASK  PID  STATUS"
        let line = tasks
            .lines()
            .find(|line| line.split_whitespace().next() == Some(id));
        let pid = line.and_then(|line| line.split_whitespace().nth(1));
        pid.and_then(|pid| pid.parse().ok())
            .with_context(|| format!("no task {id} in {tasks:?}"))
    }

    /// Ends the daemon at once, as a crash would. Its containers live on.
    ///
    /// # Errors
    /// It has ended already.
    pub fn crash(&mut self) -> Result<()> {
        engine::crash(&mut self.daemon)
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        engine::end(&mut self.daemon);
        // Shims keep what they watch over alive, and runc's own files.
        engine::clear(self.directory.path());
    }
}
