//! Memory cgroups that go away again, with all that is in them.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, process, thread};

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::process::{Pid, Signal};

use crate::counters;
use crate::host::{self, MemoryController};

/// Does something in each of these cgroups at the same time; all that it gives.
///
/// # Errors
/// What it could not do in one of them.
pub fn in_each<T: Send>(
    cgroups: &[Cgroup],
    task: impl Fn(&Cgroup) -> Result<Vec<T>> + Sync,
) -> Result<Vec<T>> {
    let task = &task;
    thread::scope(|scope| {
        let threads: Vec<_> = cgroups
            .iter()
            .map(|cgroup| scope.spawn(move || task(cgroup)))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            let gives = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
            all.extend(gives?);
        }
        Ok(all)
    })
}

/// A memory cgroup; dropping it kills what is left in it and removes it.
///
/// It is reached through its open directory, so that its path may be longer than the kernel takes.
#[derive(Debug)]
pub struct Cgroup {
    controller: MemoryController,
    parent: OwnedFd,
    directory: OwnedFd,
    name: OsString,
    path: Vec<u8>,
}

impl Cgroup {
    /// A new cgroup at the top of the hierarchy, named for this process.
    ///
    /// # Errors
    /// There is no memory controller, or the cgroup cannot be made.
    pub fn top() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let controller = host::memory_controller()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("oomtrace-test-{}-{number}", process::id());
        let parent = open(rustix::fs::CWD, controller.mount.as_os_str())?;
        let path = controller.root.clone();
        Self::make(controller, parent, path, OsStr::new(&name))
    }

    /// So many new cgroups inside this one, each with a limit.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub fn children(&self, count: usize, mib: u64) -> Result<Vec<Self>> {
        (0..count)
            .map(|number| {
                let child = self.child(number.to_string())?;
                child.limit_mib(mib)?;
                Ok(child)
            })
            .collect()
    }

    /// A new cgroup inside this one.
    ///
    /// # Errors
    /// The cgroup cannot be made; the kernel's error is the source.
    pub fn child(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let parent = self
            .directory
            .try_clone()
            .context("cannot copy a descriptor")?;
        Self::make(
            self.controller.clone(),
            parent,
            self.path.clone(),
            name.as_ref(),
        )
    }

    fn make(
        controller: MemoryController,
        parent: OwnedFd,
        mut path: Vec<u8>,
        name: &OsStr,
    ) -> Result<Self> {
        if controller.version == 2 {
            // A cgroup has the controller only where its parent hands it on.
            write_in(&parent, "cgroup.subtree_control", "+memory")?;
        }
        rustix::fs::mkdirat(&parent, name, Mode::from(0o755))
            .map_err(io::Error::from)
            .with_context(|| format!("cannot make the cgroup {}", name.display()))?;
        if path != b"/" {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        let directory = open(&parent, name)?;
        let made = Self {
            controller,
            parent,
            directory,
            name: name.to_owned(),
            path,
        };
        if made.controller.version == 1
            && made
                .read("memory.use_hierarchy")
                .is_ok_and(|text| text.trim() == "0")
        {
            made.write("memory.use_hierarchy", "1")?;
        }
        Ok(made)
    }

    /// The path from the root of the hierarchy, as the kernel prints it.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// 1 or 2.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.controller.version
    }

    /// The directory, by a path that any process can open while this value lives.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        directory_of(&self.directory)
    }

    /// kernfs id: the inode number of the directory.
    ///
    /// # Errors
    /// The directory cannot be examined.
    pub fn id(&self) -> Result<u64> {
        Ok(rustix::fs::fstat(&self.directory)
            .map_err(io::Error::from)?
            .st_ino)
    }

    /// Sets the limit of memory, and of memory with swap where the kernel counts that.
    ///
    /// # Errors
    /// The kernel refuses the limit.
    pub fn limit_mib(&self, mib: u64) -> Result<()> {
        let bytes = (mib << 20).to_string();
        if self.controller.version == 2 {
            self.write("memory.max", &bytes)?;
            return self.write_if_there("memory.swap.max", "0");
        }
        // The limit with swap may never be the lower one, so it goes last on the way down and first on
        // the way up.
        if self.write("memory.limit_in_bytes", &bytes).is_err() {
            self.write_if_there("memory.memsw.limit_in_bytes", &bytes)?;
            return self.write("memory.limit_in_bytes", &bytes);
        }
        self.write_if_there("memory.memsw.limit_in_bytes", &bytes)
    }

    /// Writes one of the cgroup's files.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        write_in(&self.directory, file, text)
            .with_context(|| format!("in the cgroup {}", String::from_utf8_lossy(&self.path)))
    }

    fn write_if_there(&self, file: &str, text: &str) -> Result<()> {
        if self.directory().join(file).exists() {
            return self.write(file, text);
        }
        Ok(())
    }

    /// Reads one of the cgroup's files.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.directory().join(file))
            .with_context(|| format!("cannot read {file}"))
    }

    /// Charged memory in bytes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn usage(&self) -> Result<u64> {
        let file = if self.controller.version == 2 {
            "memory.current"
        } else {
            "memory.usage_in_bytes"
        };
        self.read(file)?.trim().parse().context(file)
    }

    /// How many processes the OOM killer has killed in this cgroup. On version 1 that is this
    /// cgroup alone, on version 2 those below are in it too.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn kills(&self) -> Result<u64> {
        let file = if self.controller.version == 2 {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        counters::value(&self.read(file)?, "oom_kill")
            .with_context(|| format!("{file} has no oom_kill"))
    }

    /// The processes in it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn processes(&self) -> Result<Vec<u32>> {
        Ok(self
            .read("cgroup.procs")?
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect())
    }

    fn kill_all(&self) {
        for pid in self.processes().unwrap_or_default() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            self.kill_all();
            match rustix::fs::unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => return,
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                // What is left is named for this process and empty of memory; a panic here would
                // hide the test's own failure.
                Err(_) => return,
            }
        }
    }
}

fn directory_of(descriptor: &OwnedFd) -> PathBuf {
    Path::new("/proc")
        .join(process::id().to_string())
        .join("fd")
        .join(descriptor.as_raw_fd().to_string())
}

fn open(parent: impl std::os::fd::AsFd, name: &OsStr) -> Result<OwnedFd> {
    rustix::fs::openat(
        parent,
        name,
        OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(io::Error::from)
    .with_context(|| format!("cannot open the cgroup {}", name.display()))
}

fn write_in(directory: &OwnedFd, file: &str, text: &str) -> Result<()> {
    fs::write(directory_of(directory).join(file), text)
        .with_context(|| format!("cannot write {text:?} to {file}"))
}

/// A name of a cgroup that is no text.
#[must_use]
pub fn name(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
