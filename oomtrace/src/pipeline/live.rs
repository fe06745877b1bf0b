//! The live capture by the probe: what comes out of its rings.

use std::os::fd::BorrowedFd;

use tokio::time::Instant;

use super::core::{Core, Step};
use super::counters;
use super::follow::{Outflow, Source};
use super::kmsg::{self, Backfill, Joined};
use super::outlet::Outlet;
use super::recorder::Recorder;
use super::wait::instant_at_boot;
use crate::enrich::{self, Enricher};
use crate::kernel::{Applied, Plan};
use crate::loader::{self, Probe};
use crate::model::{Event, Host, KernelCounters, ReadingMoment};
use crate::process;
use crate::process::clock;
use crate::recording::Frame;
use crate::redact::{Redactor, redact_context_record};

/// Rounds of emptying the rings before what they held is looked at.
const ROUNDS_MAX: u32 = 32;

/// The probe, just attached: from here on every kill is seen.
pub(super) struct Attached {
    probe: Probe,
    before: KernelCounters,
    after: KernelCounters,
}

impl Attached {
    /// Attaches the probe, and reads the counts around that.
    ///
    /// # Errors
    ///
    /// The kernel refuses the probe.
    pub(super) fn new(plan: &Plan, log_level: u8) -> Result<Self, loader::LoadError> {
        let before = counters::read(ReadingMoment::Attach, None)?;
        let probe = Probe::start(plan, log_level, process::release_startup_memory)?;
        let after = counters::read(ReadingMoment::Attach, Some(&probe))?;
        Ok(Self {
            probe,
            before,
            after,
        })
    }

    /// Which of the plan's optional hooks were attached.
    pub(super) fn applied(&self) -> Applied {
        self.probe.applied()
    }
}

/// Everything a live capture holds.
pub(super) struct Live {
    probe: Probe,
    core: Core,
    redactor: Redactor,
    recorder: Option<Recorder>,
    recording_failed: bool,
    outflow: Outflow,
    /// The log's history, until it is joined to the probe's events.
    backfill: Option<Backfill>,
    /// The kernel's count before and after attaching.
    counted: (Option<u64>, Option<u64>),
    /// The last reading of the probe's counters.
    counters: KernelCounters,
    steps: Vec<Step>,
    /// Kills were left in the ring while nobody read the output.
    is_behind: bool,
}

impl Live {
    /// A capture by an attached probe.
    pub(super) fn new(
        attached: Attached,
        host: Host,
        enricher: Enricher,
        redactor: Redactor,
        recorder: Option<Recorder>,
        output: Box<dyn Outlet>,
        backfill: Option<Backfill>,
    ) -> Self {
        let mut live = Self {
            counted: (
                attached.before.vmstat_oom_kill,
                attached.after.vmstat_oom_kill,
            ),
            counters: attached.after.clone(),
            probe: attached.probe,
            core: Core::new(host),
            redactor,
            recorder,
            recording_failed: false,
            outflow: Outflow::new(enricher, output),
            backfill,
            steps: Vec::new(),
            is_behind: false,
        };
        live.clock();
        live.frame(Frame::Counters(attached.before));
        live.frame(Frame::Counters(attached.after));
        live
    }

    /// Takes everything out of the rings; unless it must be `all`, only as long as the output has
    /// room for it.
    fn drain(&mut self, all: bool) -> anyhow::Result<()> {
        loop {
            // A kill of before has its details in the rings by now; a later one may have them
            // there only once its ring has been passed over.
            let boot_ns = clock::boot_ns();
            self.is_behind = self.drain_some()?;
            if !self.is_behind || !all && self.outflow.is_congested() {
                return Ok(());
            }
            // Emits what is due, so that no more than this is held at a time.
            self.frame(Frame::Tick { boot_ns });
        }
    }

    /// Takes some kills out of the rings; returns whether there may be more.
    fn drain_some(&mut self) -> anyhow::Result<bool> {
        let mut records: Vec<Vec<u8>> = Vec::new();
        let redactor = &self.redactor;
        // Masked before anything else sees it, the recording included.
        let mut rounds = 0;
        // Again until there is no kill: one may have come just before its details were passed over.
        let is_more = loop {
            let is_more = self.probe.drain(|record| {
                records.push(
                    redact_context_record(record, redactor).unwrap_or_else(|| record.to_vec()),
                );
            });
            rounds += 1;
            if !is_more || rounds == ROUNDS_MAX {
                break is_more;
            }
        };
        self.probe.flush_log();
        // Later than everything that came out.
        self.clock();
        // Before the records: an event says what was lost by then.
        if let Some(counters) = counters::new_losses(&self.probe, &self.counters)? {
            self.count(counters);
        }
        for record in records {
            self.frame(Frame::Record(record));
        }
        Ok(is_more)
    }

    fn count(&mut self, counters: KernelCounters) {
        self.counters = counters.clone();
        self.frame(Frame::Counters(counters));
    }

