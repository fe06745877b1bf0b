//! Tracing without BPF: the kernel's log, followed.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::KernelLog;
use crate::assemble::Observed;
use crate::assemble::reconcile::Reconciler;
use crate::cli::Exit;
use crate::diagnose;
use crate::enrich::Enricher;
use crate::model::{Event, GapReason, KernelCounters, ReadingMoment};
use crate::pipeline::counters;
use crate::pipeline::drain::{DRAIN_MAX, drained};
use crate::pipeline::outlet::Outlet;
use crate::pipeline::output::Flow;
use crate::pipeline::stored::Stored;
use crate::pipeline::summary::{Summary, missed};
use crate::pipeline::wait::{self, Readable, Signals, at, instant_at_boot};
use crate::process::clock;

/// Events of the log, with the owner's names as far as they are still there.
pub(in crate::pipeline) fn named(event: &mut Event, enricher: &mut Enricher) {
    if let Event::OomKill(kill) = event {
        enricher.name_owner(kill, clock::boot_ns);
        diagnose::explain(event);
    }
}

/// The log, followed from now on or from its beginning.
pub(in crate::pipeline) struct LogLive {
    log: KernelLog,
    enricher: Enricher,
    output: Box<dyn Outlet>,
    reconciler: Reconciler,
    observed: Observed,
    /// What the log held at the start, until it is known that this is all of it.
    history: Option<History>,
    backfill: bool,
    /// What the store holds already, if there is one.
    stored: Option<Stored>,
    /// Records lost when the counts were last compared.
    lost: u64,
    /// Kills known to be missed so far, at least and at most.
    missed: (u64, u64),
    flow: Flow,
    /// The kernel's count when following began, and now.
    counted: (Option<u64>, Option<u64>),
    summary: Summary,
}

/// The log as it was at the start.
struct History {
    /// The kernel's count before it was read.
    counted: Option<u64>,
    /// Time of the newest record then, microseconds of the log's clock.
    newest_us: u64,
    events: Vec<Event>,
}

