//! The kernel's OOM reports, line by line, to events.
//!
//! [`Reports`] keeps one report open for each host (and boot) that the lines come from, takes its
//! lines apart, and emits events when it is over: at the next report, after a while without
//! lines of it, at [`Reports::idle`] and at [`Reports::finish`]. Log text is hostile: whatever a
//! process can choose (names, paths, whole lines through syslog) is looked at only where the
//! kernel prints it, and taken off from the side that the kernel wrote.

mod build;
mod candidates;
mod context;
mod decide;
mod detail;
mod draft;
mod feed;
mod header;
mod hit;
mod incident;
mod node_memory;
mod page_size;
mod rest;
mod sections;
mod stream;
#[cfg(test)]
mod tests;
mod unit;
mod values;
mod victim;

use std::borrow::Cow;

pub use self::context::KlogHost;
use self::draft::When;
use self::stream::{At, Stream};
use crate::klog::grammar::text;
use crate::klog::line::Line;
use crate::model::{Event, GapReason};

/// Hosts (and boots) whose lines are kept apart at a time; beyond, the one that has been silent
/// for longest is finished.
const STREAMS_MAX: usize = 64;

/// Longest part of a line that is looked at, bytes.
const LINE_BYTES_MAX: usize = 8192;

/// Turns lines of kernel logs into events.
#[derive(Debug)]
pub struct Reports {
    host: KlogHost,
    streams: Vec<Stream>,
    /// Which stream had the last line.
    current: usize,
    /// Lines so far, for telling which stream has been silent for longest.
    lines: u64,
}

impl Reports {
    /// A reader for lines of any number of hosts.
    #[must_use]
    pub fn new(host: KlogHost) -> Self {
        Self {
            host,
            streams: Vec::new(),
            current: 0,
            lines: 0,
        }
    }

    /// Takes the next line; emits what it completes.
    pub fn line(&mut self, line: &Line, out: &mut Vec<Event>) {
        self.lines = self.lines.saturating_add(1);
        let when = When {
            boot_us: line.since_boot_us,
            realtime_ns: line.realtime_ns,
            shown: line.shown_time,
        };
        self.current = self.stream(line, &when, out);
        let Some(stream) = self.streams.get_mut(self.current) else {
            return;
        };
        stream.last_used = self.lines;
        let text = line.text.get(..LINE_BYTES_MAX).unwrap_or(&line.text);
        let mut at = At {
            when,
            caller: line.caller.as_deref(),
            relayed_by: line.relayed_by.as_deref(),
            host: &self.host,
            out,
        };
        stream.line(line, plain_blanks(text).trim_ascii(), &mut at);
    }

    /// Emits what is complete, though the next line might still add to it: for a log that is
    /// followed, when no more lines have come for a while.
    pub fn idle(&mut self, out: &mut Vec<Event>) {
        for stream in &mut self.streams {
            stream.idle(&mut nowhere(&self.host, out));
        }
    }

    /// Sets [`KlogHost::realtime_ahead_ns`] for events to come.
    pub fn set_realtime_ahead(&mut self, ns: Option<i64>) {
        self.host.realtime_ahead_ns = ns;
    }

    /// Whether a report has come to what became of it, and is only kept open for what may follow.
    #[must_use]
    pub fn is_concluded(&self) -> bool {
        self.streams.iter().any(Stream::is_concluded)
    }

    /// Kills that the log is known to have lost, as an event: at least `min`, at most `max`, up to
    /// `since_boot_us` of the log's clock.
    #[must_use]
    pub fn gap(&self, min: u64, max: u64, reason: GapReason, since_boot_us: Option<u64>) -> Event {
        header::gap(min, max, reason, since_boot_us, &self.host)
    }

    /// Emits everything: there are no more lines.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        for mut stream in self.streams.drain(..) {
            stream.finish(&mut nowhere(&self.host, out));
        }
        self.current = 0;
    }

    /// The stream that a line belongs to.
    fn stream(&mut self, line: &Line, when: &When, out: &mut Vec<Event>) -> usize {
        let bare = line.host.is_none()
            && line.boot_id.is_none()
            && line.since_boot_us.is_none()
            && line.realtime_ns.is_none();
        // The rest of a broken line has nothing in front of it.
        if bare && self.current < self.streams.len() {
            return self.current;
        }
        let known = self
            .streams
            .iter()
            .position(|stream| stream.host == line.host && stream.boot_id == line.boot_id);
        if let Some(index) = known {
            return index;
        }
        if let Some(index) = self.half_known(line, when) {
            return index;
        }
        if self.streams.len() >= STREAMS_MAX {
            let oldest = self
                .streams
                .iter()
                .enumerate()
                .min_by_key(|(_, stream)| stream.last_used)
                .map_or(0, |(index, _)| index);
            let mut stream = self.streams.swap_remove(oldest);
            stream.finish(&mut nowhere(&self.host, out));
        }
        self.streams
            .push(Stream::new(line.host.clone(), line.boot_id.clone()));
        self.streams.len() - 1
    }

    /// Where one of two lines does not name its host, there is only one host so far, and their
    /// times allow it, both are that host's: a pasted log has lost the beginning of some lines.
    fn half_known(&mut self, line: &Line, when: &When) -> Option<usize> {
        let [stream] = self.streams.as_mut_slice() else {
            return None;
        };
        let half = stream.host.is_none() != line.host.is_none();
        if !half || stream.boot_id != line.boot_id || !stream.may_go_on(when) {
            return None;
        }
        if stream.host.is_none() {
            stream.host.clone_from(&line.host);
        }
        Some(0)
    }
}

/// `text` with ordinary blanks, where a web page has given it others: rows of columns hold both,
/// one after the other.
fn plain_blanks(text: &[u8]) -> Cow<'_, [u8]> {
    const OTHER: &[u8] = "\u{a0}".as_bytes();
    if memchr::memchr(0xc2, text).is_none() || !text::contains(text, "\u{a0} ".as_bytes()) {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = text::split(rest, OTHER) {
        plain.extend_from_slice(before);
        plain.push(b' ');
        rest = after;
    }
    plain.extend_from_slice(rest);
    plain.into()
}

/// For what is over without a line of its own.
fn nowhere<'a>(host: &'a KlogHost, out: &'a mut Vec<Event>) -> At<'a> {
    At {
        when: When::default(),
        caller: None,
        relayed_by: None,
        host,
        out,
    }
}