    /// Reads on in the log's history; once that is complete, shows it before the probe's events. `now`
    /// settles for what there is.
    fn join(&mut self, now: bool) -> anyhow::Result<()> {
        let is_over = match &mut self.backfill {
            Some(backfill) => backfill.is_over(now)?,
            None => return Ok(()),
        };
        if !is_over {
            return Ok(());
        }
        // What is in the rings belongs to it.
        self.tick()?;
        let Some(backfill) = self.backfill.take() else {
            return Ok(());
        };
        let Joined { gap, logged, live } = backfill.joined(self.counted);
        for mut event in gap.into_iter().chain(logged) {
            kmsg::named(&mut event, &mut self.outflow.enricher);
            self.show(event);
        }
        for event in live {
            self.show(event);
        }
        if !now {
            process::release_startup_memory();
        }
        Ok(())
    }

    /// Shows an event, or holds it back for what comes before it.
    fn show(&mut self, event: Event) {
        match &mut self.backfill {
            Some(backfill) => backfill.hold(event),
            None => self.outflow.show(&event),
        }
    }

    fn clock(&mut self) {
        self.frame(Frame::Clock {
            boot_ns: clock::boot_ns(),
            realtime_ns: clock::realtime_ns(),
        });
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        let boot_ns = clock::boot_ns();
        // What is in the rings is not late.
        self.drain(false)?;
        self.frame(Frame::Tick { boot_ns });
        Ok(())
    }

    /// Records a frame, passes it through the stages and does what they ask for.
    fn frame(&mut self, frame: Frame) {
        self.record(&frame);
        self.core.take(frame, &mut self.steps);
        self.act();
    }

    fn act(&mut self) {
        loop {
            let steps = std::mem::take(&mut self.steps);
            if steps.is_empty() {
                return;
            }
            for step in steps {
                match step {
                    Step::Look(request) => {
                        let snapshot = self.outflow.enricher.snapshot(&request, clock::boot_ns);
                        let frame = Frame::Snapshot(snapshot);
                        self.record(&frame);
                        self.core.take(frame, &mut self.steps);
                    }
                    Step::LookUp(request) => {
                        let frame = Frame::Liveness(enrich::liveness(&request, clock::boot_ns));
                        self.record(&frame);
                        self.core.take(frame, &mut self.steps);
                    }
                    Step::Event(event) => {
                        self.outflow.summary.add(&event);
                        self.show(event);
                    }
                }
            }
        }
    }

    fn record(&mut self, frame: &Frame) {
        if let Some(recorder) = &mut self.recorder
            && !recorder.write(frame)
        {
            self.recording_failed = true;
            self.recorder = None;
        }
    }
}

impl Source for Live {
    fn outflow(&self) -> &Outflow {
        &self.outflow
    }

    fn outflow_mut(&mut self) -> &mut Outflow {
        &mut self.outflow
    }

    fn inputs(&self) -> Vec<BorrowedFd<'_>> {
        let history = self.backfill.as_ref().map(|backfill| backfill.log().fd());
        self.probe.wake_fds().into_iter().chain(history).collect()
    }

    fn start(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<()> {
        self.drain(false)?;
        self.join(false)
    }

    fn is_behind(&self) -> bool {
        self.is_behind
    }

    fn due(&self) -> Option<Instant> {
        let tick_at = self.core.next_deadline().map(instant_at_boot);
        let backfill_at = self.backfill.as_ref().map(Backfill::due);
        let backfill_at = backfill_at.map(Instant::from_std);
        tick_at.into_iter().chain(backfill_at).min()
    }

    fn advance(&mut self) -> anyhow::Result<()> {
        self.join(false)?;
        self.tick()
    }

    fn round(&mut self) -> anyhow::Result<()> {
        let before = counters::read(ReadingMoment::BeforeDrain, Some(&self.probe))?;
        self.count(before);
        self.drain(true)?;
        let after = counters::read(ReadingMoment::AfterDrain, Some(&self.probe))?;
        self.count(after);
        Ok(())
    }

    fn next_round(&self) -> Option<u64> {
        self.core.next_round()
    }

    fn needs_another_round(&self) -> bool {
        self.core.needs_another_round()
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.drain(true)?;
        self.core.finish(&mut self.steps);
        self.act();
        Ok(())
    }

    fn finished(&mut self) -> anyhow::Result<()> {
        self.core.finish(&mut self.steps);
        self.act();
        self.core.give_up(&mut self.steps);
        self.act();
        self.join(true)
    }

    fn counted(&self) -> Option<u64> {
        let counted = self.counters.vmstat_oom_kill.zip(self.counted.1);
        counted.map(|(now, then)| now.saturating_sub(then))
    }

    fn missed(&self) -> (u64, u64) {
        self.core.missed()
    }

    fn can_read_counters(&self) -> bool {
        counters::read(ReadingMoment::Drain, Some(&self.probe)).is_ok()
    }

    fn other_losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        if self.recording_failed {
            losses.push("the recording is not complete".to_owned());
        }
        if self.core.undecoded() > 0 {
            losses.push(format!(
                "{} records could not be decoded",
                self.core.undecoded()
            ));
        }
        losses
    }
}
