//! The end of the pipeline: filter, count, render, deliver.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::wait::{Writable, at};
use crate::cli::filter::{Filter, matches};
use crate::diagnose;
use crate::model::{Event, Gap, GapReason, Header, KillKind};
use crate::render::Render;
use crate::sink::{CONGESTED_BYTES, Item, Loss, Progress, Sink, Stdout};

/// Shown kills whose outcome may still come.
const SHOWN_KEPT: usize = 4096;

/// How long after a failure to write it is tried again, unless an event comes before.
const RETRY: Duration = Duration::from_secs(5);

/// How long after an event it counts as quiet.
const QUIET: Duration = Duration::from_secs(5);

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// More is wanted.
    Continue,
    /// Enough was shown, or nobody reads any more.
    Stop,
}

/// Shows events on standard output, without ever waiting for its reader.
pub(super) struct Output {
    filter: Filter,
    renderer: Box<dyn Render>,
    sink: Sink<Stdout>,
    remaining: Option<u64>,
    shown: VecDeque<String>,
    only_pid: Option<u32>,
    /// Lost since the stream last said so.
    lost: Loss,
    /// The stream has to say so.
    is_gap_due: bool,
    reason: GapReason,
    /// Events that were lost, whether or not the stream says so.
    dropped: u64,
    /// The header of the last event, from which that of a `gap` is made.
    last: Option<Header>,
    is_closed: bool,
    /// Set while writing fails.
    retry_at: Option<Instant>,
    /// Set while the renderer holds something back.
    quiet_at: Option<Instant>,
    failure: Option<io::Error>,
}

impl Output {
    /// # Errors
    ///
    /// Standard output cannot be used.
    pub(super) fn new(
        filter: Filter,
        renderer: Box<dyn Render>,
        count: Option<NonZeroU64>,
    ) -> anyhow::Result<Self> {
        let stdout = Stdout::open().context("cannot use standard output")?;
        Ok(Self {
            filter,
            renderer,
            sink: Sink::new(stdout),
            remaining: count.map(NonZeroU64::get),
            shown: VecDeque::new(),
            only_pid: None,
            lost: Loss::default(),
            is_gap_due: false,
            reason: GapReason::OutputFailed,
            dropped: 0,
            last: None,
            is_closed: false,
            retry_at: None,
            quiet_at: None,
            failure: None,
        })
    }

