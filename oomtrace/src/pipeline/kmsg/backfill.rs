//! Reads the log's history where a live capture begins, so that each kill is reported once.
//!
//! The log is read to its end before the probe is attached: no kill in that part can have been seen
//! live. Kills logged later can have been, so the log is read on until no report in it is open,
//! while the probe's events are held back. `assemble::dedup` then removes the duplicates.

use std::time::{Duration, Instant};

use super::KernelLog;
use crate::assemble::dedup::without_live;
use crate::model::Event;
use crate::pipeline::stored::Stored;
use crate::process::clock;

/// How long an open report is waited for.
const OPEN_MAX: Duration = Duration::from_secs(2);

/// How long after its mark the probe's event of a kill is emitted, at most.
const LIVE_DELAY_NS: u64 = 60_000_000;

/// The log's history, being joined to the beginning of a live capture.
pub(in crate::pipeline) struct Backfill {
    log: KernelLog,
    logged: Vec<Event>,
    /// Time of the newest record before the probe was attached, microseconds of the log's clock.
    attached_us: u64,
    /// A report that is still open then is taken as it is.
    wait_until: Instant,
    /// Set once enough of the log was read: when the probe's events of the same kills have all been
    /// emitted, nanoseconds of `CLOCK_BOOTTIME`.
    live_until_ns: Option<u64>,
    /// The probe's events, held back.
    live: Vec<Event>,
    /// What the store holds already, if there is one.
    stored: Option<Stored>,
}

impl Backfill {
    /// Reads what the log holds. Call it before the probe is attached.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(in crate::pipeline) fn before_attaching(
        mut log: KernelLog,
        stored: Option<Stored>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            logged: log.read()?,
            attached_us: log.newest_us(),
            log,
            wait_until: Instant::now() + OPEN_MAX,
            live_until_ns: None,
            live: Vec::new(),
            stored,
        })
    }

    /// The log.
    pub(in crate::pipeline) fn log(&self) -> &KernelLog {
        &self.log
    }

    /// Holds an event of the probe back.
    pub(in crate::pipeline) fn hold(&mut self, event: Event) {
        self.live.push(event);
    }

    /// When to ask [`Self::is_over`] at the latest, unless the log becomes readable before.
    pub(in crate::pipeline) fn due(&self) -> Instant {
        let now = Instant::now();
        match self.live_until_ns {
            Some(until) => now + Duration::from_nanos(until.saturating_sub(clock::boot_ns())),
            None => self.log.due().map_or(now, |due| due.min(self.wait_until)),
        }
    }

    /// Reads on, and returns whether both sides are complete; `now` settles for what there is.
    ///
    /// # Errors
    ///
    /// The log can no longer be read.
    pub(in crate::pipeline) fn is_over(&mut self, now: bool) -> anyhow::Result<bool> {
        let until = match self.live_until_ns {
            Some(until) => until,
            None => {
                self.logged.extend(self.log.read()?);
                self.logged.extend(self.log.settled());
                if self.log.due().is_some() && Instant::now() < self.wait_until && !now {
                    return Ok(false);
                }
                // A report that is just being written will come from the probe.
                self.logged.extend(match self.log.due() {
                    Some(_) => self.log.paused(),
                    None => self.log.finished(),
                });
                *self
                    .live_until_ns
                    .insert(clock::boot_ns().saturating_add(LIVE_DELAY_NS))
            }
        };
        Ok(now || until <= clock::boot_ns())
    }

    /// The log's events without those that the probe reported too, then the probe's. `counted` is the
    /// kernel's count of kills before and after the probe was attached.
    pub(in crate::pipeline) fn joined(self, counted: (Option<u64>, Option<u64>)) -> Joined {
        let newer_ns = self.log.boot_ahead_ns();
        let logged = without_live(self.logged, &self.live, self.attached_us, newer_ns);
        let (before, after) = counted;
        let (gap, logged) = self.log.history(logged, before.zip(after), self.stored);
        Joined {
            gap,
            logged,
            live: self.live,
        }
    }
}

/// The events of both sources, in order.
pub(in crate::pipeline) struct Joined {
    /// Kills missed by both.
    pub(in crate::pipeline) gap: Option<Event>,
    pub(in crate::pipeline) logged: Vec<Event>,
    pub(in crate::pipeline) live: Vec<Event>,
}
