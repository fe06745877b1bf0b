//! Where a dying JVM's counters are: `/tmp/hsperfdata_USER/PID` of its own root directory, `PID` as
//! in its own pid namespace.
//!
//! The file stays when the JVM is killed, but the way to it goes: the root is reached through a
//! thread of the victim that has not yet let go of it (the last one of them tears the memory down
//! first). Everything below that root is the victim's to choose: no link is followed, no file
//! system is asked that is not in memory already, and little is read. The victim's memory is not
//! touched.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, RawDir, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::model::JvmCounters;

/// A file of counters has 32 KiB unless it was asked for more.
const FILE_BYTES_MAX: u64 = 128 << 10;
/// Names that are looked at in the victim's `/tmp`.
const NAMES_MAX: usize = 1024;
/// Threads whose root is tried.
const THREADS_MAX: usize = 1024;
/// Users whose counters are looked for.
const USERS_MAX: usize = 16;

const PREFIX: &[u8] = b"hsperfdata_";

/// The root directory of a process: of its first thread that still has one.
pub(in crate::enrich) fn root_of(pid: u32) -> Option<OwnedFd> {
    let open = |path: String| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).ok()
    };
    if let Some(root) = open(format!("/proc/{pid}/root")) {
        return Some(root);
    }
    fs::read_dir(format!("/proc/{pid}/task"))
        .ok()?
        .take(THREADS_MAX)
        .find_map(|thread| {
            let tid = thread.ok()?.file_name().into_string().ok()?;
            open(format!("/proc/{pid}/task/{tid}/root"))
        })
}

/// The counters of the JVM with this root directory and this process id in its own namespace;
/// `None` where there are none, as for every process that is no JVM.
pub(in crate::enrich) fn below(root: &OwnedFd, ns_pid: u32) -> Option<JvmCounters> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let tmp = resolve(root, c"tmp", directory)?;
    if !is_local(&tmp) {
        return None;
    }
    let pid = std::ffi::CString::new(ns_pid.to_string()).ok()?;
    let found = users(&tmp).into_iter().find_map(|name| {
        let user = resolve(&tmp, &name, directory)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        resolve(&user, &pid, flags)
    })?;
    let about = rustix::fs::fstat(&found).ok()?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile || !is_local(&found) {
        return None;
    }
    let mut bytes = Vec::new();
    File::from(found)
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    super::jvm_counters(&bytes)
}

/// Opens what the kernel has in memory: where the JVM lives, its file is mapped, and so every
/// directory above it. A network's file system is not asked.
fn resolve(at: &OwnedFd, name: &CStr, flags: OFlags) -> Option<OwnedFd> {
    let how = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::IN_ROOT;
    let open = |how| openat2(at, name, flags, Mode::empty(), how);
    match open(how | ResolveFlags::CACHED) {
        // Kernels before 5.12 do not know the flag.
        Err(Errno::INVAL) => open(how).ok(),
        other => other.ok(),
    }
}

/// Whether it is a file system that answers by itself, without a server in user space or elsewhere.
fn is_local(directory: &OwnedFd) -> bool {
    const LOCAL: [u32; 8] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // xfs
        0x9123_683e, // btrfs
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
        0x794c_7630, // overlayfs
        0xf2f5_2010, // f2fs
        0x2fc1_2fc1, // zfs
    ];
    rustix::fs::fstatfs(directory)
        .is_ok_and(|about| u32::try_from(about.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
}

/// The directories of users' JVMs.
fn users(tmp: &OwnedFd) -> Vec<std::ffi::CString> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut names = RawDir::new(tmp, &mut buffer);
    let mut found = Vec::new();
    for _ in 0..NAMES_MAX {
        let Some(Ok(entry)) = names.next() else {
            break;
        };
        if entry.file_name().to_bytes().starts_with(PREFIX) {
            found.push(entry.file_name().to_owned());
            if found.len() == USERS_MAX {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::hsperf::tests::{SERIAL, file};
    use super::*;

    fn root() -> (tempfile::TempDir, OwnedFd) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("tmp/hsperfdata_app")).unwrap();
        let open = File::open(root.path()).unwrap().into();
        (root, open)
    }

    #[test]
    fn finds_the_file_of_a_process() {
        let (root, open) = root();
        let content = file(true, &SERIAL, "Copy:MSC");
        fs::create_dir(root.path().join("tmp/hsperfdata_other")).unwrap();
        fs::write(root.path().join("tmp/hsperfdata_app/7"), &content).unwrap();
        assert_eq!(below(&open, 7).unwrap().threads, Some(6));
        assert_eq!(below(&open, 8), None);
    }

    #[test]
    fn follows_no_link_and_opens_no_pipe() {
        let (root, open) = root();
        let content = file(true, &SERIAL, "Copy:MSC");
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), &content).unwrap();
        symlink(outside.path(), root.path().join("tmp/hsperfdata_app/7")).unwrap();
        assert_eq!(below(&open, 7), None);

        let pipe = root.path().join("tmp/hsperfdata_app/8");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(below(&open, 8), None);

        fs::write(root.path().join("tmp/9"), &content).unwrap();
        symlink(".", root.path().join("tmp/hsperfdata_link")).unwrap();
        assert_eq!(below(&open, 9), None);

        fs::remove_dir_all(root.path().join("tmp")).unwrap();
        fs::create_dir_all(root.path().join("real/hsperfdata_app")).unwrap();
        fs::write(root.path().join("real/hsperfdata_app/7"), &content).unwrap();
        symlink("real", root.path().join("tmp")).unwrap();
        assert_eq!(below(&open, 7), None);
    }

    #[test]
    fn a_process_that_is_gone_has_no_root() {
        assert!(root_of(u32::MAX).is_none());
    }
}
