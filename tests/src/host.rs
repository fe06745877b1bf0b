//! What this host is, as far as the tests must know.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Runs what follows as a user who owns nothing and may do nothing.
pub const NOBODY: [&str; 6] = [
    "setpriv",
    "--reuid",
    "65534",
    "--regid",
    "65534",
    "--clear-groups",
];

/// Where the memory controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryController {
    /// 1 or 2.
    pub version: u8,
    /// Where its hierarchy is mounted.
    pub mount: PathBuf,
    /// Which cgroup of the hierarchy the mount shows at its top, `/` for the whole.
    pub root: Vec<u8>,
}

/// Finds the memory controller.
///
/// # Errors
/// `/proc` cannot be read, or no mounted hierarchy has the controller.
pub fn memory_controller() -> Result<MemoryController> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    let mut found = None;
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let (Some(root), Some(mount), Some(kind)) = (left.get(3), left.get(4), right.first())
        else {
            continue;
        };
        let controller = |version| MemoryController {
            version,
            mount: PathBuf::from(mount),
            root: root.as_bytes().to_vec(),
        };
        let v1 = *kind == "cgroup"
            && right
                .get(2)
                .is_some_and(|options| options.split(',').any(|option| option == "memory"));
        if v1 {
            return Ok(controller(1));
        }
        if *kind == "cgroup2" && has_memory(Path::new(mount)) {
            found = Some(controller(2));
        }
    }
    match found {
        Some(controller) => Ok(controller),
        None => bail!("no mounted cgroup hierarchy has the memory controller"),
    }
}

fn has_option(right: &[&str], wanted: &str) -> bool {
    right
        .get(2)
        .is_some_and(|options| options.split(',').any(|option| option == wanted))
}

/// Where the freezer of cgroup version 1 is mounted.
///
/// # Errors
/// `/proc` cannot be read, or it is not mounted.
pub fn freezer() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    let found = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let right: Vec<&str> = right.split(' ').collect();
        let is = right.first() == Some(&"cgroup") && has_option(&right, "freezer");
        if is {
            left.split(' ').nth(4).map(PathBuf::from)
        } else {
            None
        }
    });
    found.context(
        "the freezer of cgroup version 1 is not mounted, and nothing else holds a dying process",
    )
}

fn has_memory(mount: &Path) -> bool {
    fs::read_to_string(mount.join("cgroup.controllers"))
        .is_ok_and(|text| text.split_whitespace().any(|word| word == "memory"))
}

/// Where this user's caches lie, and in there what tests and their tools keep: `~/.cache/oomtrace`.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for what is kept")?;
    Ok(base.join("oomtrace"))
}

/// Bytes of a page.
#[must_use]
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// Processors that may hold a share of a per-CPU counter.
///
/// # Errors
/// `/sys` cannot be read.
pub fn possible_cpus() -> Result<u64> {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible").context("possible CPUs")?;
    let last = text.trim().rsplit(['-', ',']).next().unwrap_or_default();
    Ok(last.parse::<u64>().context("possible CPUs")? + 1)
}

/// How far off the kernel's own read of one RSS counter may be: each processor holds back up to one
/// page less than the batch of `percpu_counter` (`lib/percpu_counter.c`).
///
/// # Errors
/// As [`possible_cpus`].
pub fn rss_batch_bytes() -> Result<u64> {
    let cpus = possible_cpus()?;
    Ok(cpus * (cpus * 2).max(32) * page_size())
}

/// Fails, with the reason, where a live test cannot run.
///
/// # Errors
/// Not root.
pub fn require_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    bail!("live tests make cgroups and load BPF programs: run them as root")
}
