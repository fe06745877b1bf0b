//! The mounted hierarchy: its files are opened below the held directory.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::mount::{Mount, below, memory_mounts};
use super::stat;
use crate::model::{Missing, Reason, StatReading, Text};

/// Bytes of a `memory.stat` file that are read; real ones have up to some 4 KiB.
const STAT_BYTES_MAX: u64 = 32 * 1024;

/// Inode number of the initial cgroup namespace, fixed by the kernel (`PROC_CGROUP_INIT_INO`).
const INITIAL_CGROUP_NAMESPACE: u64 = 0xEFFF_FFFB;

/// Inode number of the root directory of a cgroup hierarchy.
const HIERARCHY_ROOT: u64 = 1;

/// Where the memory controller's files could not be found, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// The list of mounts could not be read.
    #[error("cannot read {path}: {why}; statistics of cgroups will be missing")]
    Unreadable {
        /// The list.
        path: String,
        /// The system's own words.
        why: String,
    },
    /// No mounted hierarchy has the memory controller.
    #[error(
        "no cgroup hierarchy with the memory controller is mounted; mount it, or run oomtrace with the host's /sys/fs/cgroup"
    )]
    NoController,
    /// What is mounted is a part of the hierarchy, and a cgroup namespace hides which.
    #[error(
        "only a part of the cgroup hierarchy is mounted at {mount_point}, and this cgroup namespace hides which; run oomtrace in the host's cgroup namespace, or mount the host's /sys/fs/cgroup"
    )]
    HiddenRoot {
        /// Where it is mounted.
        mount_point: String,
    },
}

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// List of mounts.
    pub mountinfo: PathBuf,
    /// This process's cgroup namespace, a link.
    pub cgroup_namespace: PathBuf,
    /// Put before every mount point.
    pub root: PathBuf,
}

/// Reads the statistics of cgroups.
#[derive(Debug)]
pub struct CgroupFs {
    directory: OwnedFd,
    pub(super) version: u8,
    /// Path, from the hierarchy's root, of the cgroup that is mounted.
    pub(super) offset: Vec<u8>,
    mount_point: PathBuf,
}

impl CgroupFs {
    /// Finds the mount with the memory controller and holds it open.
    ///
    /// # Errors
    /// [`MountError`], where there is none that can be used.
    pub fn find(places: &Places) -> Result<Self, MountError> {
        let text = std::fs::read(&places.mountinfo).map_err(|error| MountError::Unreadable {
            path: places.mountinfo.display().to_string(),
            why: error.to_string(),
        })?;
        let in_initial_namespace = std::fs::metadata(&places.cgroup_namespace)
            .is_ok_and(|namespace| inode(&namespace) == INITIAL_CGROUP_NAMESPACE);
        let mut hidden = None;
        let mut partial = None;
        for mount in memory_mounts(&text) {
            let Some(directory) = open_mount(&mount, &places.root) else {
                continue;
            };
            let is_root = rustix::fs::fstat(&directory).is_ok_and(|s| s.st_ino == HIERARCHY_ROOT);
            let offset = if is_root {
                Vec::new()
            } else if in_initial_namespace {
                mount.root.clone()
            } else {
                hidden.get_or_insert(mount);
                continue;
            };
            let mut found = Self::new(directory, mount.version, offset);
            found.mount_point = PathBuf::from(OsStr::from_bytes(&mount.mount_point));
            if is_root || mount.root == b"/" {
                return Ok(found);
            }
            partial.get_or_insert(found);
        }
        partial.ok_or_else(|| match hidden {
            Some(mount) => MountError::HiddenRoot {
                mount_point: String::from_utf8_lossy(&mount.mount_point).into_owned(),
            },
            None => MountError::NoController,
        })
    }

    /// Reads below `directory`, where the cgroup at `offset` of a hierarchy of `version` is.
    #[must_use]
    pub fn new(directory: OwnedFd, version: u8, offset: Vec<u8>) -> Self {
        Self {
            directory,
            version,
            offset,
            mount_point: PathBuf::new(),
        }
    }

    /// 1 or 2: the version of the hierarchy that the memory controller is on.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// Path of the cgroup that is mounted: only it and what is below can be read. Absent where all
    /// of the hierarchy is mounted.
    #[must_use]
    pub fn mounted_part(&self) -> Option<&[u8]> {
        (!self.offset.is_empty()).then_some(&*self.offset)
    }

