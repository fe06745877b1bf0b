//! The tool run to its end, perhaps with less than it would like to have.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::tracer;

/// How a run has ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub complaint: String,
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started, is ended by a signal, or goes on for more than 20 seconds.
pub fn run(command: &mut Command) -> Result<Ended> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    // What it says may be more than a pipe holds.
    let out = child.stdout.take().map(read_aside);
    let complaint = child.stderr.take().map(read_aside);
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().context("cannot wait")?.is_none() {
        if Instant::now() > deadline {
            child.kill().context("cannot end it")?;
            bail!("{command:?} does not end; it says {}", heard(complaint)?);
        }
        thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait().context("cannot wait")?;
    Ok(Ended {
        code: status
            .code()
            .with_context(|| format!("{command:?}: {status}"))?,
        out: heard(out)?,
        complaint: heard(complaint)?,
    })
}

type Aside = JoinHandle<std::io::Result<String>>;

/// Reads all of a pipe in a thread of its own.
fn read_aside(mut pipe: impl Read + Send + 'static) -> Aside {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    })
}

fn heard(aside: Option<Aside>) -> Result<String> {
    let Some(aside) = aside else {
        return Ok(String::new());
    };
    let text = aside.join().map_err(|_| anyhow!("a reader panicked"))?;
    text.context("what it says is no text")
}

/// The tool, where any user can reach it.
#[derive(Debug)]
pub struct Tool {
    directory: TempDir,
}

impl Tool {
    /// Copies the binary under test.
    ///
    /// # Errors
    /// There is none, or it cannot be copied.
    pub fn copy() -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory")?;
        // By another process: a program that is open for writing cannot be executed, and what this
        // one has open, a child that another test starts has open until it executes something.
        let status = Command::new("cp")
            .arg(tracer::program()?)
            .arg(directory.path().join("oomtrace"))
            .status()
            .context("cannot run cp")?;
        ensure!(status.success(), "copying oomtrace: cp: {status}");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .context("permissions")?;
        Ok(Self { directory })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("oomtrace")
    }

    /// A directory that goes away with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs it as it is.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        run(Command::new(self.path()).args(arguments))
    }

    /// Runs it by way of another program, whose last argument it is followed by its own.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run_by(&self, way: &[&str], arguments: &[&str]) -> Result<Ended> {
        let (program, options) = way.split_first().context("no program")?;
        run(Command::new(program)
            .args(options)
            .arg(self.path())
            .args(arguments))
    }
}

impl Ended {
    /// It failed with this code and said why in words a person can act on.
    ///
    /// # Errors
    /// It did otherwise.
    pub fn refused(&self, code: i32, words: &[&str]) -> Result<()> {
        ensure!(self.code == code, "not exit code {code}: {self:?}");
        ensure!(
            self.out.is_empty(),
            "standard output is for events: {self:?}"
        );
        let first = self.complaint.lines().next().unwrap_or_default();
        ensure!(
            first.starts_with("oomtrace: ") || first.starts_with("error: "),
            "who complains? {self:?}"
        );
        for word in words {
            ensure!(self.complaint.contains(word), "no {word:?} in {self:?}");
        }
        self.no_panic()
    }

    /// It ended well.
    ///
    /// # Errors
    /// It did otherwise.
    pub fn well(&self) -> Result<()> {
        ensure!(self.code == 0, "not exit code 0: {self:?}");
        self.no_panic()
    }

    fn no_panic(&self) -> Result<()> {
        for word in [
            "panicked",
            "RUST_BACKTRACE",
            "unwrap()",
            "Error {",
            "os error 0",
        ] {
            ensure!(
                !self.complaint.contains(word),
                "{word:?} is not for users: {self:?}"
            );
        }
        Ok(())
    }
}
