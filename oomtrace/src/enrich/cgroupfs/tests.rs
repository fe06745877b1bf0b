//! The reader on directories that look like cgroups, and on this host's own.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::mount::memory_mounts;
use super::*;
use crate::model::Bytes;

fn open(path: &Path) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    rustix::fs::open(path, flags, Mode::empty()).unwrap()
}

fn cgroup(root: &TempDir, path: &str, stat: &str, usage: &str) {
    let directory = root.path().join(path.trim_start_matches('/'));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("memory.stat"), stat).unwrap();
    fs::write(directory.join("memory.usage_in_bytes"), usage).unwrap();
    fs::write(directory.join("memory.current"), usage).unwrap();
}

fn reader(root: &TempDir, version: u8, offset: &str) -> CgroupFs {
    CgroupFs::new(open(root.path()), version, offset.as_bytes().to_vec())
}

#[test]
fn reads_statistics_and_usage() {
    let root = TempDir::new().unwrap();
    cgroup(
        &root,
        "/docker/a b",
        "total_rss 20\ntotal_cache 10\n",
        "40\n",
    );
    let stat = reader(&root, 1, "").read(b"/docker/a b", || 310).unwrap();
    assert_eq!(stat.cgroup_path, "/docker/a b");
    assert_eq!(stat.delay_us, 310);
    assert_eq!(stat.anon_bytes, Some(Bytes(20)));
    assert_eq!(stat.file_bytes, Some(Bytes(10)));
    assert_eq!(stat.usage_bytes, Some(Bytes(40)));

    cgroup(&root, "/v2", "anon 5\n", "9\n");
    let stat = reader(&root, 2, "").read(b"/v2", || 0).unwrap();
    assert_eq!(
        (stat.anon_bytes, stat.usage_bytes),
        (Some(Bytes(5)), Some(Bytes(9)))
    );
}

#[test]
fn a_mounted_part_is_read_from_its_own_root() {
    let root = TempDir::new().unwrap();
    cgroup(&root, "/b", "total_rss 1\n", "1\n");
    let reader = reader(&root, 1, "/docker/a");
    assert_eq!(
        reader.read(b"/docker/a/b", || 0).unwrap().anon_bytes,
        Some(Bytes(1))
    );
    let outside = reader.read(b"/docker/ab/b", || 0).unwrap_err();
    assert_eq!(outside.reason.word(), "cgroup_outside_mount");
}

