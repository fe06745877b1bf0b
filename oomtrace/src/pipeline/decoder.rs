//! Bytes of one log to finished events.

use std::time::{Duration, Instant};

use crate::assemble::Recurrences;
use crate::diagnose;
use crate::klog::line::Line;
use crate::klog::report::{KlogHost, Reports};
use crate::klog::transport::{self, Transport, TransportCounts, TransportSettings};
use crate::model::{Event, GapReason};

/// How often a log whose lines do not stop may be silent for less than its patience before what is
/// decided is shown all the same.
const PATIENCE_TIMES_MAX: u32 = 4;

/// Bytes of one log to finished events.
pub(super) struct Decoder {
    transport: Transport,
    reports: Reports,
    ready: Vec<Event>,
    recurrences: Recurrences,
    events: u64,
    /// An event had a time without zone or year.
    half_timed: bool,
    /// How long nothing may come before what is there is shown.
    patience: Duration,
    /// When something came that a pause would bring out; none after a pause.
    heard: Option<Instant>,
    /// Since when a report waits only for what may follow.
    concluded: Option<Instant>,
}

impl Decoder {
    pub(super) fn new(settings: TransportSettings, host: KlogHost, patience: Duration) -> Self {
        Self {
            transport: Transport::new(settings),
            reports: Reports::new(host),
            ready: Vec::new(),
            recurrences: Recurrences::default(),
            events: 0,
            half_timed: false,
            patience,
            heard: None,
            concluded: None,
        }
    }

    /// Takes bytes in.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.heard = Some(now);
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.transport
            .push(bytes, |line: Line| reports.line(&line, ready));
        self.concluded = if self.reports.is_concluded() && self.ready.is_empty() {
            self.concluded.or(Some(now))
        } else {
            self.reports.is_concluded().then_some(now)
        };
    }

    /// Whether nothing waits to be shown.
    pub(super) fn is_quiet(&self) -> bool {
        self.heard.is_none()
    }

    /// When what is there is to be shown though more may come; never while it is quiet.
    pub(super) fn due(&self) -> Option<Instant> {
        let heard = self.heard? + self.patience;
        let concluded = self
            .concluded
            .map(|at| at + self.patience * PATIENCE_TIMES_MAX);
        Some(concluded.map_or(heard, |concluded| concluded.min(heard)))
    }

    /// [`Self::pause`], if it is time for that.
    pub(super) fn pause_if_due(&mut self) {
        if self.due().is_some_and(|due| due <= Instant::now()) {
            self.pause();
        }
    }

    /// Nothing more comes for the moment.
    pub(super) fn pause(&mut self) {
        self.heard = None;
        self.concluded = None;
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.transport
            .pause(|line: Line| reports.line(&line, ready));
        self.reports.idle(&mut self.ready);
    }

    /// The end of the log.
    pub(super) fn finish(&mut self) {
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.transport
            .finish(|line: Line| reports.line(&line, ready));
        self.reports.finish(&mut self.ready);
    }

    /// What is known of the log's clock: see [`KlogHost::realtime_ahead_ns`].
    pub(super) fn set_realtime_ahead(&mut self, ns: Option<i64>) {
        self.reports.set_realtime_ahead(ns);
    }

    /// A gap of this log, finished.
    pub(super) fn gap(
        &self,
        min: u64,
        max: u64,
        reason: GapReason,
        since_boot_us: Option<u64>,
    ) -> Event {
        let mut event = self.reports.gap(min, max, reason, since_boot_us);
        diagnose::explain(&mut event);
        event
    }

    /// The events that are complete.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.ready);
        for event in &mut events {
            self.events = self.events.saturating_add(1);
            self.half_timed |= event.header().log_time.is_some();
            if let Event::OomKill(kill) = event {
                self.recurrences.note(kill);
            }
            diagnose::explain(event);
        }
        events
    }

    /// Events so far.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Says what the reader of an empty output should know.
    pub(super) fn remark(&self, name: &str) {
        let TransportCounts {
            bytes,
            nul_bytes,
            user_lines,
        } = self.transport.counts();
        if bytes == 0 {
            log::warn!("{name} is empty");
        } else if self.events == 0 && nul_bytes > 0 {
            log::warn!("{name} looks like a binary file, not like a log");
        } else if self.events == 0
            && user_lines == 0
            && let Some((number, line)) = self.transport.first_mention()
        {
            let quoted = String::from_utf8_lossy(line);
            let carriers: Vec<_> = transport::carriers().collect();
            log::warn!(
                "{name}: line {number} speaks of a kill and is of no known form: {quoted:?}; expected \
                 is the kernel's own text, such as {:?}, bare or as dmesg, syslog, the journal, JSON \
                 or one of these carry it: {}",
                transport::EXPECTED,
                carriers.join(", ")
            );
        }
        if self.half_timed {
            log::warn!(
                "{name}: its times show no time zone or no year; with --time-zone (and --year) the \
                 events get timestamps"
            );
        }
        if user_lines > 0 {
            log::warn!(
                "{name}: {user_lines} lines look like an OOM report and were written by another \
                 program than the kernel; they were left out (--trust-user-lines)"
            );
        }
    }
}
