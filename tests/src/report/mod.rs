//! What the kernel itself says of a kill: the oracle.
//!
//! Written from `mm/oom_kill.c` and `mm/memcontrol*.c`, for kernels since 5.4. It shares nothing
//! with oomtrace. Names in the report are chosen by processes and may look like any other part of
//! it, so each line is taken apart from the end that the kernel wrote last, and what one line leaves
//! open another one of the same report settles.

mod line;
mod mem_info;

use std::collections::BTreeMap;

pub use line::{Counter, Invoked, Killed, Reaped, Summary, TaskRow};
pub use mem_info::{MemInfo, Zone};

use crate::bytes;
use crate::kmsg::Entry;

/// The report of one kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillReport {
    /// Microseconds of the log's clock when the victim was killed.
    pub at_us: u64,
    /// The record's number.
    pub sequence: u64,
    /// The kill line, which is printed for every kill.
    pub killed: Killed,
    /// What stood before it; the kernel leaves it out when it has printed ten in five seconds.
    pub dump: Option<Dump>,
}

/// The part of the report that is rate-limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// Microseconds of the log's clock at its first line.
    pub at_us: u64,
    /// Who asked.
    pub invoked: Invoked,
    /// The thread that asked.
    pub trigger_tid: Option<u32>,
    /// `memory:` of the limiting cgroup.
    pub memory: Option<Counter>,
    /// `memory+swap:`, on cgroup v1.
    pub memory_and_swap: Option<Counter>,
    /// `kmem:`, on cgroup v1.
    pub kernel_memory: Option<Counter>,
    /// `swap:`, on cgroup v2.
    pub swap: Option<Counter>,
    /// The cgroup that the statistics are of: the limiting one.
    pub stats_path: Option<Vec<u8>>,
    /// Its statistics, in bytes where they are sizes.
    pub stats: BTreeMap<String, u64>,
    /// The node's memory, where it was the node that ran out.
    pub mem_info: Option<MemInfo>,
    /// The tasks that were considered.
    pub tasks: Vec<TaskRow>,
    /// The `oom-kill:` line.
    pub summary: Option<Summary>,
}

impl Dump {
    /// The cgroup whose limit was hit; nothing where it was the node that ran out. Where nobody died
    /// there is no summary, and the statistics say it.
    #[must_use]
    pub fn limit_path(&self) -> Option<&[u8]> {
        match &self.summary {
            Some(summary) => summary.oom_memcg.as_deref(),
            None => self.stats_path.as_deref(),
        }
    }

    /// The kernel's word for what constrained the allocation, where the report has it or shows that it
    /// was a cgroup's limit.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match &self.summary {
            Some(summary) => Some(&summary.constraint),
            None => self.stats_path.as_ref().map(|_| "CONSTRAINT_MEMCG"),
        }
    }
}

impl KillReport {
    /// The victim's row in the table of tasks.
    #[must_use]
    pub fn row(&self) -> Option<&TaskRow> {
        let dump = self.dump.as_ref()?;
        let pid = dump.summary.as_ref()?.pid;
        // The row is of a thread that lives, the summary of the first one even if it has exited.
        dump.tasks.iter().find(|row| row.tgid == pid)
    }
}

/// All kills in these records, oldest first.
#[must_use]
pub fn parse(entries: &[Entry]) -> Vec<KillReport> {
    let mut state = State::default();
    for entry in joined(entries) {
        state.line(&entry);
    }
    state.reports
}

/// What the kernel printed each time that it found nobody to kill, oldest first.
#[must_use]
pub fn without_victim(entries: &[Entry]) -> Vec<Dump> {
    let mut state = State::default();
    for entry in joined(entries) {
        state.line(&entry);
    }
    state.without_victim
}

/// What the kernel's reaper says it has taken, oldest first.
#[must_use]
pub fn reaped(entries: &[Entry]) -> Vec<Reaped> {
    entries
        .iter()
        .filter_map(|entry| Reaped::parse(&entry.text, entry.at_us))
        .collect()
}

/// How many reports were begun, in microseconds of the log's clock.
#[must_use]
pub fn begun_at_us(entries: &[Entry]) -> Vec<u64> {
    entries
        .iter()
        .filter(|entry| Invoked::parse(&entry.text).is_some())
        .map(|entry| entry.at_us)
        .collect()
}

