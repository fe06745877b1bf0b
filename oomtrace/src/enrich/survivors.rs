//! Who else could have been killed, where no hook sees whom the kernel looks at: the processes that
//! live on, by `/proc`. The victim is not among them, and nothing of its own is read.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::cgroupfs::CgroupFs;
use crate::model::{Bytes, Candidate, SnapshotRequest, Survivors, Text};

/// Processes that are kept.
const KEPT_MAX: usize = 100;
/// Processes that are looked at.
const LOOKED_AT_MAX: usize = 4096;
/// How long looking may take.
const TIME_MAX_US: u64 = 20_000;
/// From the end of one look to the begin of the next, so that a storm of kills does not keep a
/// processor busy with it.
const PAUSE_NS: u64 = 200_000_000;
/// More than a process's status is long.
const STATUS_BYTES: usize = 4096;

/// Looks at processes.
#[derive(Debug)]
pub(super) struct Processes {
    proc: PathBuf,
    next_boot_ns: u64,
    buffer: Box<[u8]>,
}

impl Processes {
    /// `proc` is where the file system of processes is mounted.
    pub(super) fn new(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            next_boot_ns: 0,
            buffer: vec![0; STATUS_BYTES].into_boxed_slice(),
        }
    }

    /// Those of the cgroup whose limit was hit, or all of the node. Nothing if that is not known,
    /// or if the last look was only just now.
    pub(super) fn survivors(
        &mut self,
        request: &SnapshotRequest,
        cgroups: Option<&CgroupFs>,
        boot_now_ns: impl Fn() -> u64,
    ) -> Option<Survivors> {
        let begin = boot_now_ns();
        if begin < self.next_boot_ns {
            return None;
        }
        let (ids, mut all) = match &request.limit_cgroup_path {
            Some(path) => cgroups?.processes(path, LOOKED_AT_MAX)?,
            None => self.everyone()?,
        };
        let mut list = Vec::new();
        let mut total: u32 = 0;
        for pid in ids {
            // The first process is never looked at (`oom_unkillable_task()`).
            if Some(pid) == request.victim_pid || pid == 1 {
                continue;
            }
            if boot_now_ns().saturating_sub(begin) / 1000 > TIME_MAX_US {
                all = false;
                break;
            }
            // A thread of the kernel, and one that is about to exit, has no memory.
            let Some(candidate) = self.process(pid) else {
                continue;
            };
            total += 1;
            list.push(candidate);
            if list.len() > KEPT_MAX * 2 {
                keep_largest(&mut list);
            }
        }
        keep_largest(&mut list);
        let end = boot_now_ns();
        self.next_boot_ns = end.saturating_add(PAUSE_NS);
        Some(Survivors {
            delay_us: end.saturating_sub(request.marked_boot_ns) / 1000,
            candidates: list,
            total: all.then_some(total),
        })
    }

    fn everyone(&self) -> Option<(Vec<u32>, bool)> {
        let names = fs::read_dir(&self.proc).ok()?.flatten();
        let mut ids: Vec<u32> = names
            .filter_map(|name| name.file_name().to_str()?.parse().ok())
            .take(LOOKED_AT_MAX + 1)
            .collect();
        let all = ids.len() <= LOOKED_AT_MAX;
        ids.truncate(LOOKED_AT_MAX);
        Some((ids, all))
    }

    fn process(&mut self, pid: u32) -> Option<Candidate> {
        let folder = self.proc.join(pid.to_string());
        let adj = self.read(&folder.join("oom_score_adj"))?;
        let adj = str::from_utf8(adj).ok()?.trim().parse().ok();
        let status = self.read(&folder.join("status"))?;
        let mut candidate = parse(status)?;
        candidate.pid = pid;
        candidate.oom_score_adj = adj;
        Some(candidate)
    }

    fn read(&mut self, path: &Path) -> Option<&[u8]> {
        let len = File::open(path).ok()?.read(&mut self.buffer).ok()?;
        self.buffer.get(..len)
    }
}

fn keep_largest(list: &mut Vec<Candidate>) {
    let size = |bytes: Option<Bytes>| bytes.map_or(0, |bytes| bytes.0);
    list.sort_by_key(|one| {
        let all = size(one.rss_bytes)
            .saturating_add(size(one.swap_bytes))
            .saturating_add(size(one.pgtables_bytes));
        (std::cmp::Reverse(all), one.pid)
    });
    list.truncate(KEPT_MAX);
}

