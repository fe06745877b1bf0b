//! What the tests' own container engines have in common: how they are started, and how nothing of
//! them stays.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::mount::UnmountFlags;
use rustix::process::{Pid, Signal};

use crate::host;

/// Where a container's first process waits until a file is there; then it fills 64 MiB.
pub const WAIT_AND_FILL: [&str; 3] = [
    "/bin/sh",
    "-c",
    "until [ -e /tmp/go ]; do /bin/busybox sleep 0.05; done; \
     exec /bin/busybox dd if=/dev/zero of=/dev/null bs=64M",
];

/// Fills 64 MiB at once.
pub const FILL: [&str; 5] = [
    "/bin/busybox",
    "dd",
    "if=/dev/zero",
    "of=/dev/null",
    "bs=64M",
];

/// Lets a container go on that was started with [`WAIT_AND_FILL`].
///
/// # Errors
/// Its first process, with this id, is not there.
pub fn go(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/root/tmp/go"), "").context("cannot let the container go on")
}

/// Runs a program to its end; returns what it prints.
///
/// # Errors
/// It fails; what it said is in the message.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a container in the foreground, to the end that a killed first process makes.
///
/// # Errors
/// It ends in another way; what the engine said is in the message.
pub fn run_killed(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.code() == Some(137),
        "{command:?}: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// As [`run_killed`]; returns what the engine wrote into the file for the container's id.
///
/// # Errors
/// As [`run_killed`], or the file is not there.
pub fn run_killed_with_id(command: &mut Command, id_file: &Path) -> Result<String> {
    run_killed(command)?;
    fs::read_to_string(id_file).context("no container id was written")
}

/// Waits until a daemon answers.
///
/// # Errors
/// It ends, or does not answer within 30 seconds; its log is in the message.
pub fn wait_until_up(daemon: &mut Child, log: &Path, mut asked: Command) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let ended = daemon.try_wait().context("cannot wait for the daemon")?;
        if ended.is_none() && run(&mut asked).is_ok() {
            return Ok(());
        }
        if ended.is_some() || Instant::now() > deadline {
            let log = fs::read_to_string(log).unwrap_or_default();
            bail!("the daemon does not come up; {asked:?} gets no answer:\n{log}");
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Ends a daemon as a crash would.
///
/// # Errors
/// It has ended already.
pub fn crash(daemon: &mut Child) -> Result<()> {
    daemon.kill().context("cannot end the daemon")?;
    daemon.wait().context("cannot wait for the daemon")?;
    Ok(())
}

/// Ends a daemon: as a service manager would, and at last by force.
pub fn end(daemon: &mut Child) {
    if let (Ok(None), Some(pid)) = (daemon.try_wait(), pid_of(daemon.id())) {
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline && matches!(daemon.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(20));
    }
    let _ = daemon.kill();
    let _ = daemon.wait();
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Ends what is left of an engine that had this directory for itself (shims, monitors: it is in
/// their arguments) and takes its mounts away. Each step is for what the engine itself could not do;
/// none may hide the test's own failure.
pub fn clear(directory: &Path) {
    for process in processes_with(directory) {
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
    for mount in mounts_below(directory) {
        let _ = rustix::mount::unmount(&mount, UnmountFlags::DETACH);
    }
}

fn processes_with(directory: &Path) -> Vec<Pid> {
    let needle = directory.as_os_str().as_encoded_bytes();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| *pid != process::id())
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(needle.len()).any(|part| part == needle))
        })
        .filter_map(pid_of)
        .collect()
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

/// A cgroup at the top of every hierarchy in which an engine puts its containers; dropping it ends
/// what is left in it and removes it.
#[derive(Debug)]
pub struct Parent {
    name: String,
}

impl Parent {
    /// One that no other test has.
    #[must_use]
    pub fn new(engine: &str) -> Self {
        Self {
            name: format!("oomtrace-{engine}-{}", process::id()),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Limits its memory, once an engine has made it.
    ///
    /// # Errors
    /// It is not there, or the kernel refuses.
    pub fn limit_mib(&self, mib: u64) -> Result<()> {
        let controller = host::memory_controller()?;
        let directory = controller.mount.join(&self.name);
        let file = directory.join(match controller.version {
            1 => "memory.limit_in_bytes",
            _ => "memory.max",
        });
        fs::write(&file, (mib << 20).to_string())
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// In cgroup v2 one directory, in v1 one in each hierarchy.
    fn directories(&self) -> Vec<PathBuf> {
        let top = Path::new("/sys/fs/cgroup");
        let hierarchies = fs::read_dir(top).into_iter().flatten().flatten();
        hierarchies
            .map(|entry| entry.path())
            .chain([top.to_owned()])
            .map(|hierarchy| hierarchy.join(&self.name))
            .filter(|path| path.is_dir())
            .collect()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let left = self.directories();
            if left.is_empty() || Instant::now() > deadline {
                return;
            }
            left.iter().for_each(|directory| remove(directory));
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What cannot be removed yet is removed the next time.
fn remove(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    let processes = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in processes
        .lines()
        .filter_map(|line| pid_of(line.parse().ok()?))
    {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    let _ = fs::remove_dir(directory);
}
