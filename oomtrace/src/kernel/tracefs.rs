//! Files of tracefs, mounted or not.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Where it may be mounted.
const MOUNTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why a file of tracefs cannot be read.
#[derive(Debug)]
pub(super) enum TracefsError {
    /// It is mounted, but this process may not read it: only root may, by default.
    Denied {
        /// The file.
        path: String,
    },
    /// It is not mounted, and mounting it takes a capability that this process lacks.
    NotMounted,
    /// This kernel has no tracefs.
    NotBuilt,
    /// Anything else.
    Failed {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for TracefsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { path } => write!(f, "{path} may not be read"),
            Self::NotMounted => f.write_str("tracefs is not mounted, and may not be mounted"),
            Self::NotBuilt => f.write_str("this kernel has no tracefs"),
            Self::Failed { path, source } => write!(f, "cannot read {path}: {source}"),
        }
    }
}

impl TracefsError {
    /// What makes the file readable, where that is known.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Denied { .. } => Some(
                "grant CAP_DAC_READ_SEARCH, or let its group read it \
                 (mount -o remount,gid=GID,mode=0750 /sys/kernel/tracing)",
            ),
            // A fresh mount belongs to root and is closed to others.
            Self::NotMounted => Some(
                "grant CAP_SYS_ADMIN, or as root: mount -t tracefs tracefs /sys/kernel/tracing, \
                 and grant CAP_DAC_READ_SEARCH to a user other than root; in a container give it \
                 the host's (--volume /sys/kernel/tracing:/sys/kernel/tracing:ro)",
            ),
            Self::NotBuilt | Self::Failed { .. } => None,
        }
    }
}

/// Reads a file of tracefs. Where it is mounted at none of the usual places, it is read through a
/// detached mount that nobody else sees.
///
/// # Errors
///
/// Why the file cannot be read, and what would help.
pub(super) fn read(name: &str) -> Result<String, TracefsError> {
    let mut problem = None;
    for mount in MOUNTS {
        let path = Path::new(mount).join(name);
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(text),
            Err(error) => {
                let path = path.display().to_string();
                let found = match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => continue,
                    // /sys/kernel/debug itself is closed to others than root; that says nothing.
                    io::ErrorKind::PermissionDenied if !is_mounted(mount) => continue,
                    io::ErrorKind::PermissionDenied => TracefsError::Denied { path },
                    _ => TracefsError::Failed {
                        path,
                        source: error,
                    },
                };
                problem.get_or_insert(found);
            }
        }
    }
    match (read_detached(name), problem) {
        (Ok(text), _) => Ok(text),
        (Err(_), Some(problem)) => Err(problem),
        (Err(Errno::PERM | Errno::ACCESS), None) => Err(TracefsError::NotMounted),
        (Err(Errno::NODEV | Errno::NOSYS), None) => Err(TracefsError::NotBuilt),
        (Err(error), None) => Err(TracefsError::Failed {
            path: format!("{name} of tracefs"),
            source: error.into(),
        }),
    }
}

/// Whether something is mounted at `path`, as this process's list of mounts says.
fn is_mounted(path: &str) -> bool {
    fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| {
        mounts
            .lines()
            .any(|line| line.split(' ').nth(4) == Some(path))
    })
}

fn read_detached(name: &str) -> rustix::io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut file = File::from(openat(&mount()?, name, flags, Mode::empty())?);
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(text)
}

fn mount() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOSUID,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_fits_the_refusal() {
        let denied = TracefsError::Denied {
            path: "/sys/kernel/tracing/x".into(),
        };
        let remedy = denied.remedy().unwrap();
        assert!(remedy.contains("CAP_DAC_READ_SEARCH"), "{remedy}");
        assert!(
            !remedy.contains("mount -t"),
            "mounting helps nothing: {remedy}"
        );
        let remedy = TracefsError::NotMounted.remedy().unwrap();
        assert!(remedy.contains("mount -t tracefs"), "{remedy}");
    }

    #[test]
    fn a_file_that_tracefs_lacks_is_an_error() {
        assert!(read("events/none/none/format").is_err());
    }
}
