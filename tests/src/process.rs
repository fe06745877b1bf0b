//! Workloads: started in a cgroup, heard, and ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cgroup::Cgroup;

/// What each workload was seen to run, by process id, with the one that it was started for: when it
/// had just been started, because of a victim nothing more is to be read. It is forgotten with its
/// [`Running`]: another process may get the same id.
static EXECUTED: Mutex<BTreeMap<u32, (u32, Executed)>> = Mutex::new(BTreeMap::new());

/// A program as `/proc/PID/exe` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Where it lies, or lay.
    pub path: Vec<u8>,
    /// It has no name any more. (No workload has a name that ends like the kernel's mark of that.)
    pub deleted: bool,
}

/// What this workload of this process's was seen to run; nothing where it was never looked at.
#[must_use]
pub fn executed(pid: u32) -> Option<Executed> {
    let all = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(&pid).map(|(_, seen)| seen.clone())
}

/// The workload program that is built beside the tests.
///
/// # Errors
/// It was not built.
pub fn program() -> Result<PathBuf> {
    sibling("oomtrace-workload", "OOMTRACE_WORKLOAD")
}

/// A program named by the environment variable, else the one beside the running test's directory.
pub(crate) fn sibling(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        bail!("{variable} names {}, which is no file", path.display());
    }
    let test = env::current_exe().context("cannot find the running test")?;
    let found = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "no {name} beside {}: build it, or name it in {variable}",
            test.display()
        )
    })
}

/// What a workload is to do, and where.
#[derive(Debug)]
pub struct Workload {
    command: Command,
    options: Vec<OsString>,
}

impl Workload {
    /// A workload inside `cgroup`.
    ///
    /// # Errors
    /// The workload program was not built.
    pub fn within(cgroup: &Cgroup) -> Result<Self> {
        let options = vec![
            OsString::from("--cgroup"),
            cgroup.directory().into_os_string(),
        ];
        Ok(Self {
            command: Command::new(program()?),
            options,
        })
    }

    /// A workload in the test's own cgroup.
    ///
    /// # Errors
    /// The workload program was not built.
    pub fn outside() -> Result<Self> {
        Ok(Self {
            command: Command::new(program()?),
            options: Vec::new(),
        })
    }

    /// Runs another file than the one that was built, a copy of it.
    #[must_use]
    pub fn program(mut self, path: &Path) -> Self {
        self.command = Command::new(path);
        self
    }

    /// Puts it into a cgroup of another hierarchy as well.
    #[must_use]
    pub fn also_within(mut self, directory: &Path) -> Self {
        self.options.extend(["--cgroup".into(), directory.into()]);
        self
    }

    /// Makes it likelier to be chosen.
    #[must_use]
    pub fn adj(mut self, adj: i32) -> Self {
        self.options
            .extend(["--adj".into(), adj.to_string().into()]);
        self
    }

    /// Makes it another user's.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.options
            .extend(["--uid".into(), uid.to_string().into()]);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Holds the command until [`Running::go`].
    #[must_use]
    pub fn waiting(mut self) -> Self {
        self.options.push("--wait".into());
        self
    }

    /// Starts it with the command and its arguments.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut self, arguments: &[&str]) -> Result<Running> {
        let mut child = self
            .command
            .args(&self.options)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the workload {arguments:?}"))?;
        let (sender, said) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let input = child.stdin.take();
        let running = Running { child, input, said };
        // One that gives way to another program does so at a moment of its own. One that has ended
        // already was not seen. What is told of either is not compared with it.
        if arguments.first() != Some(&"exec") {
            let _ = running.look();
        }
        Ok(running)
    }
}

