//! A report that is being read: what its lines have said so far.

use crate::klog::grammar::kill::{Killed, Prefix, Reaped};
use crate::klog::grammar::memcg::{Counter, Stats};
use crate::klog::grammar::summary::{Summary, TaskIn};
use crate::klog::grammar::table::Row;
use crate::klog::grammar::trigger::{Invoked, Processor};
use crate::klog::line::ShownTime;
use crate::model::{JSON_INTEGER_MAX, MemInfo, NamedValue, ReportedCounter};

/// Bounds of what one report may take up.
pub(super) const ROWS_MAX: usize = 1 << 15;
pub(super) const STATS_MAX: usize = 512;
pub(super) const VALUES_MAX: usize = 128;
pub(super) const REAPED_MAX: usize = 256;
pub(super) const UNPARSED_MAX: usize = 64;
pub(super) const UNPARSED_BYTES_MAX: usize = 512;
pub(super) const DEATHS_MAX: usize = 4096;

/// When a line was written, as far as the log says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    pub(super) boot_us: Option<u64>,
    pub(super) realtime_ns: Option<i64>,
    pub(super) shown: Option<ShownTime>,
}

/// Lines of one report are not further apart than this.
const APART_MAX_US: u64 = 120_000_000;

/// Between choosing a process and killing it lie microseconds, on a slow console some seconds.
const DECISION_MAX_US: u64 = 10_000_000;

/// A clock that goes back by this much is another boot's.
const BACK_MAX_US: u64 = 1_000_000;

impl When {
    /// Whether `later` cannot belong to what was written at this time.
    pub(super) fn is_far_from(&self, later: &Self) -> bool {
        if let Some((then, now)) = self.boot_us.zip(later.boot_us) {
            return now > then.saturating_add(APART_MAX_US)
                || then > now.saturating_add(BACK_MAX_US);
        }
        match self.realtime_ns.zip(later.realtime_ns) {
            Some((then, now)) => now.abs_diff(then) / 1000 > APART_MAX_US,
            None => false,
        }
    }

    /// Whether both are known to be within two seconds.
    pub(super) fn is_next_to(&self, other: &Self) -> Option<bool> {
        self.is_within(other, 2_000_000)
    }

    /// Whether both are known to be within `us`.
    fn is_within(&self, other: &Self, us: u64) -> Option<bool> {
        if let Some((one, two)) = self.boot_us.zip(other.boot_us) {
            return Some(one.abs_diff(two) <= us);
        }
        if let Some((one, two)) = self.realtime_ns.zip(other.realtime_ns) {
            return Some(one.abs_diff(two) <= us.saturating_mul(1000));
        }
        let (one, two) = self.shown?.seconds().zip(other.shown?.seconds())?;
        Some(one.abs_diff(two).saturating_mul(1_000_000) <= us)
    }
}

/// Why a process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Chosen,
    Group,
    Sharer,
}

/// A process that was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) when: When,
    pub(super) why: Why,
    pub(super) killed: Killed,
}

/// Which part of a report the last line belonged to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Other,
    Trace,
    Stats,
    MemInfo,
    Slabs,
    Allocations,
}

/// `Kill process N (X) score S or sacrifice child`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) prefix: Prefix,
    pub(super) pid: u32,
    pub(super) comm: Vec<u8>,
    pub(super) score: Option<i64>,
}

/// The counters of a memory cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) memory: Option<ReportedCounter>,
    pub(super) memsw: Option<ReportedCounter>,
    pub(super) swap: Option<ReportedCounter>,
    pub(super) kmem: Option<ReportedCounter>,
}

impl Counters {
    pub(super) fn slot(&mut self, which: Counter) -> &mut Option<ReportedCounter> {
        match which {
            Counter::Memory => &mut self.memory,
            Counter::Memsw => &mut self.memsw,
            Counter::Swap => &mut self.swap,
            Counter::Kmem => &mut self.kmem,
        }
    }
}

