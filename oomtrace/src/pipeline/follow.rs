//! The loop of a live capture, whatever its source: waits for input, for the reader of the output and for
//! signals, and for nothing else while nothing is killed.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::drain::{DRAIN_MAX, drained};
use super::outlet::Outlet;
use super::output::Flow;
use super::summary::{Summary, missed};
use super::wait::{self, Readable, Signals, at, instant_at_boot};
use crate::cli::Exit;
use crate::enrich::Enricher;
use crate::model::Event;

/// What every live capture has beside its source.
pub(super) struct Outflow {
    pub(super) enricher: Enricher,
    output: Box<dyn Outlet>,
    flow: Flow,
    pub(super) summary: Summary,
}

impl Outflow {
    pub(super) fn new(enricher: Enricher, output: Box<dyn Outlet>) -> Self {
        Self {
            enricher,
            output,
            flow: Flow::Continue,
            summary: Summary::new(),
        }
    }

    /// Shows an event, unless enough has been shown.
    pub(super) fn show(&mut self, event: &Event) {
        if self.flow == Flow::Continue {
            self.flow = self.output.show(event);
        }
    }

    /// Whether so much waits in the output that the source should pause.
    pub(super) fn is_congested(&self) -> bool {
        self.output.is_congested()
    }
}

/// A source of events: the probe's rings, or the kernel's log.
pub(super) trait Source {
    /// Where its events go.
    fn outflow(&self) -> &Outflow;

    /// The same, to change it.
    fn outflow_mut(&mut self) -> &mut Outflow;

    /// Descriptors that become readable when there is something to read.
    fn inputs(&self) -> Vec<BorrowedFd<'_>>;

    /// Called once, after the inputs are waited for and before the first wait.
    ///
    /// # Errors
    ///
    /// The source can no longer be read. The same holds for the others that return a result.
    fn start(&mut self) -> anyhow::Result<()>;

    /// Reads what there is, as far as the output has room.
    fn read(&mut self) -> anyhow::Result<()>;

    /// Whether something was left unread while the output had no room.
    fn is_behind(&self) -> bool;

    /// When to call [`Self::advance`] at the latest.
    fn due(&self) -> Option<Instant>;

    /// Emits everything that is due.
    fn advance(&mut self) -> anyhow::Result<()>;

    /// Compares the kernel's count of kills with what was observed.
    fn round(&mut self) -> anyhow::Result<()>;

    /// When the next round is due, nanoseconds of `CLOCK_BOOTTIME`.
    fn next_round(&self) -> Option<u64>;

    /// Whether the last round has not settled the count.
    fn needs_another_round(&self) -> bool;

    /// Emits what can be emitted before the last rounds.
    fn finish(&mut self) -> anyhow::Result<()>;

    /// Emits the rest, after the last round.
    fn finished(&mut self) -> anyhow::Result<()>;

    /// Kills that the kernel counted since the beginning, where it counts.
    fn counted(&self) -> Option<u64>;

    /// Kills known to be missed, at least and at most.
    fn missed(&self) -> (u64, u64);

    /// Whether this thread may read the source's own counters, if it has any, with the capabilities that
    /// it has now.
    fn can_read_counters(&self) -> bool;

    /// Other losses, a sentence each.
    fn other_losses(&self) -> Vec<String>;
}

/// Follows a source until enough was shown, the time is over, or a signal comes. `ready` is called once
/// everything is set up to wait.
///
/// # Errors
///
/// Waiting is not possible here, or the source can no longer be read.
pub(super) async fn follow(
    source: &mut dyn Source,
    signals: &mut Signals,
    duration: Option<Duration>,
    ready: impl FnOnce(),
) -> anyhow::Result<Exit> {
    let mut inputs = registered(source)?;
    let containers = source.outflow().enricher.watch_fd();
    let containers = Readable::all(containers).context("cannot wait for containers")?;
    let stdout = source.outflow().output.poll()?;
    let end = duration.map(|duration| Instant::now() + duration);
    ready();
    source.start()?;
    let exit = loop {
        if source.outflow().flow == Flow::Stop {
            break Exit::Success;
        }
        // A history that has been read is no input any more.
        if source.inputs().len() != inputs.len() {
            inputs = registered(source)?;
        }
        let (due, round_at) = (source.due(), source.next_round().map(instant_at_boot));
        // While nobody reads, events wait in the kernel.
        let is_open = !source.outflow().is_congested();
        let is_behind = source.is_behind();
        tokio::select! {
            result = source.outflow().output.writable(stdout.as_ref()) => {
                result.context("waiting for the output")?;
                let outflow = source.outflow_mut();
                outflow.flow = outflow.output.check_reader();
            }
            () = std::future::ready(()), if is_open && is_behind => source.read()?,
            result = wait::any(&inputs), if is_open => {
                result.context("waiting for the kernel's events")?;
                source.read()?;
            }
            result = wait::any(&containers) => {
                result.context("waiting for containers")?;
                source.outflow_mut().enricher.learn();
            }
            () = at(due), if is_open => source.advance()?,
            () = at(round_at), if is_open => source.round()?,
            () = at(end) => break Exit::Success,
            exit = signals.next() => match exit {
                Some(exit) => break exit,
                None if is_open => source.round()?,
                None => log::warn!("not reconciling: events are not being taken"),
            },
        }
    };
    source.finish()?;
    source.round()?;
    while source.needs_another_round() {
        at(source.next_round().map(instant_at_boot)).await;
        source.round()?;
    }
    source.finished()?;
    let outflow = source.outflow_mut();
    let limit = (outflow.flow == Flow::Continue).then_some(DRAIN_MAX);
    drained(&mut *outflow.output, stdout.as_ref(), signals, limit).await?;
    Ok(exit)
}

fn registered(source: &dyn Source) -> anyhow::Result<Vec<Readable>> {
    Readable::all(source.inputs()).context("cannot wait for the kernel's events")
}

impl dyn Source + '_ {
    /// Whether the number of kills that was asked for has been shown.
    pub(super) fn showed_enough(&self) -> bool {
        self.outflow().output.showed_enough()
    }

    /// Whether the capture ended only because the reader of the output has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.outflow().output.is_closed() && !self.showed_enough()
    }

    /// What was lost, a sentence each: events not written, kills missed, and the source's own.
    pub(super) fn losses(&self) -> Vec<String> {
        let mut losses: Vec<String> = self.outflow().output.losses().into_iter().collect();
        losses.extend(missed(self.missed()));
        losses.extend(self.other_losses());
        losses
    }

    /// What was seen, in one line.
    pub(super) fn summary(&self) -> String {
        let outflow = self.outflow();
        outflow.summary.line(self.counted(), self.missed())
    }
}
