//! Lines that say what became of a process: decision, kill, reaper.

use super::text::{
    cgroup_path, comm, id, kib, leading_unsigned, signed, split, split_last, victim_pid,
};

/// What ran out of memory, as the line's first words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Prefix {
    /// `Memory cgroup out of memory`.
    Memcg,
    /// `Out of memory`.
    Node,
    /// The line does not say.
    None,
}

/// `Killed process …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) struct Killed {
    pub(in crate::klog) prefix: Prefix,
    pub(in crate::klog) pid: u32,
    pub(in crate::klog) comm: Vec<u8>,
    pub(in crate::klog) uid: Option<u32>,
    pub(in crate::klog) total_vm: Option<u64>,
    pub(in crate::klog) anon: Option<u64>,
    pub(in crate::klog) file: Option<u64>,
    pub(in crate::klog) shmem: Option<u64>,
    /// The figure before its `kB`: some kernels print bytes there.
    pub(in crate::klog) pgtables_printed: Option<u64>,
    pub(in crate::klog) oom_score_adj: Option<i32>,
}

impl Killed {
    /// A kill of which the line names only the process.
    pub(in crate::klog) fn named(prefix: Prefix, pid: u32, comm: Vec<u8>) -> Self {
        Self {
            prefix,
            pid,
            comm,
            uid: None,
            total_vm: None,
            anon: None,
            file: None,
            shmem: None,
            pgtables_printed: None,
            oom_score_adj: None,
        }
    }
}

/// A line about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Fate {
    /// It was killed.
    Killed(Killed),
    /// It was chosen, by a kernel that says so before it kills.
    Chosen {
        prefix: Prefix,
        pid: u32,
        comm: Vec<u8>,
        score: Option<i64>,
    },
    /// It was killed because it uses the victim's memory.
    Sharer { pid: u32, comm: Vec<u8> },
    /// It was chosen, and is dying by itself.
    Exiting {
        prefix: Prefix,
        pid: u32,
        comm: Vec<u8>,
    },
    /// There was nobody to kill.
    NobodyToKill,
}

/// How many fields of a kill line are there, for finding out whether a broken line goes on.
pub(in crate::klog) fn fields(text: &[u8]) -> usize {
    match fate(text) {
        None => 0,
        Some(Fate::Killed(killed)) => {
            let numbers = [
                killed.total_vm,
                killed.anon,
                killed.file,
                killed.shmem,
                killed.pgtables_printed,
            ];
            2 + numbers.iter().flatten().count()
                + usize::from(killed.uid.is_some())
                + usize::from(killed.oom_score_adj.is_some())
        }
        Some(Fate::Chosen { score, .. }) => 1 + usize::from(score.is_some()),
        Some(_) => 1,
    }
}

/// A line that holds the decision and, behind it, the kill: both, each as a line of its own.
///
/// ```text
/// Out of memory: Kill process 7 (a) score 9 or sacrifice child Killed process 8 (b) total-vm:…
/// ```
pub(in crate::klog) fn decision_and_kill(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const END: &[u8] = b"or sacrifice child";
    let at = split(text, END)?.0.len() + END.len();
    let (decision, kill) = text.split_at_checked(at)?;
    let kill = kill.trim_ascii_start();
    let follows = kill.starts_with(b"Killed process ")
        && matches!(fate(decision), Some(Fate::Chosen { .. }))
        && fate(kill).is_some();
    follows.then_some((decision, kill))
}

/// `System OOM encountered, victim process: indexer, pid: 6120`: the kubelet's event of a kill by the
/// node's OOM killer.
fn system_oom(text: &[u8]) -> Option<Fate> {
    let rest = text.strip_prefix(b"System OOM encountered, victim process: ")?;
    let (name, pid) = split_last(rest, b", pid: ")?;
    let (pid, _) = leading_unsigned(pid)?;
    Some(Fate::Killed(Killed::named(
        Prefix::Node,
        victim_pid(pid)?,
        comm(name)?,
    )))
}

