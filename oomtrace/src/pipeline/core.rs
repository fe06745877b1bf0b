//! The stages in a row: frames in, questions to user space and finished events out. Pure.

use std::collections::BTreeMap;

use crate::{
    assemble::{Assembler, Output, reconcile::Reconciler},
    decode, diagnose, enrich,
    model::{Event, Host, KillKind, OomKill, PageSize, Snapshot, SnapshotRequest},
    recording::Frame,
};

/// Snapshots that are kept for processes that shared a victim's memory and die later.
const SNAPSHOTS_KEPT: usize = 256;

/// What comes out.
#[derive(Debug)]
pub(super) enum Step {
    /// User space is to look now; the answer is a [`Frame::Snapshot`].
    Look(SnapshotRequest),
    /// A finished event.
    Event(Event),
}

/// A kill's snapshot: asked for, or there.
#[derive(Debug)]
enum Answer {
    /// Asked for; these kills wait for it.
    Awaited(Vec<OomKill>),
    /// There, with the cgroup of the victim it belongs to.
    Here(Box<Snapshot>, Option<u64>),
}

/// Everything between the frames and the events.
#[derive(Debug)]
pub(super) struct Core {
    assembler: Assembler,
    reconciler: Reconciler,
    page_size: PageSize,
    answers: BTreeMap<u32, Answer>,
    undecoded: u64,
    outputs: Vec<Output>,
}

impl Core {
    pub(super) fn new(host: Host) -> Self {
        Self {
            reconciler: Reconciler::new(host.cgroup_version),
            page_size: host.page_size_bytes,
            assembler: Assembler::new(host),
            answers: BTreeMap::new(),
            undecoded: 0,
            outputs: Vec::new(),
        }
    }

    /// Takes a frame in.
    pub(super) fn take(&mut self, frame: Frame, out: &mut Vec<Step>) {
        match frame {
            Frame::Clock {
                boot_ns,
                realtime_ns,
            } => self.assembler.clock(boot_ns, realtime_ns),
            Frame::Record(bytes) => self.record(&bytes),
            Frame::Snapshot(snapshot) => self.snapshot(snapshot, out),
            Frame::Tick { boot_ns } => self.assembler.tick(boot_ns, &mut self.outputs),
            Frame::Counters(counters) => {
                self.assembler.counters(&counters);
                if let Some(missed) = self.reconciler.reading(&counters, self.assembler.tally()) {
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

    /// What was asked for and never answered comes out without it.
    pub(super) fn give_up(&mut self, out: &mut Vec<Step>) {
        for (_, answer) in std::mem::take(&mut self.answers) {
            if let Answer::Awaited(kills) = answer {
                out.extend(kills.into_iter().map(kill_event));
            }
        }
    }

    /// When a tick is due, nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.assembler.next_deadline()
    }

    /// Whether the last reconciliation found a difference that a second one must confirm.
    pub(super) fn is_suspicious(&self) -> bool {
        self.reconciler.is_suspicious()
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

    fn snapshot(&mut self, snapshot: Snapshot, out: &mut Vec<Step>) {
        let sequence = snapshot.sequence;
        let waiting = match self.answers.remove(&sequence) {
            Some(Answer::Awaited(kills)) => kills,
            Some(Answer::Here(..)) | None => Vec::new(),
        };
        let cgroup = waiting.first().and_then(|kill| kill.victim.cgroup_id);
        self.answers
            .insert(sequence, Answer::Here(Box::new(snapshot), cgroup));
        for kill in waiting {
            self.complete(sequence, kill, out);
        }
        while self.answers.len() > SNAPSHOTS_KEPT {
            if let Some((_, Answer::Awaited(kills))) = self.answers.pop_first() {
                out.extend(kills.into_iter().map(kill_event));
            }
        }
    }

    fn pass_on(&mut self, out: &mut Vec<Step>) {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Opened(request) => {
                    self.answers
                        .insert(request.sequence, Answer::Awaited(Vec::new()));
                    out.push(Step::Look(request));
                }
                Output::Kill { sequence, event } => self.complete(sequence, *event, out),
                Output::Event(event) => out.push(finished(event)),
            }
        }
    }

    /// Adds what user space saw, or waits for it.
    fn complete(&mut self, sequence: u32, mut kill: OomKill, out: &mut Vec<Step>) {
        match self.answers.get_mut(&sequence) {
            Some(Answer::Awaited(waiting)) => {
                waiting.push(kill);
                return;
            }
            Some(Answer::Here(snapshot, cgroup)) => {
                if kill.incident.kill_kind != Some(KillKind::SharedMm) {
                    *cgroup = kill.victim.cgroup_id;
                    enrich::apply(&mut kill, snapshot);
                } else if kill.victim.cgroup_id.is_some() && kill.victim.cgroup_id == *cgroup {
                    // A sharer may live elsewhere; only in the same cgroup it has the same owner.
                    enrich::apply(&mut kill, snapshot);
                }
            }
            None => {}
        }
        out.push(kill_event(kill));
    }
}

fn kill_event(kill: OomKill) -> Step {
    finished(Event::OomKill(Box::new(kill)))
}

fn finished(mut event: Event) -> Step {
    diagnose::explain(&mut event);
    Step::Event(event)
}
