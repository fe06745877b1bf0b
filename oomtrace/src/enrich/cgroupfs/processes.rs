//! Who lives in a cgroup and below it.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{Dir, FileType, Mode, OFlags};

use super::mount::below;
use super::tree::{CgroupFs, read_file};

/// Cgroups that are looked at.
const CGROUPS_MAX: usize = 256;

impl CgroupFs {
    /// Processes in the cgroup at `path` (from the hierarchy's root) and below it, at most `max`;
    /// nothing where it cannot be opened. The second is whether these are all.
    #[must_use]
    pub fn processes(&self, path: &[u8], max: usize) -> Option<(Vec<u32>, bool)> {
        let mut waiting = vec![self.open(below(path, &self.offset)?).ok()?];
        let mut found = Vec::new();
        let mut all = true;
        let mut seen = 0;
        while let Some(directory) = waiting.pop() {
            seen += 1;
            // Those of a threaded cgroup are listed in the one above it. The longest list that is read
            // has some 5,000 processes.
            let text = read_file(&directory, "cgroup.procs").unwrap_or_default();
            let ids = text
                .split(|byte| *byte == b'\n')
                .filter_map(|line| str::from_utf8(line).ok()?.parse::<u32>().ok());
            found.extend(ids);
            if found.len() > max {
                found.truncate(max);
                return Some((found, false));
            }
            for child in children(&directory) {
                if seen + waiting.len() < CGROUPS_MAX {
                    waiting.push(child);
                } else {
                    all = false;
                }
            }
        }
        Some((found, all))
    }
}

fn children(directory: &OwnedFd) -> Vec<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(entries) = Dir::read_from(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            entry.file_type() == FileType::Directory
                && !matches!(entry.file_name().to_bytes(), b"." | b"..")
        })
        .take(CGROUPS_MAX)
        .filter_map(|entry| {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            rustix::fs::openat(directory, name, flags, Mode::empty()).ok()
        })
        .collect()
}