    /// Where it is mounted; empty if only a directory was given.
    #[must_use]
    pub fn mount_point(&self) -> &Path {
        &self.mount_point
    }

    /// Reads `memory.stat`, then the usage, of the cgroup at `path` (from the hierarchy's root).
    /// `delay_us` is called between the two and gives the microseconds since the kill.
    ///
    /// # Errors
    /// A [`Missing`] for `limit.usage`: `cgroup_gone`, `cgroup_outside_mount`, `bad_cgroup_path`
    /// or `unreadable`.
    pub fn read(
        &self,
        path: &[u8],
        delay_us: impl FnOnce() -> u64,
    ) -> Result<StatReading, Missing> {
        let relative = below(path, &self.offset).ok_or_else(|| {
            missing(
                Reason::CgroupOutsideMount,
                format!(
                    "only the part of the cgroup hierarchy below {} is mounted",
                    String::from_utf8_lossy(&self.offset)
                ),
            )
        })?;
        let directory = self.open(relative)?;
        let mut stat = StatReading {
            cgroup_path: Text::from_bytes(path).lossy,
            ..StatReading::default()
        };
        let text =
            read_file(&directory, "memory.stat").map_err(|error| failed("memory.stat", error))?;
        stat.delay_us = delay_us();
        stat::parse(&text, self.version, &mut stat);
        let usage_file = match self.version {
            2 => "memory.current",
            _ => "memory.usage_in_bytes",
        };
        // Absent for the root of v2; without it the split just says less.
        stat.usage_bytes = read_file(&directory, usage_file)
            .ok()
            .and_then(|text| stat::number(&text));
        Ok(stat)
    }

    /// Opens a cgroup's directory. One component at a time, for a deep path of long names is
    /// longer than the kernel takes in one call.
    pub(super) fn open(&self, relative: &[u8]) -> Result<OwnedFd, Missing> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |at: &OwnedFd, name: &[u8]| {
            rustix::fs::openat(at, OsStr::from_bytes(name), flags, Mode::empty())
                .map_err(|error| failed("the cgroup's directory", error))
        };
        let mut directory = open(&self.directory, b".")?;
        for name in relative.split(|&byte| byte == b'/') {
            match name {
                b"" => continue,
                b"." | b".." => {
                    return Err(missing(
                        Reason::BadCgroupPath,
                        "the cgroup's path has a component that is no name".to_owned(),
                    ));
                }
                name => directory = open(&directory, name)?,
            }
        }
        Ok(directory)
    }
}

fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// Opens a mount point if it is a cgroup directory with the memory controller.
fn open_mount(mount: &Mount, root: &Path) -> Option<OwnedFd> {
    let below_root = mount.mount_point.strip_prefix(b"/")?;
    let path = root.join(OsStr::from_bytes(below_root));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let has_memory = match mount.version {
        2 => read_file(&directory, "cgroup.controllers").is_ok_and(|controllers| {
            controllers
                .split(u8::is_ascii_whitespace)
                .any(|name| name == b"memory")
        }),
        // Something else may have been mounted over it since.
        _ => rustix::fs::accessat(
            &directory,
            "cgroup.procs",
            rustix::fs::Access::EXISTS,
            rustix::fs::AtFlags::empty(),
        )
        .is_ok(),
    };
    has_memory.then_some(directory)
}

pub(super) fn read_file(directory: &OwnedFd, name: &str) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty())?;
    let mut text = Vec::new();
    std::fs::File::from(file)
        .take(STAT_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(text)
}

/// A removed cgroup has no directory; an open file of one gives `ENODEV`.
fn failed(what: impl fmt::Display, error: Errno) -> Missing {
    match error {
        Errno::NOENT | Errno::NODEV => missing(
            Reason::CgroupGone,
            "the cgroup was removed before its statistics could be read".to_owned(),
        ),
        error => missing(
            Reason::Unreadable,
            format!("cannot read {what}: {}", io::Error::from(error)),
        ),
    }
}

fn missing(reason: Reason, why: String) -> Missing {
    Missing {
        field: "limit.usage".to_owned(),
        reason,
        why: Some(why),
    }
}
