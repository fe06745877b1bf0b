//! Tracing without BPF: the kernel's log, followed.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::{KernelLog, count};
use crate::{
    assemble::{Observed, reconcile::Reconciler},
    cli::Exit,
    diagnose,
    enrich::Enricher,
    model::{Event, KernelCounters, ReadingMoment},
    pipeline::{
        clock, counters,
        live::{QUIET, SECOND_ROUND},
        output::{Flow, Output},
        wait::{self, Readable, Signals, at},
    },
};

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
    output: Output,
    reconciler: Reconciler,
    observed: Observed,
    /// What the log held at the start, until it is known that this is all of it.
    history: Option<History>,
    backfill: bool,
    /// Records lost when the counts were last compared.
    lost: u64,
    /// There is something to compare the kernel's count with.
    active: bool,
    flow: Flow,
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
        output: Output,
        backfill: bool,
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
            active: false,
            flow: Flow::Continue,
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
        duration: Option<Duration>,
        ready: impl FnOnce(),
    ) -> anyhow::Result<Exit> {
        let log = [Readable::new(self.log.fd()).context("cannot wait for the kernel's log")?];
        let containers =
            Readable::all(self.enricher.watch_fd()).context("cannot wait for containers")?;
        let mut signals = Signals::new()?;
        let end = duration.map(|duration| Instant::now() + duration);
        let mut quiet_at: Option<Instant> = None;
        ready();
        if self.log.due().is_none() {
            self.begin()?;
        }
        let exit = loop {
            if self.flow == Flow::Stop {
                break Exit::Success;
            }
            let due = self.log.due().map(Instant::from_std);
            tokio::select! {
                result = wait::any(&log) => {
                    result.context("waiting for the kernel's log")?;
                    let events = self.log.read()?;
                    self.take(events);
                }
                result = wait::any(&containers) => {
                    result.context("waiting for containers")?;
                    self.enricher.learn();
                }
                () = at(due) => {
                    let events = self.log.settled();
                    self.take(events);
                    if self.log.due().is_none() {
                        self.begin()?;
                    }
                }
                () = at(quiet_at) => quiet_at = self.round()?,
                () = at(end) => break Exit::Success,
                exit = signals.next() => match exit {
                    Some(exit) => break exit,
                    None => quiet_at = self.round()?,
                },
            }
            if std::mem::take(&mut self.active) {
                quiet_at = Some(Instant::now() + QUIET);
            }
        };
        self.end().await?;
        Ok(exit)
    }

    /// Events that could not be written.
    pub(in crate::pipeline) fn dropped(&self) -> u64 {
        self.output.dropped()
    }

    fn take(&mut self, events: Vec<Event>) {
        if let Some(history) = &mut self.history {
            history.events.extend(events);
            return;
        }
        count::add(&mut self.observed, &events);
        self.active |= !events.is_empty() || self.log.lost() > self.lost;
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
            let mut observed = Observed::default();
            count::add(&mut observed, &old);
            let gap = self
                .log
                .gap_before(history.counted.zip(history.counted), observed);
            self.show(gap.into_iter().chain(old).collect());
        }
        self.take(new);
        let before = reading(ReadingMoment::Attach)?;
        let events = self.log.read()?;
        self.take(events);
        let after = reading(ReadingMoment::Attach)?;
        self.reconciler.reading(&before, self.observed);
        self.reconciler.reading(&after, self.observed);
        Ok(())
    }

    /// One round of comparing the kernel's count with the log; when the next one is due.
    fn round(&mut self) -> anyhow::Result<Option<Instant>> {
        self.begin()?;
        let before = reading(ReadingMoment::BeforeDrain)?;
        self.reconciler.reading(&before, self.observed);
        let mut events = self.log.read()?;
        events.extend(self.log.paused());
        self.take(events);
        let after = reading(ReadingMoment::AfterDrain)?;
        if let Some(missed) = self.reconciler.reading(&after, self.observed) {
            let reason = if self.log.lost() > self.lost {
                "log_overrun"
            } else {
                missed.reason
            };
            let at_us = Some(self.log.newest_us());
            let gap = self.log.gap(missed.min, missed.max, reason, at_us);
            self.show(vec![gap]);
        }
        // What has just come asks for no round of its own.
        self.active = false;
        if self.reconciler.is_suspicious() {
            return Ok(Some(Instant::now() + SECOND_ROUND));
        }
        self.lost = self.log.lost();
        Ok(None)
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        if self.round()?.is_some() {
            tokio::time::sleep(SECOND_ROUND).await;
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
