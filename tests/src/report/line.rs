//! Single lines of the report.

use crate::bytes;

/// `TASK_COMM_LEN` without the end mark.
const COMM_MAX: usize = 15;

/// `… invoked oom-killer: …`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invoked {
    /// Name of the thread that asked.
    pub comm: Vec<u8>,
    /// The allocation's flags.
    pub gfp_mask: u64,
    /// The same by name, separated by `|`.
    pub gfp_flags: String,
    /// 2^order pages; -1 for sysrq-f.
    pub order: i32,
    /// The asking process's own adjustment.
    pub oom_score_adj: i32,
}

impl Invoked {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (comm, rest) = bytes::rsplit(text, b" invoked oom-killer: gfp_mask=0x")?;
        if comm.len() > COMM_MAX {
            return None;
        }
        let (mask, rest) = bytes::split(rest, b"(")?;
        let (flags, rest) = bytes::split(rest, b")")?;
        Some(Self {
            comm: comm.to_vec(),
            gfp_mask: u64::from_str_radix(str::from_utf8(mask).ok()?, 16).ok()?,
            gfp_flags: String::from_utf8_lossy(flags).into_owned(),
            order: bytes::number_after(rest, b" order=")?,
            oom_score_adj: bytes::number_after(rest, b" oom_score_adj=")?,
        })
    }
}

/// `…: Killed process …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// The marked thread.
    pub tid: u32,
    /// Its name.
    pub comm: Vec<u8>,
    /// `total-vm`.
    pub total_vm_kib: u64,
    /// `anon-rss`.
    pub anon_rss_kib: u64,
    /// `file-rss`.
    pub file_rss_kib: u64,
    /// `shmem-rss`.
    pub shmem_rss_kib: u64,
    /// `UID`.
    pub uid: u32,
    /// `pgtables`.
    pub pgtables_kib: u64,
    /// `oom_score_adj`.
    pub oom_score_adj: i32,
}

impl Killed {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        // Only at the start: the name of a cgroup in another line may contain all of this.
        let rest = [
            b"Memory cgroup out of memory: Killed process ".as_slice(),
            b"Out of memory: Killed process ",
            b"Out of memory (oom_kill_allocating_task): Killed process ",
        ]
        .iter()
        .find_map(|start| text.strip_prefix(*start))?;
        let (tid, rest) = bytes::leading_number(rest)?;
        let (comm, figures) = bytes::rsplit(rest.strip_prefix(b" (")?, b") total-vm:")?;
        let kib = |key: &[u8]| bytes::number_after(figures, key);
        Some(Self {
            tid,
            comm: comm.to_vec(),
            total_vm_kib: bytes::leading_number(figures)?.0,
            anon_rss_kib: kib(b" anon-rss:")?,
            file_rss_kib: kib(b" file-rss:")?,
            shmem_rss_kib: kib(b" shmem-rss:")?,
            uid: bytes::number_after(figures, b" UID:")?,
            pgtables_kib: kib(b" pgtables:")?,
            oom_score_adj: bytes::number_after(figures, b" oom_score_adj:")?,
        })
    }
}

/// `oom_reaper: reaped process …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Microseconds of the log's clock.
    pub at_us: u64,
    /// The marked thread.
    pub tid: u32,
    /// Its name.
    pub comm: Vec<u8>,
    /// `now anon-rss`: what is left.
    pub anon_rss_kib: u64,
    /// `file-rss`.
    pub file_rss_kib: u64,
    /// `shmem-rss`.
    pub shmem_rss_kib: u64,
}

impl Reaped {
    pub(crate) fn parse(text: &[u8], at_us: u64) -> Option<Self> {
        let rest = text.strip_prefix(b"oom_reaper: reaped process ")?;
        let (tid, rest) = bytes::leading_number(rest)?;
        let (comm, figures) = bytes::rsplit(rest.strip_prefix(b" (")?, b"), now anon-rss:")?;
        Some(Self {
            at_us,
            tid,
            comm: comm.to_vec(),
            anon_rss_kib: bytes::leading_number(figures)?.0,
            file_rss_kib: bytes::number_after(figures, b" file-rss:")?,
            shmem_rss_kib: bytes::number_after(figures, b" shmem-rss:")?,
        })
    }
}

/// `NAME: usage …kB, limit …kB, failcnt …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Charged.
    pub usage_kib: u64,
    /// Allowed.
    pub limit_kib: u64,
    /// How often a charge has failed.
    pub failcnt: u64,
}

impl Counter {
    pub(crate) fn parse(text: &[u8]) -> Option<(&[u8], Self)> {
        let (name, rest) = bytes::split(text, b": usage ")?;
        let counter = Self {
            usage_kib: bytes::leading_number(rest)?.0,
            limit_kib: bytes::number_after(rest, b"kB, limit ")?,
            failcnt: bytes::number_after(rest, b"kB, failcnt ")?,
        };
        Some((name, counter))
    }

    /// The limit in bytes; `None` where the figure is `PAGE_COUNTER_MAX`, which means none.
    #[must_use]
    pub fn limit_bytes(&self, page_size: u64) -> Option<u64> {
        // PAGE_COUNTER_MAX is LONG_MAX / PAGE_SIZE pages.
        let unlimited_kib = (i64::MAX.unsigned_abs() / page_size).saturating_mul(page_size / 1024);
        if self.limit_kib >= unlimited_kib {
            None
        } else {
            Some(self.limit_kib << 10)
        }
    }
}