/// A workload that was started; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Running {
    /// Its process id: the same before and after it has entered the cgroup.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Looks at what it runs, for [`executed`]. Not to be done once it may have been killed.
    ///
    /// # Errors
    /// It has ended.
    pub fn look(&self) -> Result<Executed> {
        let pid = self.pid();
        let of = |process: &str| {
            fs::read_link(format!("/proc/{process}/exe"))
                .with_context(|| format!("what process {process} runs"))
        };
        let own = of("self")?;
        // The kernel lets the parent go on (`exec_mm_release()`) a moment before the child's new memory,
        // and with it the program, takes the place of what it had from its parent.
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut link = of(&pid.to_string())?;
        while link == own {
            ensure!(Instant::now() < deadline, "process {pid} does not execute");
            thread::sleep(Duration::from_millis(1));
            link = of(&pid.to_string())?;
        }
        let mut path = link.into_os_string().into_vec();
        let deleted = path.ends_with(b" (deleted)");
        if deleted {
            path.truncate(path.len() - b" (deleted)".len());
        }
        let seen = Executed { path, deleted };
        let mut all = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(pid, (pid, seen.clone()));
        Ok(seen)
    }

    /// Takes down that it has started this process, which runs what it runs itself.
    pub fn forked(&self, child: u32) {
        let mut all = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get(&self.pid()).cloned() {
            // (It is this one's, and is forgotten with it.)
            all.insert(child, own);
        }
    }

    /// Lets a waiting one begin.
    ///
    /// # Errors
    /// It is not there any more.
    pub fn go(&mut self) -> Result<()> {
        let input = self
            .input
            .as_mut()
            .context("no way to speak to the workload")?;
        input
            .write_all(b"go\n")
            .context("the workload does not listen")
    }

    /// Waits until it says `key`; returns the value.
    ///
    /// # Errors
    /// It ended or a minute passed before it did.
    pub fn wait_for(&self, key: &str) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) => match line.split_once(' ') {
                    Some((name, value)) if name == key => return Ok(value.to_owned()),
                    _ => {}
                },
                Err(RecvTimeoutError::Timeout) => bail!("the workload did not say {key:?} in time"),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the workload ended before it said {key:?}")
                }
            }
        }
    }

    /// As [`Self::wait_for`], for a process or thread id.
    ///
    /// # Errors
    /// As [`Self::wait_for`]; the value is no number.
    pub fn wait_for_id(&self, key: &str) -> Result<u32> {
        self.wait_for(key)?
            .parse()
            .with_context(|| format!("{key} is no number"))
    }

    /// Microseconds after boot at which it started, to the kernel's tick; while it runs, or has not
    /// been waited for.
    ///
    /// # Errors
    /// `/proc` has it no more.
    pub fn started_since_boot_us(&self) -> Result<u64> {
        started_since_boot_us(self.pid())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It goes on for more than 90 seconds.
    pub fn end(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + Duration::from_secs(90);
        while Instant::now() < deadline {
            if let Some(status) = self
                .child
                .try_wait()
                .context("cannot wait for the workload")?
            {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        bail!("the workload does not end")
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn is_running(&mut self) -> Result<bool> {
        let status = self
            .child
            .try_wait()
            .context("cannot wait for the workload")?;
        Ok(status.is_none())
    }

    /// Waits for its end by SIGKILL.
    ///
    /// # Errors
    /// It ended otherwise, or not.
    pub fn end_killed(&mut self) -> Result<()> {
        let status = self.end()?;
        if status.signal() == Some(libc::SIGKILL) {
            Ok(())
        } else {
            bail!("the workload was not killed: {status}")
        }
    }

    /// Waits for its end: `true` with success, `false` by SIGKILL.
    ///
    /// For a process that hits the limit just when a victim's memory is being freed. The kernel
    /// takes a victim for done (`MMF_OOM_SKIP` in `exit_mmap()`) before the last of its pages are
    /// given back, so whoever asks in between can be killed too. That is a kill like any other.
    ///
    /// # Errors
    /// It ended otherwise, or not.
    pub fn survived(&mut self) -> Result<bool> {
        let status = self.end()?;
        match (status.success(), status.signal()) {
            (true, _) => Ok(true),
            (false, Some(libc::SIGKILL)) => Ok(false),
            _ => bail!("the workload failed: {status}"),
        }
    }

    /// Sends it SIGKILL as a user would.
    ///
    /// # Errors
    /// It cannot be signalled.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the workload")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut all = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (of, _)| *of != self.pid());
        drop(all);
        // Both fail only where it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Microseconds after boot at which a process started, to the kernel's tick.
///
/// # Errors
/// There is no such process.
pub fn started_since_boot_us(pid: u32) -> Result<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).context("cannot read the process's state")?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    // The 22nd field; the second is a name in parentheses, and the third follows the last one.
    let (_, rest) = stat
        .rsplit_once(") ")
        .context("no name in the process's state")?;
    let ticks: u64 = rest
        .split(' ')
        .nth(19)
        .context("no start")?
        .parse()
        .context("start")?;
    Ok(ticks * 1_000_000 / rustix::param::clock_ticks_per_second())
}
