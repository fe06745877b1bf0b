//! Tracing without BPF: the kernel's log, followed.

use std::os::fd::BorrowedFd;

use tokio::time::Instant;

use super::KernelLog;
use crate::assemble::Observed;
use crate::assemble::reconcile::Reconciler;
use crate::diagnose;
use crate::enrich::Enricher;
use crate::model::{Event, GapReason, KernelCounters, ReadingMoment};
use crate::pipeline::counters;
use crate::pipeline::follow::{Outflow, Source};
use crate::pipeline::outlet::Outlet;
use crate::pipeline::stored::Stored;
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
    outflow: Outflow,
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
    /// The kernel's count when following began, and now.
    counted: (Option<u64>, Option<u64>),
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
            outflow: Outflow::new(enricher, output),
            observed: Observed::default(),
            backfill,
            stored,
            missed: (0, 0),
            counted: (None, None),
        })
    }

    fn take(&mut self, events: Vec<Event>) {
        if let Some(history) = &mut self.history {
            history.events.extend(events);
            return;
        }
        self.observed.add_events(&events);
        for event in &events {
            self.outflow.summary.add(event);
        }
        if !events.is_empty() || self.log.lost() > self.lost {
            self.reconciler.activity(clock::boot_ns());
        }
        self.show(events);
    }

    fn show(&mut self, events: Vec<Event>) {
        for mut event in events {
            named(&mut event, &mut self.outflow.enricher);
            self.outflow.show(&event);
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
}

impl Source for LogLive {
    fn outflow(&self) -> &Outflow {
        &self.outflow
    }

    fn outflow_mut(&mut self) -> &mut Outflow {
        &mut self.outflow
    }

    fn inputs(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.log.fd()]
    }

    fn start(&mut self) -> anyhow::Result<()> {
        match self.log.due() {
            Some(_) => Ok(()),
            None => self.begin(),
        }
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let events = self.log.read()?;
        self.take(events);
        Ok(())
    }

    fn is_behind(&self) -> bool {
        false
    }

    fn due(&self) -> Option<Instant> {
        self.log.due().map(Instant::from_std)
    }

    fn advance(&mut self) -> anyhow::Result<()> {
        let events = self.log.settled();
        self.take(events);
        self.start()
    }

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

    fn next_round(&self) -> Option<u64> {
        self.reconciler.next_round()
    }

    fn needs_another_round(&self) -> bool {
        self.reconciler.needs_another_round()
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn finished(&mut self) -> anyhow::Result<()> {
        let events = self.log.finished();
        self.take(events);
        Ok(())
    }

    fn counted(&self) -> Option<u64> {
        let counted = self.counted.0.zip(self.counted.1);
        counted.map(|(then, now)| now.saturating_sub(then))
    }

    fn missed(&self) -> (u64, u64) {
        self.missed
    }

    fn can_read_counters(&self) -> bool {
        true
    }

    fn other_losses(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The kernel's count.
fn reading(moment: ReadingMoment) -> anyhow::Result<KernelCounters> {
    Ok(counters::read(moment, None)?)
}
