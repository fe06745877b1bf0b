//! The stage of a live test.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::cgroup::Cgroup;
use crate::compare::{self, Rss};
use crate::event::Event;
use crate::kmsg::{self, Entry, KernelLog};
use crate::ledger::{self, Ledger};
use crate::lock::Lock;
use crate::report::{self, KillReport, Reaped};
use crate::tracer::{Said, Tracer};
use crate::{agree, bytes, host, process};

/// Reports that the kernel prints in [`WINDOW_US`] (`DEFAULT_RATELIMIT_BURST`).
const BURST: usize = 10;
/// `DEFAULT_RATELIMIT_INTERVAL`, in microseconds.
const WINDOW_US: u64 = 5_000_000;
/// Until a kill is in the log, and in an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lock, the kernel's log and perhaps a tracer, for one test.
#[derive(Debug)]
pub struct Stage {
    // Dropped in this order: the lock last.
    tracer: Option<Tracer>,
    log: KernelLog,
    _lock: Lock,
}

/// A kill, as the kernel and (where one runs) the tracer report it.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The kernel's report.
    pub report: KillReport,
    /// The tracer's event.
    pub event: Option<Event>,
}

impl Stage {
    /// Without a tracer: to see that the workloads and the oracle are right.
    ///
    /// # Errors
    /// Live tests cannot run here; the reason is said.
    pub fn without_tracer() -> Result<Self> {
        host::require_root()?;
        let lock = Lock::take()?;
        Ok(Self {
            tracer: None,
            log: KernelLog::follow()?,
            _lock: lock,
        })
    }

    /// With a tracer that is attached.
    ///
    /// # Errors
    /// As [`Self::without_tracer`], or the tracer does not start.
    pub fn with_tracer(arguments: &[&str]) -> Result<Self> {
        Self::with_tracer_by(&[], arguments)
    }

    /// As [`Self::with_tracer`], started by way of another program.
    ///
    /// # Errors
    /// As [`Self::with_tracer`].
    pub fn with_tracer_by(way: &[&str], arguments: &[&str]) -> Result<Self> {
        let mut stage = Self::without_tracer()?;
        stage.tracer = Some(Tracer::start_by(way, arguments)?);
        Ok(stage)
    }

    /// Whether a tracer runs.
    #[must_use]
    pub fn traced(&self) -> bool {
        self.tracer.is_some()
    }