/// The report.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) first: When,
    pub(super) last: When,
    pub(super) caller: Option<String>,
    pub(super) part: Part,
    /// Lines since the last that belonged to the report.
    pub(super) idle_lines: u32,
    /// Another task's dump has begun; what looks like the trigger's may be its.
    pub(super) foreign: bool,
    pub(super) suppressed: Option<u64>,
    pub(super) relayed_by: Option<String>,
    pub(super) trigger: Option<Invoked>,
    pub(super) cpuset: Option<(String, String)>,
    pub(super) processor: Option<Processor>,
    pub(super) hardware: Option<String>,
    pub(super) trace: Vec<String>,
    pub(super) counters: Counters,
    pub(super) protection: Option<(u64, u64)>,
    pub(super) stats: Vec<Stats>,
    pub(super) mem_info: Option<MemInfo>,
    pub(super) table: bool,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) rows_total: u32,
    pub(super) task_in: Option<TaskIn>,
    pub(super) summary: Option<Summary>,
    pub(super) decision: Option<Decision>,
    /// When the line was written that names the chosen process.
    pub(super) decided: Option<When>,
    pub(super) deaths: Vec<Death>,
    /// The cgroup that is killed as a whole; its path, if all of it is shown.
    pub(super) group: Option<Option<Vec<u8>>>,
    pub(super) exiting: Option<(Prefix, u32, Vec<u8>)>,
    pub(super) nobody: bool,
    pub(super) panic: Option<String>,
    pub(super) reaped: Vec<Reaped>,
    pub(super) unparsed: Vec<Vec<u8>>,
    pub(super) unparsed_total: u64,
}

impl Draft {
    pub(super) fn new(when: When, caller: Option<&str>, suppressed: Option<u64>) -> Self {
        Self {
            first: when,
            last: when,
            caller: caller.map(str::to_owned),
            suppressed,
            ..Self::default()
        }
    }

    /// Whether the report has come to what became of it.
    pub(super) fn is_concluded(&self) -> bool {
        !self.deaths.is_empty() || self.exiting.is_some() || self.nobody || self.panic.is_some()
    }

    /// Whether it is a report of an OOM at all: rows of numbers alone are not.
    pub(super) fn is_report(&self) -> bool {
        self.is_concluded()
            || self.trigger.is_some()
            || self.table
            || self.task_in.is_some()
            || self.summary.is_some()
            || self.decision.is_some()
            || self.counters != Counters::default()
            || self.group.is_some()
            || !self.reaped.is_empty()
    }

    /// Whether a kill line can be this report's.
    pub(super) fn may_end_with(&self, killed: &Killed, when: &When) -> bool {
        if self.is_concluded() || self.is_of_another(killed, when) {
            return false;
        }
        let global = self.summary.as_ref().and_then(|summary| summary.global);
        !matches!(
            (global, killed.prefix),
            (Some(true), Prefix::Memcg) | (Some(false), Prefix::Node)
        )
    }

    /// Whether another process was chosen, too long ago for `killed` to be its child or its leader:
    /// the kernel kills right after it has chosen.
    fn is_of_another(&self, killed: &Killed, when: &When) -> bool {
        let chosen = self
            .decision
            .iter()
            .map(|decision| decision.pid)
            .chain(self.summary.iter().filter_map(|summary| summary.pid));
        let mut others = chosen.filter(|pid| *pid != killed.pid).peekable();
        let differs = others.peek().is_some()
            && self
                .decision
                .as_ref()
                .is_none_or(|decision| decision.pid != killed.pid);
        differs
            && self
                .decided
                .is_some_and(|decided| decided.is_within(when, DECISION_MAX_US) == Some(false))
    }

    /// Whether the reaper's line can be what this report came to.
    pub(super) fn may_be_reaped(&self, reaped: &Reaped) -> bool {
        !self.is_concluded()
            && (self.rows.is_empty() || self.rows.iter().any(|row| row.tid == reaped.pid))
    }

    pub(super) fn push_row(&mut self, row: Row) {
        self.rows_total = self.rows_total.saturating_add(1);
        if self.rows.len() < ROWS_MAX {
            self.rows.push(row);
        }
    }

    pub(super) fn push_value(&mut self, value: NamedValue) {
        // Beyond what JSON holds there is only "no limit", which is no figure.
        if let Some(stats) = self.stats.last_mut()
            && stats.values.len() < VALUES_MAX
            && value.value <= JSON_INTEGER_MAX
        {
            stats.values.push(value);
        }
    }

    pub(super) fn push_unparsed(&mut self, text: &[u8]) {
        self.unparsed_total = self.unparsed_total.saturating_add(1);
        if self.unparsed.len() < UNPARSED_MAX {
            let kept = text.get(..UNPARSED_BYTES_MAX).unwrap_or(text);
            self.unparsed.push(kept.to_vec());
        }
    }
}
