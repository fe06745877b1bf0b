//! Landlock: a thread that may write, make and remove files below some directories only, and run
//! nothing. Reading is left free: names are resolved, and `/proc` and configuration are read.
//!
//! `include/uapi/linux/landlock.h`. The rights that this kernel does not know are left out.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
/// `REMOVE_DIR`, `REMOVE_FILE`, and the seven `MAKE_…`.
const REMOVE_AND_MAKE: u64 = 0b1_1111_1111 << 4;
const TRUNCATE: u64 = 1 << 14;

/// The first ABI with `TRUNCATE`.
const ABI_TRUNCATE: libc::c_long = 3;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

/// `struct landlock_ruleset_attr` of the first ABI.
#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
}

/// `struct landlock_path_beneath_attr`
#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

/// The version of Landlock's ABI; absent where the kernel does not have it or it is off.
#[must_use]
#[expect(unsafe_code, reason = "Landlock has no wrapper in the C library")]
pub fn abi() -> Option<libc::c_long> {
    // SAFETY: with this flag the kernel reads no attributes, and only answers with a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<RulesetAttr>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    (version > 0).then_some(version)
}

/// Confines this thread, and those that it starts, to writing below `directories`. A directory that is
/// not there yet is replaced by the nearest one above it. `no_new_privs` must be set.
///
/// # Errors
///
/// The kernel does not have Landlock, or refuses.
pub fn confine(directories: &[PathBuf]) -> io::Result<()> {
    let abi = abi().ok_or(io::ErrorKind::Unsupported)?;
    let mut writes = WRITE_FILE | REMOVE_AND_MAKE;
    if abi >= ABI_TRUNCATE {
        writes |= TRUNCATE;
    }
    let ruleset = create_ruleset(writes | EXECUTE)?;
    for directory in directories {
        allow_below(&ruleset, directory, writes)?;
    }
    restrict_self(&ruleset)
}

#[expect(unsafe_code, reason = "Landlock has no wrapper in the C library")]
fn create_ruleset(handled_access_fs: u64) -> io::Result<OwnedFd> {
    let attributes = RulesetAttr { handled_access_fs };
    // SAFETY: the kernel reads as many bytes of the attributes as the size says.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attributes,
            size_of::<RulesetAttr>(),
            0_u32,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for nobody else.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[expect(unsafe_code, reason = "Landlock has no wrapper in the C library")]
fn allow_below(ruleset: &OwnedFd, directory: &Path, allowed_access: u64) -> io::Result<()> {
    let parent = nearest(directory)?;
    let attributes = PathBeneathAttr {
        allowed_access,
        parent_fd: parent.as_raw_fd(),
    };
    // SAFETY: the kernel reads one packed structure of the kind that the type of the rule says.
    let added = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const attributes,
            0_u32,
        )
    };
    succeeded(added)
}

#[expect(unsafe_code, reason = "Landlock has no wrapper in the C library")]
fn restrict_self(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes a descriptor and a number.
    let restricted =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    succeeded(restricted)
}

fn succeeded(result: libc::c_long) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn nearest(directory: &Path) -> io::Result<OwnedFd> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for ancestor in directory.ancestors() {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(ancestor);
        match opened {
            Ok(directory) => return Ok(directory.into()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::thread;

    use super::*;

    /// On a thread of its own. A kernel without Landlock must say so.
    #[test]
    fn writing_elsewhere_and_running_fails() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("old"), "x").unwrap();
        let confined = thread::scope(|scope| {
            let inner = scope.spawn(|| -> io::Result<()> {
                rustix::thread::set_no_new_privs(true)?;
                confine(&[inside.path().to_owned(), inside.path().join("later/a")])?;
                fs::write(inside.path().join("new"), "x").unwrap();
                fs::rename(inside.path().join("new"), inside.path().join("b")).unwrap();
                fs::remove_file(inside.path().join("b")).unwrap();
                fs::create_dir(inside.path().join("later")).unwrap();
                fs::read(outside.path().join("old")).unwrap();
                for denied in [
                    fs::write(outside.path().join("new"), "x"),
                    fs::write(outside.path().join("old"), "x"),
                    fs::remove_file(outside.path().join("old")),
                    fs::create_dir(outside.path().join("new")),
                    Command::new("true").status().map(|_| ()),
                ] {
                    let error = denied.unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
                }
                Ok(())
            });
            inner.join().unwrap()
        });
        match abi() {
            Some(_) => confined.unwrap(),
            None => assert_eq!(confined.unwrap_err().kind(), io::ErrorKind::Unsupported),
        }
    }
}
