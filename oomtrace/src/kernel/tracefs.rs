//! Files of tracefs, mounted or not.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags, openat},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
};

/// Where it may be mounted.
const MOUNTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Reads a file of it. Where it is mounted at none of the usual places, a mount that nobody else
/// sees and that is gone at the end does as well.
///
/// # Errors
///
/// What failed at each place, and what helps.
pub(super) fn read(name: &str) -> Result<String, String> {
    let mut problems = String::new();
    for mount in MOUNTS {
        let path = Path::new(mount).join(name);
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(text),
            Err(error) => problems.push_str(&format!("{}: {error}; ", path.display())),
        }
    }
    read_detached(name).map_err(|error| {
        format!(
            "{problems}in a mount of its own: {error} (mount -t tracefs tracefs /sys/kernel/tracing)"
        )
    })
}

fn read_detached(name: &str) -> io::Result<String> {
    let mut file = File::from(openat(
        &mount()?,
        name,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

fn mount() -> io::Result<OwnedFd> {
    let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOSUID,
    )?)
}
