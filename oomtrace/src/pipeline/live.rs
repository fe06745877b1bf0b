//! The live capture: waits for the rings, and for nothing else while nothing is killed.

use std::{fs::File, io::BufWriter, path::PathBuf, time::Duration};

use anyhow::Context as _;
use tokio::time::Instant;

use super::{
    core::{Core, Step},
    counters,
    kmsg::{self, Backfill, Joined},
    output::{Flow, Output},
    wait::{self, Readable, Signals, at},
};
use crate::{
    cli::Exit,
    enrich::{self, Enricher},
    kernel::{Applied, Plan},
    loader::{self, Probe},
    model::{Event, Host, KernelCounters, ReadingMoment},
    process::{self, clock},
    recording::{Frame, Writer},
    redact::{Redactor, redact_context_record},
};

/// A raw capture being written.
pub(super) struct Recorder {
    writer: Writer<BufWriter<File>>,
    path: PathBuf,
}

impl Recorder {
    /// Creates the file and writes the capture's header.
    ///
    /// # Errors
    ///
    /// The file exists or cannot be created.
    pub(super) fn create(path: PathBuf, host: &Host) -> anyhow::Result<Self> {
        let file = File::create_new(&path)
            .with_context(|| format!("cannot create the recording {}", path.display()))?;
        let writer = Writer::new(BufWriter::new(file), host)
            .with_context(|| format!("cannot write the recording {}", path.display()))?;
        Ok(Self { writer, path })
    }
}

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
        let probe = Probe::start(plan, log_level)?;
        let after = counters::read(ReadingMoment::Attach, Some(&probe))?;
        Ok(Self {
            probe,
            before,
            after,
        })
    }

    /// What could be attached of what the plan only hoped for.
    pub(super) fn applied(&self) -> Applied {
        self.probe.applied()
    }
}

/// Everything a live capture holds.
pub(super) struct Live {
    probe: Probe,
    core: Core,
    enricher: Enricher,
    redactor: Redactor,
    recorder: Option<Recorder>,
    recording_failed: bool,
    output: Output,
    /// The log's history, until it and what the probe tells are one.
    backfill: Option<Backfill>,
    /// The kernel's count before and after attaching.
    counted: (Option<u64>, Option<u64>),
    /// The last reading of the probe's counters.
    counters: KernelCounters,
    steps: Vec<Step>,
    flow: Flow,
}