/// Parses a line about a process.
pub(in crate::klog) fn fate(text: &[u8]) -> Option<Fate> {
    if text.starts_with(b"System OOM ") {
        return system_oom(text);
    }
    let (prefix, rest) = prefix(text);
    if prefix != Prefix::None {
        let nobody: [&[u8]; 2] = [b" and no killable process", b": no killable process"];
        if nobody.iter().any(|start| rest.starts_with(start)) {
            return Some(Fate::NobodyToKill);
        }
        if let Some(about) = rest.strip_prefix(b": OOM victim ") {
            let (pid, about) = leading_unsigned(about)?;
            let (name, _) = split_last(about.strip_prefix(b" (")?, b") is already exiting")?;
            return Some(Fate::Exiting {
                prefix,
                pid: victim_pid(pid)?,
                comm: comm(name)?,
            });
        }
    }
    let rest = match prefix {
        Prefix::None => rest,
        // `Out of memory (oom_kill_allocating_task): Killed …`
        _ => match rest.strip_prefix(b": ") {
            Some(rest) => rest,
            None => split(rest.strip_prefix(b" (")?, b"): ")?.1,
        },
    };
    if let Some(about) = rest.strip_prefix(b"Killed process ") {
        return killed(prefix, about).map(Fate::Killed);
    }
    let about = rest
        .strip_prefix(b"Kill process ")
        .or_else(|| rest.strip_prefix(b"kill process "))?;
    let (pid, about) = leading_unsigned(about)?;
    let pid = victim_pid(pid)?;
    let about = about.strip_prefix(b" (")?;
    if let Some((name, _)) = split_last(about, b") sharing same memory") {
        let comm = comm(name)?;
        return Some(Fate::Sharer { pid, comm });
    }
    if let Some((name, score)) = split_last(about, b") score ") {
        return Some(Fate::Chosen {
            prefix,
            pid,
            comm: comm(name)?,
            score: super::text::words(score).next().and_then(signed),
        });
    }
    // Only a line that is cut right behind the name.
    Some(Fate::Chosen {
        prefix,
        pid,
        comm: comm(about.strip_suffix(b")")?)?,
        score: None,
    })
}

fn prefix(text: &[u8]) -> (Prefix, &[u8]) {
    if let Some(rest) = text.strip_prefix(b"Memory cgroup out of memory") {
        return (Prefix::Memcg, rest);
    }
    let node = text
        .strip_prefix(b"Out of memory")
        .or_else(|| text.strip_prefix(b"Out of Memory"));
    match node {
        Some(rest) => (Prefix::Node, rest),
        None => (Prefix::None, text),
    }
}

/// What follows `Killed process `. The name may hold anything, also what looks like the next
/// field; what follows it is the kernel's own, so it is looked for from the right.
fn killed(prefix: Prefix, about: &[u8]) -> Option<Killed> {
    let (pid, about) = leading_unsigned(about)?;
    let mut found = Killed {
        prefix,
        pid: victim_pid(pid)?,
        comm: Vec::new(),
        uid: None,
        total_vm: None,
        anon: None,
        file: None,
        shmem: None,
        pgtables_printed: None,
        oom_score_adj: None,
    };
    let about = if let Some(about) = about.strip_prefix(b", UID ") {
        let (uid, about) = leading_unsigned(about)?;
        found.uid = u32::try_from(uid).ok();
        about.strip_prefix(b", (")?
    } else {
        about.strip_prefix(b" (")?
    };
    let ends: [&[u8]; 3] = [b") total-vm:", b") vsz:", b"), UID "];
    let end = ends
        .iter()
        .filter_map(|end| memchr::memmem::rfind(about, end))
        .max_by_key(|at| (*at <= super::text::COMM_BYTES_MAX, *at));
    let (name, tail) = match end {
        Some(at) => about.split_at_checked(at)?,
        None => {
            let at = memchr::memrchr(b')', about)?;
            about.split_at_checked(at)?
        }
    };
    found.comm = comm(name)?;
    tail_fields(tail.strip_prefix(b")")?, &mut found);
    Some(found)
}