/// Puts continuations behind what they continue: the `oom-kill:` line is printed in pieces.
fn joined(entries: &[Entry]) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let unfinished = out
            .iter_mut()
            .rev()
            .take(4)
            .find(|earlier| earlier.text.starts_with(SUMMARY));
        match unfinished {
            Some(earlier) if entry.continues => earlier.text.extend_from_slice(&entry.text),
            _ => out.push(entry.clone()),
        }
    }
    out
}

const SUMMARY: &[u8] = b"oom-kill:constraint=";
/// What the kernel prints at the end of a report without a victim.
pub const NOBODY: &[u8] = b"Out of memory and no killable processes...";

#[derive(Default)]
struct State {
    reports: Vec<KillReport>,
    without_victim: Vec<Dump>,
    dump: Option<Dump>,
    /// Where in the dump: rows and statistics have no mark of their own.
    part: Part,
    columns: Vec<String>,
    /// The dump of a kill whose whole group dies.
    group: Option<Dump>,
    last: Option<Dump>,
}

#[derive(Default, PartialEq)]
enum Part {
    #[default]
    Head,
    Stats,
    Memory,
    Tasks,
}

impl State {
    fn line(&mut self, entry: &Entry) {
        let text = entry.text.as_slice();
        if let Some(invoked) = Invoked::parse(text) {
            self.part = Part::Head;
            self.group = None;
            self.dump = Some(Dump {
                at_us: entry.at_us,
                invoked,
                ..Dump::default()
            });
            return;
        }
        if let Some(killed) = Killed::parse(text) {
            let dump = self.dump.take().or_else(|| self.group.clone());
            self.last.clone_from(&dump);
            self.reports.push(KillReport {
                at_us: entry.at_us,
                sequence: entry.sequence,
                killed,
                dump,
            });
            return;
        }
        if text == NOBODY {
            self.without_victim.extend(self.dump.take());
            return;
        }
        if text.ends_with(b" are going to be killed due to memory.oom.group set") {
            self.group.clone_from(&self.last);
            return;
        }
        if let Some(dump) = &mut self.dump {
            dump_line(dump, &mut self.part, &mut self.columns, text);
        }
    }
}

fn dump_line(dump: &mut Dump, part: &mut Part, columns: &mut Vec<String>, text: &[u8]) {
    if text.starts_with(SUMMARY) {
        dump.summary = Summary::parse(text, dump.stats_path.as_deref(), &dump.tasks);
        *part = Part::Head;
    } else if text.starts_with(b"Mem-Info:") {
        dump.mem_info = Some(MemInfo::default());
        *part = Part::Memory;
    } else if text.starts_with(b"[  pid  ]") {
        *columns = line::columns(text);
        *part = Part::Tasks;
    } else if *part == Part::Tasks {
        dump.tasks.extend(TaskRow::parse(text, columns));
    } else if text.starts_with(b"CPU: ") && dump.trigger_tid.is_none() {
        dump.trigger_tid = bytes::split(text, b" PID: ")
            .and_then(|(_, rest)| bytes::leading_number(rest))
            .map(|(tid, _)| tid);
    } else if let Some(path) = text.strip_prefix(b"Memory cgroup stats for ") {
        // On older kernels the statistics follow in the same record.
        let (path, rest) =
            bytes::split(path, b":\n").unwrap_or((path.strip_suffix(b":").unwrap_or(path), b""));
        dump.stats_path = Some(path.to_vec());
        dump.stats
            .extend(rest.split(|byte| *byte == b'\n').filter_map(line::stat));
        *part = Part::Stats;
    } else if let Some((name, counter)) = Counter::parse(text) {
        let place = match name {
            b"memory" => &mut dump.memory,
            b"memory+swap" => &mut dump.memory_and_swap,
            b"kmem" => &mut dump.kernel_memory,
            b"swap" => &mut dump.swap,
            _ => return,
        };
        *place = Some(counter);
    } else if *part == Part::Memory {
        if let Some(info) = &mut dump.mem_info {
            info.take(text);
        }
    } else if *part == Part::Stats {
        // One record for all of them, or one for each.
        dump.stats
            .extend(text.split(|byte| *byte == b'\n').filter_map(line::stat));
    }
}

#[cfg(test)]
mod tests;