#[test]
fn a_deep_path_of_long_names_is_reached() {
    let root = TempDir::new().unwrap();
    // Longer than PATH_MAX: has to be made step by step too.
    let name = "n".repeat(255);
    let mut directory = open(root.path());
    for _ in 0..20 {
        rustix::fs::mkdirat(&directory, name.as_str(), Mode::RWXU).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        directory = rustix::fs::openat(&directory, name.as_str(), flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let file = rustix::fs::openat(&directory, "memory.stat", flags, Mode::RWXU).unwrap();
    rustix::io::write(&file, b"total_rss 7\n").unwrap();
    let path = format!("/{name}").repeat(20);
    let stat = reader(&root, 1, "").read(path.as_bytes(), || 0).unwrap();
    assert_eq!(stat.anon_bytes, Some(Bytes(7)));
    assert_eq!(stat.usage_bytes, None);
}

#[test]
fn reasons_for_absence() {
    let root = TempDir::new().unwrap();
    cgroup(&root, "/in/a", "total_rss 1\n", "1\n");
    let outside = TempDir::new().unwrap();
    cgroup(&outside, "/x", "total_rss 2\n", "2\n");
    std::os::unix::fs::symlink(outside.path(), root.path().join("in/link")).unwrap();
    fs::create_dir_all(root.path().join("in/odd/memory.stat")).unwrap();
    fs::create_dir(root.path().join("in/empty")).unwrap();
    let reader = CgroupFs::new(open(&root.path().join("in")), 1, Vec::new());
    for (path, reason) in [
        ("/gone", "cgroup_gone"),
        ("/a/gone/b", "cgroup_gone"),
        ("/empty", "cgroup_gone"),
        ("/../in/a", "bad_cgroup_path"),
        ("/a/..", "bad_cgroup_path"),
        ("/./a", "bad_cgroup_path"),
        ("/link/x", "unreadable"),
        ("/odd", "unreadable"),
        ("/a\0b", "unreadable"),
    ] {
        let error = reader.read(path.as_bytes(), || 0).unwrap_err();
        assert_eq!(error.reason.word(), reason, "{path:?}: {error:?}");
        assert_eq!(error.field, "limit.usage");
        assert!(error.why.is_some());
    }
    assert!(reader.read(b"/a", || 0).is_ok());
    assert!(
        reader.read(b"a", || 0).is_err(),
        "a path begins at the root"
    );
}

fn places(root: &TempDir, mountinfo: &str) -> Places {
    let file = root.path().join("mountinfo");
    fs::write(&file, mountinfo).unwrap();
    Places {
        mountinfo: file,
        cgroup_namespace: root.path().join("no-namespace"),
        root: root.path().to_owned(),
    }
}

#[test]
fn errors_say_what_and_what_to_do() {
    let root = TempDir::new().unwrap();
    let error = CgroupFs::find(&places(&root, "")).unwrap_err();
    assert_eq!(error, MountError::NoController);

    let mut unreadable = places(&root, "");
    unreadable.mountinfo = root.path().join("none");
    let error = CgroupFs::find(&unreadable).unwrap_err();
    assert!(matches!(error, MountError::Unreadable { .. }));
    assert!(error.to_string().contains("none"));

    // A v2 hierarchy without the controller does not count; a directory that is not the root of
    // a hierarchy, seen from a cgroup namespace, cannot be placed.
    fs::create_dir(root.path().join("cg")).unwrap();
    let line = "1 2 0:3 / /cg rw - cgroup2 c rw";
    assert_eq!(
        CgroupFs::find(&places(&root, line)).unwrap_err(),
        MountError::NoController
    );
    fs::write(root.path().join("cg/cgroup.controllers"), "cpu memory\n").unwrap();
    assert_eq!(
        CgroupFs::find(&places(&root, line)).unwrap_err(),
        MountError::HiddenRoot {
            mount_point: "/cg".to_owned()
        }
    );
}

#[test]
fn this_hosts_own_mount() {
    let places = Places {
        mountinfo: "/proc/self/mountinfo".into(),
        cgroup_namespace: "/proc/self/ns/cgroup".into(),
        root: "/".into(),
    };
    let mounts = memory_mounts(&fs::read("/proc/self/mountinfo").unwrap());
    match CgroupFs::find(&places) {
        Ok(found) => {
            let stat = found.read(&found.offset, || 1).unwrap();
            assert!(
                stat.anon_bytes.is_some() && stat.file_bytes.is_some(),
                "{stat:?}"
            );
        }
        // Only where there is none, or the sandbox around the test hides it.
        Err(MountError::NoController) => {
            assert!(mounts.iter().all(|mount| mount.version == 2));
        }
        Err(error) => assert!(matches!(error, MountError::HiddenRoot { .. }), "{error}"),
    }
}

proptest! {
    #[test]
    fn no_path_leads_out(parts in prop::collection::vec("(\\.\\.|\\.|in|a|secret|/|\\PC{0,3})", 0..8)) {
        let root = TempDir::new().unwrap();
        cgroup(&root, "/in/a", "total_rss 1\n", "1\n");
        cgroup(&root, "/secret", "total_rss 666\n", "1\n");
        cgroup(&root, "", "total_rss 666\n", "1\n");
        let reader = CgroupFs::new(open(&root.path().join("in")), 1, Vec::new());
        let path = format!("/{}", parts.join("/"));
        if let Ok(stat) = reader.read(path.as_bytes(), || 0) {
            prop_assert_eq!(stat.anon_bytes, Some(Bytes(1)));
        }
    }
}