impl Live {
    /// A capture by an attached probe.
    pub(super) fn new(
        attached: Attached,
        host: Host,
        enricher: Enricher,
        redactor: Redactor,
        recorder: Option<Recorder>,
        output: Output,
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
            enricher,
            redactor,
            recorder,
            recording_failed: false,
            output,
            backfill,
            steps: Vec::new(),
            flow: Flow::Continue,
        };
        live.clock();
        live.frame(Frame::Counters(attached.before));
        live.frame(Frame::Counters(attached.after));
        live
    }

    /// Traces until enough was shown, the time is over, or a signal comes. `ready` is called once
    /// everything is set up to wait.
    ///
    /// # Errors
    ///
    /// Waiting is not possible here, or the probe can no longer be read.
    pub(super) async fn run(
        &mut self,
        duration: Option<Duration>,
        ready: impl FnOnce(),
    ) -> anyhow::Result<Exit> {
        let rings = Readable::all(self.probe.wake_fds()).context("cannot wait for a ring")?;
        let containers =
            Readable::all(self.enricher.watch_fd()).context("cannot wait for containers")?;
        let history = self.backfill.as_ref();
        let mut log = Readable::all(history.map(|backfill| backfill.log().fd()))
            .context("cannot wait for the kernel's log")?;
        let mut signals = Signals::new()?;
        let end = duration.map(|duration| Instant::now() + duration);
        ready();

        let exit = loop {
            if self.flow == Flow::Stop {
                break Exit::Success;
            }
            let tick_at = self.core.next_deadline().map(instant_at_boot);
            let round_at = self.core.next_round().map(instant_at_boot);
            let backfill_at = self.backfill.as_ref().map(Backfill::due);
            tokio::select! {
                result = wait::any(&log) => {
                    result.context("waiting for the kernel's log")?;
                    self.join(false)?;
                }
                () = at(backfill_at.map(Instant::from_std)) => {
                    self.join(false)?;
                    if self.backfill.is_none() {
                        log.clear();
                        process::release_startup_memory();
                    }
                }
                result = wait::any(&rings) => {
                    result.context("waiting for a ring")?;
                    self.drain()?;
                }
                result = wait::any(&containers) => {
                    result.context("waiting for containers")?;
                    self.enricher.learn();
                }
                () = at(tick_at) => self.tick()?,
                () = at(round_at) => self.round()?,
                () = at(end) => break Exit::Success,
                exit = signals.next() => match exit {
                    Some(exit) => break exit,
                    // SIGUSR1: reconcile now.
                    None => self.round()?,
                },
            }
        };
        self.end().await?;
        Ok(exit)
    }

    /// Whether the number of kills that was asked for has been shown.
    pub(super) fn showed_enough(&self) -> bool {
        self.output.showed_enough()
    }

    /// What was lost: kills missed, events not written, a recording cut short, records not
    /// understood.
    pub(super) fn losses(&self) -> Vec<String> {
        let mut losses = Output::losses(self.output.dropped());
        losses.extend(missed(self.core.missed()));
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

    /// Takes everything out of the rings.
    fn drain(&mut self) -> anyhow::Result<()> {
        let mut records: Vec<Vec<u8>> = Vec::new();
        let redactor = &self.redactor;
        // Masked before anything else sees it, the recording included.
        self.probe.drain(|record| {
            records
                .push(redact_context_record(record, redactor).unwrap_or_else(|| record.to_vec()));
        });
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
        Ok(())
    }

    fn count(&mut self, counters: KernelCounters) {
        self.counters = counters.clone();
        self.frame(Frame::Counters(counters));
    }

    /// Goes on with putting the log's history and the probe's events together; shows them once that
    /// is done. `now` takes what there is.
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
            kmsg::named(&mut event, &mut self.enricher);
            self.show(event);
        }
        for event in live {
            self.show(event);
        }
        Ok(())
    }

    /// Shows an event, or holds it back for what comes before it.
    fn show(&mut self, event: Event) {
        match &mut self.backfill {
            Some(backfill) => backfill.hold(event),
            None if self.flow == Flow::Continue => self.flow = self.output.show(&event),
            None => {}
        }
    }

    fn clock(&mut self) {
        self.frame(Frame::Clock {
            boot_ns: clock::boot_ns(),
            realtime_ns: clock::realtime_ns(),
        });
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        // What is in the rings is not late.
        self.drain()?;
        self.frame(Frame::Tick {
            boot_ns: clock::boot_ns(),
        });
        Ok(())
    }

    /// Compares the kernel's count with what was observed.
    fn round(&mut self) -> anyhow::Result<()> {
        let before = counters::read(ReadingMoment::BeforeDrain, Some(&self.probe))?;
        self.count(before);
        self.drain()?;
        let after = counters::read(ReadingMoment::AfterDrain, Some(&self.probe))?;
        self.count(after);
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
                        let snapshot = self.enricher.snapshot(&request, clock::boot_ns);
                        let frame = Frame::Snapshot(snapshot);
                        self.record(&frame);
                        self.core.take(frame, &mut self.steps);
                    }
                    Step::LookUp(request) => {
                        let frame = Frame::Liveness(enrich::liveness(&request, clock::boot_ns));
                        self.record(&frame);
                        self.core.take(frame, &mut self.steps);
                    }
                    Step::Event(event) => self.show(event),
                }
            }
        }
    }

    fn record(&mut self, frame: &Frame) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if let Err(error) = recorder
            .writer
            .write(frame)
            .and_then(|()| recorder.writer.flush())
        {
            log::error!(
                "cannot go on writing the recording {}: {error}; tracing goes on without it",
                recorder.path.display()
            );
            self.recording_failed = true;
            self.recorder = None;
        }
    }

    /// Ends the capture: emits what is in the rings and what waits, and reconciles.
    async fn end(&mut self) -> anyhow::Result<()> {
        self.drain()?;
        self.core.finish(&mut self.steps);
        self.act();
        self.round()?;
        while self.core.needs_another_round() {
            at(self.core.next_round().map(instant_at_boot)).await;
            self.round()?;
        }
        self.core.finish(&mut self.steps);
        self.act();
        self.core.give_up(&mut self.steps);
        self.act();
        self.join(true)
    }
}

/// Words for kills that are known to be missed.
pub(super) fn missed((min, max): (u64, u64)) -> Option<String> {
    let number = match (min, max) {
        (0, _) => return None,
        (1, 1) => "1 kill was".to_owned(),
        _ if min == max => format!("{min} kills were"),
        _ => format!("{min} to {max} kills were"),
    };
    Some(format!("{number} missed; the gap events say when and why"))
}

/// The moment of `CLOCK_BOOTTIME` as the runtime counts time.
pub(super) fn instant_at_boot(boot_ns: u64) -> Instant {
    Instant::now() + Duration::from_nanos(boot_ns.saturating_sub(clock::boot_ns()))
}