    /// Shows `event`, if the filter wants it.
    pub(super) fn show(&mut self, event: &Event) -> Flow {
        if self.remaining == Some(0) {
            return Flow::Stop;
        }
        if !self.is_wanted(event) {
            return Flow::Continue;
        }
        self.last = Some(event.header().clone());
        self.queue(event);
        if self.write() == Flow::Stop {
            return Flow::Stop;
        }
        if let (Event::OomKill(_), Some(remaining)) = (event, &mut self.remaining) {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Shows each of `events` until enough was shown.
    pub(super) fn show_all(&mut self, events: impl IntoIterator<Item = Event>) -> Flow {
        for event in events {
            if self.show(&event) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// As [`Self::show_all`], and waits for the reader: for commands that read files and can take
    /// their time. Stops at the first failure to write.
    pub(super) fn show_waiting(&mut self, events: impl IntoIterator<Item = Event>) -> Flow {
        for event in events {
            let flow = self.show(&event);
            while !self.is_closed && self.failure.is_none() && self.sink.queued_bytes() > 0 {
                if let Err(error) = self.sink.writer().wait() {
                    self.failure = Some(error);
                }
                self.write();
            }
            if flow == Flow::Stop || self.is_closed || self.failure.is_some() {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn write(&mut self) -> Flow {
        loop {
            // One at a time: while nothing can be written, more may be lost.
            let is_time = self.failure.is_some() || !self.is_congested();
            if self.is_gap_due && is_time && !self.sink.holds_gap() {
                self.queue_gap();
            }
            match self.sink.write() {
                Progress::Done => {
                    self.retry_at = None;
                    if self.failure.take().is_some() {
                        log::warn!("standard output can be written again");
                    }
                    if !self.is_gap_due {
                        return Flow::Continue;
                    }
                }
                Progress::Blocked => return Flow::Continue,
                Progress::Closed => {
                    self.is_closed = true;
                    return Flow::Stop;
                }
                Progress::Failed { torn, error } => {
                    if let Some(item) = torn {
                        self.lose(item.loss, GapReason::OutputFailed);
                    }
                    if self.failure.is_none() {
                        // Once for each run of failures: a log must not fill what is full.
                        log::error!(
                            "cannot write to standard output: {error}; events are kept as far as \
                             there is room and counted beyond it"
                        );
                    }
                    self.failure = Some(error);
                    self.retry_at = Some(Instant::now() + RETRY);
                    return Flow::Continue;
                }
            }
        }
    }

    /// What to wait for with [`Self::writable`]; none for a file.
    ///
    /// # Errors
    ///
    /// It cannot be polled.
    pub(super) fn poll(&self) -> anyhow::Result<Option<Writable>> {
        let fd = self.sink.writer().poll_fd();
        let writable = fd.map(Writable::new).transpose();
        writable.context("cannot wait for standard output")
    }

    /// Waits until [`Self::write`] has something to do: there is room again, the reader has gone,
    /// or a failed write is due again. For ever if none of these can be.
    ///
    /// # Errors
    ///
    /// Waiting failed.
    pub(super) async fn writable(&self, fd: Option<&Writable>) -> io::Result<()> {
        tokio::select! {
            result = async {
                match fd {
                    Some(fd) => fd.ready().await,
                    None => std::future::pending().await,
                }
            } => result,
            () = at(self.retry_at) => Ok(()),
            () = at(self.quiet_at) => Ok(()),
        }
    }

    /// Notices a reader that has gone although nothing was written.
    pub(super) fn check_reader(&mut self) -> Flow {
        self.is_closed |= self.sink.writer().is_abandoned();
        if self.quiet_at.is_some_and(|at| at <= Instant::now()) {
            self.settle();
        }
        if self.is_closed {
            Flow::Stop
        } else {
            self.write()
        }
    }

    /// Queues what the renderer has held back.
    pub(super) fn settle(&mut self) {
        self.quiet_at = None;
        let mut bytes = Vec::new();
        self.renderer.flush(&mut bytes);
        let item = Item {
            bytes,
            loss: Loss::default(),
            is_gap: false,
        };
        // Each of its events was shown or counted already.
        if !item.bytes.is_empty() {
            drop(self.sink.push(item));
        }
    }

    /// Whether so much waits that the source of events should pause.
    pub(super) fn is_congested(&self) -> bool {
        self.sink.queued_bytes() >= CONGESTED_BYTES
    }

    /// Whether nothing waits that could still be written.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed || self.failure.is_some() || self.sink.queued_bytes() == 0
    }

    /// Whether the reader has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Shows nothing but the kill of this process.
    pub(super) fn only_victim(&mut self, pid: Option<u32>) {
        self.only_pid = pid;
    }

    /// Whether an event was shown.
    pub(super) fn has_shown(&self) -> bool {
        self.last.is_some()
    }

    /// Whether the number of kills that was asked for has been shown.
    pub(super) fn showed_enough(&self) -> bool {
        self.remaining == Some(0)
    }

    /// Events that were not written, of those that still wait as well.
    pub(super) fn undelivered(&self) -> u64 {
        self.dropped.saturating_add(self.sink.waiting().events)
    }

    /// A sentence for events that were not written.
    pub(super) fn losses(&self) -> Option<String> {
        let events = match self.undelivered() {
            0 => return None,
            1 => "1 event was".to_owned(),
            many => format!("{many} events were"),
        };
        Some(match &self.failure {
            Some(error) => format!("{events} not written to standard output: {error}"),
            None if self.is_closed => {
                format!("{events} not delivered: the reader of standard output has gone")
            }
            None if self.sink.queued_bytes() > 0 => {
                format!("{events} not delivered: standard output is not being read")
            }
            None => format!("{events} not written to standard output; gap events say which"),
        })
    }

    fn queue(&mut self, event: &Event) {
        let loss = match event {
            Event::OomKill(_) => (1, 1),
            Event::Gap(gap) => (gap.kills_missed_min, gap.kills_missed_max),
            Event::OomOutcome(_) | Event::OomNoVictim(_) | Event::UserspaceOomKill(_) => (0, 0),
        };
        let mut bytes = Vec::new();
        self.renderer.render(event, &mut bytes);
        self.quiet_at = self.renderer.is_holding().then(|| Instant::now() + QUIET);
        let item = Item {
            bytes,
            loss: Loss {
                events: 1,
                kills_min: loss.0,
                kills_max: loss.1,
            },
            is_gap: false,
        };
        if let Err(item) = self.sink.push(item) {
            self.lose(item.loss, GapReason::OutputBlocked);
        }
    }

    fn lose(&mut self, loss: Loss, reason: GapReason) {
        self.dropped = self.dropped.saturating_add(loss.events);
        self.lost.add(loss);
        self.is_gap_due = true;
        self.reason = reason;
    }

    /// Says in the stream what it lacks. If that is lost as well, its count is not.
    fn queue_gap(&mut self) {
        let Some(header) = self.last.clone() else {
            return;
        };
        self.is_gap_due = false;
        // The events are counted as dropped already.
        let loss = Loss {
            events: 0,
            ..std::mem::take(&mut self.lost)
        };
        let kills = (loss.kills_min, loss.kills_max);
        let gap = Gap::beside(&header, self.reason, kills, self.dropped);
        let mut gap = Event::Gap(Box::new(gap));
        diagnose::explain(&mut gap);
        let mut bytes = Vec::new();
        self.renderer.render(&gap, &mut bytes);
        self.sink.push_first(Item {
            bytes,
            loss,
            is_gap: true,
        });
    }

    fn is_wanted(&mut self, event: &Event) -> bool {
        if self.only_pid.is_some() {
            return matches!(event, Event::OomKill(kill) if kill.victim.pid == self.only_pid);
        }
        match event {
            Event::OomKill(kill) => {
                // A process that died with a shown victim belongs to it, whatever its own name.
                let with_shown = kill.incident.kill_kind == Some(KillKind::SharedMm)
                    && self.shown.contains(&kill.incident.id);
                let wanted = self.filter.is_empty() || matches(kill, &self.filter) || with_shown;
                if wanted && !self.filter.is_empty() {
                    if self.shown.len() == SHOWN_KEPT {
                        self.shown.pop_front();
                    }
                    self.shown.push_back(kill.incident.id.clone());
                }
                wanted
            }
            Event::OomOutcome(outcome) => {
                self.filter.is_empty() || self.shown.contains(&outcome.incident.id)
            }
            // What was missed may have been what the filter wants.
            Event::Gap(_) | Event::OomNoVictim(_) | Event::UserspaceOomKill(_) => true,
        }
    }
}