    /// A cgroup with a limit.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn cgroup(&self, mib: u64) -> Result<Cgroup> {
        let cgroup = Cgroup::top()?;
        cgroup.limit_mib(mib)?;
        Ok(cgroup)
    }

    /// Waits until the kernel would print so many more reports in full.
    ///
    /// # Errors
    /// The log or the clock cannot be read.
    pub fn await_reports(&self, wanted: usize) -> Result<()> {
        ensure!(
            wanted <= BURST,
            "the kernel prints at most {BURST} reports in a row"
        );
        loop {
            // The kernel counts from the first report of a window on; what it printed in the last
            // five seconds is never less than that.
            let now_us = log_clock_us();
            let begun = report::begun_at_us(&kmsg::history()?);
            let recent = begun.iter().filter(|at| **at + WINDOW_US > now_us).count();
            if recent + wanted <= BURST {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    /// Waits for the kill of a thread: the kernel's report in full, and the event.
    ///
    /// # Errors
    /// One of them does not come, or the kernel suppressed its report.
    pub fn kill(&self, tid: u32) -> Result<Kill> {
        let report = self
            .log
            .wait_for(PATIENCE, |entries| {
                report::parse(entries)
                    .into_iter()
                    .find(|report| report.killed.tid == tid)
            })
            .with_context(|| format!("the kill of thread {tid}"))?;
        ensure!(
            report.dump.is_some(),
            "the kernel suppressed its report of the kill of thread {tid}"
        );
        let event = self.event(tid)?;
        Ok(Kill { report, event })
    }

    /// Waits for the event of a thread's kill, where a tracer runs.
    ///
    /// # Errors
    /// It does not come.
    pub fn event(&self, tid: u32) -> Result<Option<Event>> {
        self.tracer
            .as_ref()
            .map(|tracer| tracer.kill_of(tid, PATIENCE))
            .transpose()
    }

    /// [`Self::kill`], with every field of the event held against the report.
    ///
    /// # Errors
    /// As [`Self::kill`]; or they differ, and how.
    pub fn agreed_kill(&self, tid: u32, rss: Rss) -> Result<Kill> {
        let kill = self.kill(tid)?;
        let Some(event) = &kill.event else {
            return Ok(kill);
        };
        let pid = kill.report.row().map(|row| row.tgid);
        let executed = pid.and_then(process::executed);
        let compared =
            compare::compare_all(event, &kill.report, executed.as_ref(), rss, agree::manner())?;
        let report = &kill.report;
        let begun_us = report.dump.as_ref().map_or(report.at_us, |dump| dump.at_us);
        let is_last = |entry: &Entry| entry.sequence == report.sequence;
        let lines = ledger::lines(&self.log.entries()?, begun_us, is_last);
        agree::agreed(event, &lines, &compared)?;
        Ok(kill)
    }

    /// Waits until the kernel has found nobody to kill over this cgroup's limit; every field of the
    /// event is held against its report. Nothing that either shows may have been changed since.
    ///
    /// # Errors
    /// One of them does not come, or they differ, and how.
    pub fn agreed_no_victim(&self, cgroup_path: &[u8]) -> Result<()> {
        let first = |entries: &[Entry]| {
            let mut dumps = report::without_victim(entries).into_iter();
            dumps.find(|dump| dump.limit_path() == Some(cgroup_path))
        };
        let what = || format!("no victim in {}", cgroup_path.escape_ascii());
        let dump = self.log.wait_for(PATIENCE, first).with_context(what)?;
        let Some(tracer) = &self.tracer else {
            return Ok(());
        };
        let told = |event: &Event| {
            event.kind() == "oom_no_victim"
                && event.bytes("limit.cgroup_path").as_deref() == Some(cgroup_path)
        };
        let event = tracer.event_that(told, PATIENCE).with_context(what)?;
        let compared = compare::compare_no_victim(&event, &dump, agree::manner())?;
        let is_last = |entry: &Entry| entry.text == report::NOBODY;
        let lines = ledger::lines(&self.log.entries()?, dump.at_us, is_last);
        agree::agreed(&event, &lines, &compared)
    }

    /// How often the kernel has found nobody to kill over this cgroup's limit.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn without_victim(&self, cgroup_path: &[u8]) -> Result<u64> {
        let dumps = report::without_victim(&self.log.entries()?);
        let here = dumps
            .iter()
            .filter(|dump| dump.limit_path() == Some(cgroup_path));
        Ok(u64::try_from(here.count())?)
    }

    /// What the kernel's reaper says it has taken since the test began, on the whole host.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn reaped(&self) -> Result<Vec<Reaped>> {
        Ok(report::reaped(&self.log.entries()?))
    }

    /// Whether the event may lack this field here: it says why, and a table of what each kernel can
    /// give is being made.
    #[must_use]
    pub fn excuses(&self, event: &Event, field: &str) -> bool {
        Ledger::asked_for().is_some() && event.at(field).is_none() && event.says_missing(field)
    }

    /// [`Self::agreed_kill`] of the first victim in this cgroup.
    ///
    /// # Errors
    /// As [`Self::agreed_kill`].
    pub fn agreed_kill_in(&self, cgroup_path: &[u8], rss: Rss) -> Result<Kill> {
        self.agreed_kill(self.nth_victim_in(cgroup_path, 1)?, rss)
    }

    /// The thread that the n-th kill in this cgroup has hit; the first is 1.
    ///
    /// # Errors
    /// There are not so many.
    pub fn nth_victim_in(&self, cgroup_path: &[u8], nth: usize) -> Result<u32> {
        let within = |report: &KillReport| {
            let summary = report.dump.as_ref().and_then(|dump| dump.summary.as_ref());
            summary.is_some_and(|summary| summary.task_memcg == cgroup_path)
        };
        let found = self.log.wait_for(PATIENCE, |entries| {
            let mut reports = report::parse(entries).into_iter().filter(within);
            reports.nth(nth.saturating_sub(1))
        });
        let report =
            found.with_context(|| format!("kill {nth} in {}", cgroup_path.escape_ascii()))?;
        Ok(report.killed.tid)
    }

    /// The kernel's reports of kills among these threads, once there are so many: a line may be
    /// printed after its victim has gone.
    ///
    /// # Errors
    /// They do not come.
    pub fn reports_of(&self, tids: &[u32], count: u64) -> Result<Vec<KillReport>> {
        let all = |entries: &[Entry]| {
            let mut reports = report::parse(entries);
            reports.retain(|report| tids.contains(&report.killed.tid));
            u64::try_from(reports.len())
                .is_ok_and(|found| found >= count)
                .then_some(reports)
        };
        self.log
            .wait_for(PATIENCE, all)
            .with_context(|| format!("{count} kills among {tids:?}"))
    }

    /// All kills that the kernel has reported since the test began, on the whole host.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn reports(&self) -> Result<Vec<KillReport>> {
        Ok(report::parse(&self.log.entries()?))
    }

    /// How many calls the kernel says its rate limit on reports has suppressed, since the test began.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn suppressed_callbacks(&self) -> Result<u64> {
        let entries = self.log.entries()?;
        let counts = entries.iter().filter_map(|entry| {
            let rest = entry.text.strip_prefix(b"oom_kill_process: ")?;
            let (count, what) = bytes::leading_number::<u64>(rest)?;
            (what == b" callbacks suppressed").then_some(count)
        });
        Ok(counts.sum())
    }

    /// [`Self::finish`]; and the tracer has told of the kills of just these threads among the victims
    /// in this cgroup and below.
    ///
    /// # Errors
    /// As [`Self::finish`]; or it has told of fewer or more.
    pub fn finish_with(self, cgroup_path: &[u8], tids: &[u32]) -> Result<Said> {
        let traced = self.traced();
        let said = self.finish()?;
        if traced {
            let mut wanted = tids.to_vec();
            wanted.sort_unstable();
            let told = said.killed_below(cgroup_path);
            ensure!(
                told == wanted,
                "the kernel killed {wanted:?}, oomtrace reports {told:?}; reported elsewhere: {:#?}",
                said.killed_elsewhere(cgroup_path, &wanted)
            );
        }
        Ok(said)
    }

    /// Ends the tracer; what it has said is checked and returned. Without a tracer that is nothing.
    ///
    /// # Errors
    /// The tracer does not end well, or has missed something.
    pub fn finish(mut self) -> Result<Said> {
        let Some(tracer) = self.tracer.take() else {
            return Ok(Said {
                events: Vec::new(),
                complaints: Vec::new(),
                skipped_runs: 0,
            });
        };
        let said = tracer.stop()?;
        if said.skipped_runs > 0 {
            let lost = said
                .events
                .iter()
                .filter_map(|event| event.u64("lost_records"));
            writeln!(
                io::stdout(),
                "the kernel skipped {} runs of the probe; lost_records is {} at most",
                said.skipped_runs,
                lost.max().unwrap_or_default()
            )?;
        }
        for event in &said.events {
            ensure!(event.kind() != "gap", "kills were missed: {}", event.value);
            ensure!(
                event.kind() != "oom_kill"
                    || event
                        .u64("lost_records")
                        .is_some_and(|lost| lost <= said.skipped_runs),
                "records were lost, and the kernel skipped {} runs; it says {:?}: {}",
                said.skipped_runs,
                said.complaints,
                event.value
            );
        }
        agree::outcomes(&said, &self.log.entries()?)?;
        let panics: Vec<&String> = said
            .complaints
            .iter()
            .filter(|line| line.contains("panicked"))
            .collect();
        ensure!(panics.is_empty(), "oomtrace panicked: {panics:?}");
        Ok(said)
    }
}

/// The log's clock, as nearly as the tests need it.
fn log_clock_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default() / 1000
}
