//! One real kill in a throw-away cgroup, for `oomtrace demo`.
//!
//! The victim is oomtrace itself, started again. It waits until it has been put into the cgroup, then
//! starts once more, so that all of its memory is charged there, and fills it. Nothing outside that
//! cgroup can be hit: its limit is what runs out.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Name under which the victim waits.
const WAITING_NAME: &str = "oomtrace-demo-waiting";
/// Name under which it fills its cgroup.
const VICTIM_NAME: &str = "oomtrace-demo-victim";

const LIMIT_BYTES: u64 = 32 * 1024 * 1024;
/// The victim never asks for more than this, should the limit not hold.
const FILL_BYTES_MAX: usize = 96 * 1024 * 1024;

/// A cgroup with a limit and the process in it; both are gone when this is dropped.
pub(crate) struct Demo {
    cgroup: PathBuf,
    victim: Option<Child>,
}

impl Demo {
    /// Makes the cgroup below `root` (of a hierarchy of this version) and starts the waiting
    /// victim in it.
    ///
    /// # Errors
    ///
    /// The cgroup cannot be made or limited, or the victim cannot be started.
    pub(crate) fn prepare(root: &Path, version: u8) -> anyhow::Result<Self> {
        let cgroup = root.join(format!("oomtrace-demo-{}", std::process::id()));
        fs::create_dir(&cgroup).with_context(|| {
            format!(
                "cannot make the cgroup {} (needs root and a writable cgroup file system)",
                cgroup.display()
            )
        })?;
        let mut demo = Self {
            cgroup,
            victim: None,
        };
        let (limit, swap): (&str, &[&str]) = match version {
            1 => ("memory.limit_in_bytes", &["memory.memsw.limit_in_bytes"]),
            _ => ("memory.max", &["memory.swap.max"]),
        };
        demo.write(limit, &LIMIT_BYTES.to_string()).with_context(|| {
            format!("cannot limit {} (cgroup v2 needs `memory` in its parent's cgroup.subtree_control)", demo.cgroup.display())
        })?;
        for file in swap {
            // Without swap accounting the file is not there, and nothing is lost: the limit on
            // memory alone makes the kill, only later if there is swap.
            let value = if version == 1 { LIMIT_BYTES } else { 0 };
            let _ = demo.write(file, &value.to_string());
        }
        let victim = Command::new("/proc/self/exe")
            .arg0(WAITING_NAME)
            .args(arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the victim")?;
        let pid = victim.id();
        demo.victim = Some(victim);
        demo.write("cgroup.procs", &pid.to_string())
            .with_context(|| format!("cannot move the victim into {}", demo.cgroup.display()))?;
        Ok(demo)
    }

    /// Process id of the victim.
    pub(crate) fn victim_pid(&self) -> Option<u32> {
        self.victim.as_ref().map(Child::id)
    }

    /// Lets the victim fill its cgroup.
    ///
    /// # Errors
    ///
    /// It is gone already.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        let stdin = self.victim.as_mut().and_then(|victim| victim.stdin.take());
        stdin
            .context("the victim was started already")?
            .write_all(b"!")
            .context("the victim is gone before its time")
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        let path = self.cgroup.join(file);
        // cgroup files must be there already; creating one would hide that they are not.
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(value.as_bytes())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut victim) = self.victim.take() {
            // Usually it is dead already, which is the point of it all.
            let _ = victim.kill();
            let _ = victim.wait();
        }
        // Charges of a process that was just reaped can hold the directory for a moment.
        for _ in 0..50 {
            match fs::remove_dir(&self.cgroup) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        log::warn!("the cgroup {} could not be removed", self.cgroup.display());
    }
}

/// The victim's command line, with something in it to mask.
fn arguments() -> [String; 3] {
    [
        "--fill-mib".to_owned(),
        (FILL_BYTES_MAX >> 20).to_string(),
        "--password=not-shown".to_owned(),
    ]
}

/// What the victim does under the name that it was started by, if this is one of its names.
#[must_use]
pub fn victim(name: &OsStr) -> Option<fn() -> io::Result<()>> {
    if name == WAITING_NAME {
        Some(wait)
    } else if name == VICTIM_NAME {
        Some(fill_memory)
    } else {
        None
    }
}

/// Waits for the go-ahead, then becomes what fills memory.
fn wait() -> io::Result<()> {
    let mut go = [0_u8];
    io::stdin().read_exact(&mut go)?;
    let error = Command::new("/proc/self/exe")
        .arg0(VICTIM_NAME)
        .args(arguments())
        .exec();
    Err(error)
}

/// Touches memory until it is killed.
fn fill_memory() -> io::Result<()> {
    rustix::thread::set_name(c"demo-victim")?;
    let mut filled: Vec<Vec<u8>> = Vec::new();
    let piece = 1 << 20;
    while filled.len() * piece < FILL_BYTES_MAX {
        // Written to, so that it becomes resident; not all zero, so that it stays so.
        filled.push(vec![0xa5; piece]);
        std::hint::black_box(&filled);
    }
    Err(io::Error::other(
        "the limit did not hold: nothing was killed",
    ))
}