impl LogLive {
    /// Reads what the log holds; with `backfill` that is shown, too.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(in crate::pipeline) fn new(
        mut log: KernelLog,
        enricher: Enricher,
        output: Box<dyn Outlet>,
        backfill: bool,
        stored: Option<Stored>,
    ) -> anyhow::Result<Self> {
        let counted = reading(ReadingMoment::Attach)?.vmstat_oom_kill;
        let events = log.read()?;
        Ok(Self {
            history: Some(History {
                counted,
                newest_us: log.newest_us(),
                events,
            }),
            lost: log.lost(),
            reconciler: Reconciler::new(enricher.cgroup_version().unwrap_or(2)),
            log,
            enricher,
            output,
            observed: Observed::default(),
            backfill,
            stored,
            missed: (0, 0),
            flow: Flow::Continue,
            counted: (None, None),
            summary: Summary::new(),
        })
    }

    /// Follows the log until enough was shown, the time is over, or a signal comes. `ready` is called
    /// once everything is set up to wait.
    ///
    /// # Errors
    ///
    /// Waiting is not possible here, or the log can no longer be read.
    pub(in crate::pipeline) async fn run(
        &mut self,
        signals: &mut Signals,
        duration: Option<Duration>,
        ready: impl FnOnce(),
    ) -> anyhow::Result<Exit> {
        let log = [Readable::new(self.log.fd()).context("cannot wait for the kernel log")?];
        let containers =
            Readable::all(self.enricher.watch_fd()).context("cannot wait for containers")?;
        let stdout = self.output.poll()?;
        let end = duration.map(|duration| Instant::now() + duration);
        ready();
        if self.log.due().is_none() {
            self.begin()?;
        }
        let exit = loop {
            if self.flow == Flow::Stop {
                break Exit::Success;
            }
            let due = self.log.due().map(Instant::from_std);
            let round_at = self.reconciler.next_round().map(instant_at_boot);
            // While nobody reads, records wait in the kernel's log.
            let is_open = !self.output.is_congested();
            tokio::select! {
                result = self.output.writable(stdout.as_ref()) => {
                    result.context("waiting for the output")?;
                    self.flow = self.output.check_reader();
                }
                result = wait::any(&log), if is_open => {
                    result.context("waiting for the kernel log")?;
                    let events = self.log.read()?;
                    self.take(events);
                }
                result = wait::any(&containers) => {
                    result.context("waiting for containers")?;
                    self.enricher.learn();
                }
                () = at(due), if is_open => {
                    let events = self.log.settled();
                    self.take(events);
                    if self.log.due().is_none() {
                        self.begin()?;
                    }
                }
                () = at(round_at), if is_open => self.round()?,
                () = at(end) => break Exit::Success,
                exit = signals.next() => match exit {
                    Some(exit) => break exit,
                    None if is_open => self.round()?,
                    None => log::warn!("not reconciling: events are not being taken"),
                },
            }
        };
        self.end().await?;
        let limit = (self.flow == Flow::Continue).then_some(DRAIN_MAX);
        drained(&mut *self.output, stdout.as_ref(), signals, limit).await?;
        Ok(exit)
    }

    /// What was lost: kills missed and events not written.
    pub(in crate::pipeline) fn losses(&self) -> Vec<String> {
        let mut losses: Vec<String> = self.output.losses().into_iter().collect();
        losses.extend(missed(self.missed));
        losses
    }

    /// What was seen, in one line.
    pub(in crate::pipeline) fn summary(&self) -> String {
        let counted = self.counted.0.zip(self.counted.1);
        let counted = counted.map(|(then, now)| now.saturating_sub(then));
        self.summary.line(counted, self.missed)
    }

    /// Whether following ended only because the reader of the output has gone.
    pub(in crate::pipeline) fn is_abandoned(&self) -> bool {
        self.output.is_closed() && !self.output.showed_enough()
    }

    fn take(&mut self, events: Vec<Event>) {
        if let Some(history) = &mut self.history {
            history.events.extend(events);
            return;
        }
        self.observed.add_events(&events);
        for event in &events {
            self.summary.add(event);
        }
        if !events.is_empty() || self.log.lost() > self.lost {
            self.reconciler.activity(clock::boot_ns());
        }
        self.show(events);
    }

    fn show(&mut self, events: Vec<Event>) {
        for mut event in events {
            if self.flow == Flow::Stop {
                return;
            }
            named(&mut event, &mut self.enricher);
            self.flow = self.output.show(&event);
        }
    }

    /// The log as it was at the start has been read: shows or drops it, and from here on counts.
    fn begin(&mut self) -> anyhow::Result<()> {
        let Some(history) = self.history.take() else {
            return Ok(());
        };
        let is_old = |event: &Event| {
            let at_us = event.header().since_boot_us;
            at_us.is_some_and(|us| us <= history.newest_us)
        };
        let (old, new): (Vec<_>, Vec<_>) = history.events.into_iter().partition(is_old);
        if self.backfill {
            let counted = history.counted.zip(history.counted);
            let (gap, old) = self.log.history(old, counted, self.stored.take());
            self.show(gap.into_iter().chain(old).collect());
        }
        self.take(new);
        let before = reading(ReadingMoment::Attach)?;
        let events = self.log.read()?;
        self.take(events);
        let after = reading(ReadingMoment::Attach)?;
        self.counted = (history.counted, after.vmstat_oom_kill);
        self.reconciler.reading(&before, self.observed);
        self.reconciler.reading(&after, self.observed);
        Ok(())
    }

    /// Compares the kernel's count with the log.
    fn round(&mut self) -> anyhow::Result<()> {
        self.begin()?;
        let before = reading(ReadingMoment::BeforeDrain)?;
        self.reconciler.reading(&before, self.observed);
        let mut events = self.log.read()?;
        events.extend(self.log.paused());
        self.take(events);
        let after = reading(ReadingMoment::AfterDrain)?;
        self.counted.1 = after.vmstat_oom_kill;
        if let Some(missed) = self.reconciler.reading(&after, self.observed) {
            let reason = if self.log.lost() > self.lost {
                GapReason::LogOverrun
            } else {
                missed.reason
            };
            let at_us = Some(self.log.newest_us());
            let gap = self.log.gap(missed.min, missed.max, reason, at_us);
            self.missed.0 = self.missed.0.saturating_add(missed.min);
            self.missed.1 = self.missed.1.saturating_add(missed.max);
            self.show(vec![gap]);
        }
        if !self.reconciler.needs_another_round() {
            self.lost = self.log.lost();
        }
        Ok(())
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        self.round()?;
        while self.reconciler.needs_another_round() {
            at(self.reconciler.next_round().map(instant_at_boot)).await;
            self.round()?;
        }
        let events = self.log.finished();
        self.take(events);
        Ok(())
    }
}

/// The kernel's count.
fn reading(moment: ReadingMoment) -> anyhow::Result<KernelCounters> {
    Ok(counters::read(moment, None)?)
}
