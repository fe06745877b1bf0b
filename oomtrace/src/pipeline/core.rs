//! The stages in a row: frames in, questions to user space and finished events out. Pure.

use std::collections::VecDeque;

use crate::assemble::reconcile::Reconciler;
use crate::assemble::{Assembler, Output, Recurrences, Snapshots};
use crate::model::{Event, Host, LivenessRequest, OomKill, PageSize, Snapshot, SnapshotRequest};
use crate::recording::Frame;
use crate::{decode, diagnose, enrich};

/// What comes out.
#[derive(Debug)]
pub(super) enum Step {
    /// User space is to look now; the answer is a [`Frame::Snapshot`].
    Look(SnapshotRequest),
    /// User space is to look whether a victim still runs; the answer is a [`Frame::Liveness`].
    LookUp(LivenessRequest),
    /// A finished event.
    Event(Event),
}

/// Everything between the frames and the events.
#[derive(Debug)]
pub(super) struct Core {
    assembler: Assembler,
    reconciler: Reconciler,
    page_size: PageSize,
    snapshots: Snapshots,
    /// The kill for which user space is looking; what comes after it waits, so that events keep
    /// their order.
    awaited: Option<u32>,
    recurrences: Recurrences,
    /// The latest clock reading, nanoseconds of `CLOCK_BOOTTIME`.
    now_ns: u64,
    /// Kills known to be missed so far, at least and at most.
    missed: (u64, u64),
    undecoded: u64,
    /// What the assembler put out and nobody has seen yet.
    waiting: VecDeque<Output>,
    outputs: Vec<Output>,
}

impl Core {
    pub(super) fn new(host: Host) -> Self {
        Self {
            reconciler: Reconciler::new(host.cgroup_version),
            page_size: host.page_size_bytes,
            assembler: Assembler::new(host),
            snapshots: Snapshots::default(),
            awaited: None,
            recurrences: Recurrences::default(),
            now_ns: 0,
            missed: (0, 0),
            undecoded: 0,
            waiting: VecDeque::new(),
            outputs: Vec::new(),
        }
    }

    /// Takes a frame in.
    pub(super) fn take(&mut self, frame: Frame, out: &mut Vec<Step>) {
        match frame {
            Frame::Clock {
                boot_ns,
                realtime_ns,
            } => {
                self.now_ns = boot_ns;
                self.assembler.clock(boot_ns, realtime_ns);
            }
            Frame::Record(bytes) => {
                self.reconciler.activity(self.now_ns);
                self.record(&bytes);
            }
            Frame::Snapshot(snapshot) => self.snapshot(snapshot),
            Frame::Tick { boot_ns } => self.assembler.tick(boot_ns, &mut self.outputs),
            Frame::Liveness(liveness) => self.assembler.liveness(&liveness, &mut self.outputs),
            Frame::Counters(counters) => {
                self.assembler.counters(&counters);
                if let Some(missed) = self
                    .reconciler
                    .reading(&counters, self.assembler.observed())
                {
                    self.missed.0 = self.missed.0.saturating_add(missed.min);
                    self.missed.1 = self.missed.1.saturating_add(missed.max);
                    let gap = self.assembler.gap(missed);
                    self.outputs.push(Output::Event(Event::Gap(Box::new(gap))));
                }
            }
        }
        self.pass_on(out);
    }

    /// The capture is over: what waits comes out as it is.
    pub(super) fn finish(&mut self, out: &mut Vec<Step>) {
        self.assembler.flush(&mut self.outputs);
        self.pass_on(out);
    }

    /// No more answers will come: emits what is waiting, without them.
    pub(super) fn give_up(&mut self, out: &mut Vec<Step>) {
        while self.awaited.take().is_some() {
            self.pass_on(out);
        }
    }

    /// When a tick is due, nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.assembler.next_deadline()
    }

    /// When to reconcile, nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn next_round(&self) -> Option<u64> {
        self.reconciler.next_round()
    }

    /// Whether the last reconciliation found a difference that another must confirm.
    pub(super) fn needs_another_round(&self) -> bool {
        self.reconciler.needs_another_round()
    }

    /// Kills known to be missed so far, at least and at most.
    pub(super) fn missed(&self) -> (u64, u64) {
        self.missed
    }

    /// Records that could not be decoded.
    pub(super) fn undecoded(&self) -> u64 {
        self.undecoded
    }

    fn record(&mut self, bytes: &[u8]) {
        match decode::decode(bytes, self.page_size) {
            Ok(record) => self.assembler.record(record, &mut self.outputs),
            Err(error) => {
                self.undecoded += 1;
                log::warn!(
                    "a record of {} bytes could not be decoded: {error}",
                    bytes.len()
                );
            }
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot) {
        if self.awaited == Some(snapshot.sequence) {
            self.awaited = None;
        }
        self.snapshots.keep(snapshot);
    }

    fn pass_on(&mut self, out: &mut Vec<Step>) {
        self.waiting.extend(self.outputs.drain(..));
        while self.awaited.is_none() {
            match self.waiting.pop_front() {
                Some(Output::Opened(request)) => {
                    // A recording may hold the answer before the question.
                    if !self.snapshots.holds(request.sequence) {
                        self.awaited = Some(request.sequence);
                        out.push(Step::Look(request));
                    }
                }
                Some(Output::Kill { sequence, event }) => self.complete(sequence, event, out),
                Some(Output::Overdue(request)) => out.push(Step::LookUp(request)),
                Some(Output::Event(event)) => out.push(finished(event)),
                None => return,
            }
        }
    }

    /// Adds what user space saw.
    fn complete(&mut self, sequence: u32, mut kill: Box<OomKill>, out: &mut Vec<Step>) {
        if let Some(snapshot) = self.snapshots.of(sequence, &kill) {
            enrich::apply(&mut kill, snapshot);
        }
        self.recurrences.note(&mut kill);
        out.push(finished(Event::OomKill(kill)));
    }
}

fn finished(mut event: Event) -> Step {
    diagnose::explain(&mut event);
    Step::Event(event)
}