fn parse(status: &[u8]) -> Option<Candidate> {
    let field = |name: &str| {
        status.split(|byte| *byte == b'\n').find_map(|line| {
            line.strip_prefix(name.as_bytes())?
                .strip_prefix(b":")
                .map(<[u8]>::trim_ascii)
        })
    };
    let number = |name: &str| {
        let word = field(name)?.split(u8::is_ascii_whitespace).next()?;
        str::from_utf8(word).ok()?.parse::<u64>().ok()
    };
    let bytes = |name: &str| number(name)?.checked_mul(1024).map(Bytes);
    let name = Text::from_bytes(&unescaped(field("Name")?));
    Some(Candidate {
        comm: Some(name.lossy),
        comm_hex: name.hex,
        uid: number("Uid").and_then(|uid| u32::try_from(uid).ok()),
        rss_bytes: Some(bytes("VmRSS")?),
        swap_bytes: bytes("VmSwap"),
        pgtables_bytes: bytes("VmPTE"),
        ..Candidate::default()
    })
}

/// The kernel writes a new line in a name as `\n` and a backslash as `\\`.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(b'n')) => {
                bytes.next();
                out.push(b'\n');
            }
            (b'\\', Some(b'\\')) => {
                bytes.next();
                out.push(b'\\');
            }
            _ => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn process(proc: &TempDir, pid: u32, name: &str, rss_kib: Option<u64>) {
        let folder = proc.path().join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let memory = rss_kib.map_or(String::new(), |kib| {
            format!("VmRSS:\t  {kib} kB\nVmPTE:\t 8 kB\nVmSwap:\t 0 kB\n")
        });
        let status = format!("Name:\t{name}\nTgid:\t{pid}\nUid:\t33\t34\t35\t36\n{memory}");
        fs::write(folder.join("status"), status).unwrap();
        fs::write(folder.join("oom_score_adj"), "-5\n").unwrap();
    }

    fn request() -> SnapshotRequest {
        SnapshotRequest {
            sequence: 1,
            marked_boot_ns: 1_000_000,
            victim_cgroup_path: None,
            limit_cgroup_path: None,
            victim_pid: Some(3),
            victim_start_boot_ns: None,
            victim_ns_pid: None,
            node_memory: true,
            survivors: true,
        }
    }

    #[test]
    fn the_largest_come_first_and_only_killable_ones() {
        let proc = TempDir::new().unwrap();
        process(&proc, 1, "init", Some(4000));
        process(&proc, 5, "small", Some(4));
        process(&proc, 2, "kthreadd", None);
        process(&proc, 3, "victim", Some(900));
        process(&proc, 4, r"a\nb\\c", Some(800));
        fs::create_dir(proc.path().join("sys")).unwrap();
        let mut processes = Processes::new(proc.path());
        let seen = processes.survivors(&request(), None, || 3_000_000).unwrap();
        let ids: Vec<u32> = seen.candidates.iter().map(|one| one.pid).collect();
        assert_eq!(
            (ids, seen.total, seen.delay_us),
            (vec![4, 5], Some(2), 2000)
        );
        let largest = &seen.candidates[0];
        assert_eq!(largest.comm.as_deref(), Some("a\nb\\c"));
        assert_eq!((largest.uid, largest.oom_score_adj), (Some(33), Some(-5)));
        assert_eq!(largest.rss_bytes, Some(Bytes(800 << 10)));
        assert_eq!(largest.badness_pages, None, "only the kernel knows it");
    }

    #[test]
    fn a_storm_is_not_followed_by_another() {
        let proc = TempDir::new().unwrap();
        process(&proc, 1, "init", Some(4));
        let mut processes = Processes::new(proc.path());
        let mut look = |now| processes.survivors(&request(), None, || now).is_some();
        assert!(look(1_000_000));
        assert!(!look(1_000_000 + PAUSE_NS - 1));
        assert!(look(1_000_000 + PAUSE_NS));
    }

    #[test]
    fn only_the_largest_are_kept_and_all_are_counted() {
        let proc = TempDir::new().unwrap();
        for pid in 10..310 {
            process(&proc, pid, "many", Some(u64::from(pid)));
        }
        let mut processes = Processes::new(proc.path());
        let seen = processes.survivors(&request(), None, || 0).unwrap();
        assert_eq!(seen.candidates.len(), KEPT_MAX);
        assert_eq!((seen.candidates[0].pid, seen.total), (309, Some(300)));
    }

    #[test]
    fn looking_ends_in_time() {
        let proc = TempDir::new().unwrap();
        process(&proc, 5, "small", Some(4));
        let mut processes = Processes::new(proc.path());
        let calls = std::cell::Cell::new(0);
        let slow = || {
            calls.set(calls.get() + 1);
            calls.get() * 1_000_000_000
        };
        let seen = processes.survivors(&request(), None, slow).unwrap();
        assert_eq!((seen.candidates.len(), seen.total), (0, None));
    }
}