fn tail_fields(tail: &[u8], found: &mut Killed) {
    // `, UID 1000, total-vm:…` of RHEL 7.
    let mut tail = tail;
    if let Some((uid, rest)) = tail.strip_prefix(b", UID ").and_then(leading_unsigned) {
        found.uid = u32::try_from(uid).ok();
        tail = rest;
    }
    // A line that was broken before a colon and put together again has a blank there.
    let tail = text_without_broken_colons(tail);
    for field in tail.split(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
        let Some((key, value)) = split(field, b":") else {
            continue;
        };
        match key {
            b"total-vm" | b"vsz" => found.total_vm = kib(value),
            b"anon-rss" => found.anon = kib(value),
            b"file-rss" => found.file = kib(value),
            b"shmem-rss" => found.shmem = kib(value),
            b"pgtables" => found.pgtables_printed = kib(value).map(|bytes| bytes / 1024),
            b"UID" => found.uid = id(value),
            b"oom_score_adj" => {
                found.oom_score_adj = signed(value).and_then(|adj| i32::try_from(adj).ok());
            }
            _ => {}
        }
    }
}

fn text_without_broken_colons(tail: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !super::text::contains(tail, b" :") {
        return tail.into();
    }
    let mut whole = Vec::with_capacity(tail.len());
    for byte in tail {
        if *byte == b':' && whole.last() == Some(&b' ') {
            whole.pop();
        }
        whole.push(*byte);
    }
    whole.into()
}

/// `oom_reaper: reaped process …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) struct Reaped {
    pub(in crate::klog) pid: u32,
    pub(in crate::klog) comm: Vec<u8>,
    pub(in crate::klog) anon: Option<u64>,
    pub(in crate::klog) file: Option<u64>,
    pub(in crate::klog) shmem: Option<u64>,
    pub(in crate::klog) failed: bool,
}

/// Parses a line of the reaper.
pub(in crate::klog) fn reaped(text: &[u8]) -> Option<Reaped> {
    let rest = text.strip_prefix(b"oom_reaper: ")?;
    let (failed, rest) = match rest.strip_prefix(b"reaped process ") {
        Some(rest) => (false, rest),
        None => (true, rest.strip_prefix(b"unable to reap pid:")?),
    };
    let (pid, rest) = leading_unsigned(rest)?;
    let rest = rest.strip_prefix(b" (")?;
    // The first kernels with a reaper did not say `now`.
    let (name, tail) = split_last(rest, b"), now ")
        .or_else(|| split_last(rest, b") anon-rss:").map(|(name, _)| (name, rest)))
        .or_else(|| split_last(rest, b"), anon-rss:").map(|(name, _)| (name, rest)))
        .or_else(|| split_last(rest, b")"))?;
    let mut found = Killed::named(Prefix::None, victim_pid(pid)?, comm(name)?);
    tail_fields(tail, &mut found);
    Some(Reaped {
        pid: found.pid,
        comm: found.comm,
        anon: found.anon,
        file: found.file,
        shmem: found.shmem,
        failed,
    })
}

/// `Tasks in /g are going to be killed due to memory.oom.group set`: the path, if all is shown.
pub(in crate::klog) fn group(text: &[u8]) -> Option<Option<Vec<u8>>> {
    let rest = text.strip_prefix(b"Tasks in ")?;
    let (path, _) = split_last(rest, b" are going to be killed due to memory.oom.group set")?;
    Some(cgroup_path(path))
}

/// `Kernel panic - not syncing: …`, if the panic is about memory: its reason.
pub(in crate::klog) fn panic(text: &[u8]) -> Option<String> {
    let reason = text
        .strip_prefix(b"Kernel panic - not syncing: ")?
        .trim_ascii();
    let about_memory = reason.starts_with(b"Out of memory")
        || reason.starts_with(b"out of memory")
        || reason.starts_with(b"System is deadlocked on memory");
    if about_memory {
        super::text::kernel_word(reason, 255)
    } else {
        None
    }
}
