//! The limits of the cgroups directly below another one.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, RawDir};

use super::mount::below;
use super::stat;
use super::tree::{CgroupFs, read_file};
use crate::model::{Bytes, ChildLimits};

/// Cgroups that are looked at; where there are more, nothing is said.
const CHILDREN_MAX: u32 = 256;

/// From here on a limit of cgroup v1 is none: it is the largest that the counter holds.
const NO_LIMIT: u64 = 1 << 60;

impl CgroupFs {
    /// The limits of the cgroups directly below the one at `path`; `None` where they could not be
    /// read, or are too many.
    pub(in crate::enrich) fn children(&self, path: &[u8]) -> Option<ChildLimits> {
        let directory = self.open(below(path, &self.offset)?).ok()?;
        let mut found = ChildLimits::default();
        let before = self.usage_of(&directory);
        let mut below_bytes = Some(Bytes(0));
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(&directory, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if entry.file_type() != FileType::Directory || name == c"." || name == c".." {
                continue;
            }
            if found.total == CHILDREN_MAX {
                return None;
            }
            found.total += 1;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // It may have been removed since.
            let Ok(child) = rustix::fs::openat(&directory, name, flags, Mode::empty()) else {
                continue;
            };
            let usage = self.usage_of(&child);
            below_bytes = below_bytes
                .zip(usage)
                .map(|(sum, usage)| sum.saturating_add(usage));
            if let Some(limit) = self.limit_of(&child) {
                found.limited_total += 1;
                found.limits_bytes = found.limits_bytes.saturating_add(limit);
            }
        }
        // The victim may have gone between two of these figures.
        found.own_bytes = before
            .zip(self.usage_of(&directory))
            .map(|(before, after)| before.min(after))
            .zip(below_bytes.filter(|_| found.total > 0))
            .map(|(all, below)| all.saturating_sub(below));
        Some(found)
    }

    fn usage_of(&self, directory: &OwnedFd) -> Option<Bytes> {
        let file = match self.version {
            2 => "memory.current",
            _ => "memory.usage_in_bytes",
        };
        stat::number(&read_file(directory, file).ok()?)
    }

    fn limit_of(&self, directory: &OwnedFd) -> Option<Bytes> {
        let file = match self.version {
            2 => "memory.max",
            _ => "memory.limit_in_bytes",
        };
        // `max` of version 2 is no number.
        stat::number(&read_file(directory, file).ok()?).filter(|limit| limit.0 < NO_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn limits_of_children_are_summed() {
        for (version, file, none) in [
            (1, "memory.limit_in_bytes", "9223372036854771712\n"),
            (2, "memory.max", "max\n"),
        ] {
            let root = tempfile::tempdir().unwrap();
            for (name, limit) in [("a", "100\n"), ("b", "200\n"), ("c", none)] {
                let child = root.path().join("pod").join(name);
                fs::create_dir_all(&child).unwrap();
                fs::write(child.join(file), limit).unwrap();
            }
            fs::write(root.path().join("pod/tasks"), "").unwrap();
            let directory = fs::File::open(root.path()).unwrap().into();
            let cgroups = CgroupFs::new(directory, version, Vec::new());
            let found = cgroups.children(b"/pod").unwrap();
            assert_eq!((found.total, found.limited_total), (3, 2));
            assert_eq!(found.limits_bytes, Bytes(300));
            assert_eq!(cgroups.children(b"/pod/a").unwrap(), ChildLimits::default());
            assert_eq!(cgroups.children(b"/other"), None);
        }
    }

    #[test]
    fn what_no_child_is_charged_for_is_its_own() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, usage: &str| {
            let directory = root.path().join(name);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("memory.current"), usage).unwrap();
        };
        write("pod", "900\n");
        write("pod/a", "500\n");
        write("pod/b", "150\n");
        let directory = fs::File::open(root.path()).unwrap().into();
        let cgroups = CgroupFs::new(directory, 2, Vec::new());
        let own = || cgroups.children(b"/pod").unwrap().own_bytes;
        assert_eq!(own(), Some(Bytes(250)));
        fs::remove_file(root.path().join("pod/a/memory.current")).unwrap();
        assert_eq!(own(), None);
    }

    #[test]
    fn of_too_many_nothing_is_said() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..=CHILDREN_MAX {
            fs::create_dir(root.path().join(number.to_string())).unwrap();
        }
        let directory = fs::File::open(root.path()).unwrap().into();
        assert_eq!(CgroupFs::new(directory, 2, Vec::new()).children(b"/"), None);
    }
}