/// A row of the table of tasks; figures in pages but where the name says bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskRow {
    /// Process id.
    pub pid: u32,
    /// User.
    pub uid: u32,
    /// Thread group.
    pub tgid: u32,
    /// Mapped pages.
    pub total_vm: u64,
    /// Resident pages.
    pub rss: u64,
    /// Anonymous ones; since 6.8.
    pub rss_anon: Option<u64>,
    /// Those of files.
    pub rss_file: Option<u64>,
    /// Shared ones.
    pub rss_shmem: Option<u64>,
    /// Page tables.
    pub pgtables_bytes: u64,
    /// Swapped out.
    pub swapents: u64,
    /// Adjustment.
    pub oom_score_adj: i32,
    /// Name.
    pub name: Vec<u8>,
}

/// The names in the table's head, after the process id.
pub(crate) fn columns(text: &[u8]) -> Vec<String> {
    let Some((_, names)) = bytes::split(text, b"]") else {
        return Vec::new();
    };
    String::from_utf8_lossy(names)
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

impl TaskRow {
    pub(crate) fn parse(text: &[u8], columns: &[String]) -> Option<Self> {
        let (pid, mut rest) = bytes::split(text.strip_prefix(b"[")?, b"]")?;
        let mut row = Self {
            pid: bytes::number(pid.trim_ascii())?,
            ..Self::default()
        };
        for column in columns {
            if column == "name" {
                // One space, then the name, which may begin with spaces of its own.
                row.name = rest.strip_prefix(b" ")?.to_vec();
                return Some(row);
            }
            let (value, tail) = bytes::leading_number::<i64>(rest.trim_ascii_start())?;
            rest = tail;
            let count = u64::try_from(value);
            match column.as_str() {
                "uid" => row.uid = u32::try_from(value).ok()?,
                "tgid" => row.tgid = u32::try_from(value).ok()?,
                "total_vm" => row.total_vm = count.ok()?,
                "rss" => row.rss = count.ok()?,
                "rss_anon" => row.rss_anon = count.ok(),
                "rss_file" => row.rss_file = count.ok(),
                "rss_shmem" => row.rss_shmem = count.ok(),
                "pgtables_bytes" => row.pgtables_bytes = count.ok()?,
                "swapents" => row.swapents = count.ok()?,
                "oom_score_adj" => row.oom_score_adj = i32::try_from(value).ok()?,
                _ => {}
            }
        }
        None
    }
}

/// `oom-kill:constraint=…`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The kernel's word: `CONSTRAINT_MEMCG`, …
    pub constraint: String,
    /// Whose limit was hit; `None` for a global OOM.
    pub oom_memcg: Option<Vec<u8>>,
    /// Where the victim lives.
    pub task_memcg: Vec<u8>,
    /// The chosen process's name.
    pub task: Vec<u8>,
    /// The chosen process.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
}

impl Summary {
    /// `oom_memcg` and `tasks` come from other lines of the same report: they tell where a name ends
    /// that contains what looks like the next field.
    pub(crate) fn parse(text: &[u8], oom_memcg: Option<&[u8]>, tasks: &[TaskRow]) -> Option<Self> {
        let (rest, uid) = bytes::rsplit(text, b",uid=")?;
        let (rest, pid) = bytes::rsplit(rest, b",pid=")?;
        let pid = bytes::number(pid)?;
        let rest = rest.strip_prefix(b"oom-kill:constraint=")?;
        let (constraint, rest) = bytes::split(rest, b",")?;
        let row = tasks.iter().find(|row| row.pid == pid);
        let (rest, task) =
            match row.and_then(|row| Some((strip_task(rest, &row.name)?, row.name.clone()))) {
                Some(split) => split,
                None => {
                    let (rest, task) = bytes::rsplit(rest, b",task=")?;
                    (rest, task.get(..task.len().min(COMM_MAX))?.to_vec())
                }
            };
        let (oom_memcg, task_memcg) = match oom_memcg {
            Some(path) => {
                let head = [b",oom_memcg=".as_slice(), path, b",task_memcg="].concat();
                (Some(path.to_vec()), bytes::split(rest, &head)?.1)
            }
            None => (None, bytes::split(rest, b",global_oom,task_memcg=")?.1),
        };
        Some(Self {
            constraint: String::from_utf8_lossy(constraint).into_owned(),
            oom_memcg,
            task_memcg: task_memcg.to_vec(),
            task,
            pid,
            uid: bytes::number(uid)?,
        })
    }
}

fn strip_task<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.strip_suffix(name)?.strip_suffix(b",task=")
}

/// A line `name value` of the statistics.
pub(crate) fn stat(text: &[u8]) -> Option<(String, u64)> {
    let (name, value) = bytes::split(text, b" ")?;
    let plain = name
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
    if !plain || name.is_empty() {
        return None;
    }
    Some((
        String::from_utf8_lossy(name).into_owned(),
        bytes::number(value)?,
    ))
}
