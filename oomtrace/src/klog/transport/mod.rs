//! Bytes of a log, of whatever form, to the kernel's lines in it.
//!
//! ```text
//! unpacked ─▶ Unicode ─▶ Anchors ─▶ Splitter ─▶ Framing ─▶ Joiner ─▶ Order ─▶ lines
//! ```
//!
//! The form is found line by line: a file may hold several, and change. Everything is bounded,
//! whatever comes in.

mod anchors;
mod carrier;
mod carriers;
mod compress;
mod document;
mod entry;
mod export;
mod fields;
mod framing;
mod header;
mod join;
mod kernel;
mod kmsg;
mod month;
mod order;
mod paste;
mod piece;
mod prefix;
mod record;
mod rfc5424;
mod row;
mod services;
mod split;
mod stamp;
mod syslog;
mod together;
mod utf16;

pub use compress::{is_packed, unpacked};
use jiff::tz::TimeZone;

use self::anchors::{Anchors, Pass};
use self::carriers::CARRIERS;
use self::framing::Framing;
use self::join::Joiner;
use self::order::Order;
use self::piece::Piece;
use self::split::Splitter;
use self::stamp::Assumed;
use self::utf16::Unicode;
use crate::klog::grammar::{start, systemd, userspace};
use crate::klog::line::Line;

/// A kill line as the kernel writes it, for messages.
pub const EXPECTED: &str = carrier::EXAMPLE;

/// Names of the carriers that are stripped besides syslog, the journal and dmesg.
pub fn carriers() -> impl Iterator<Item = &'static str> {
    CARRIERS.iter().map(|carrier| carrier.name)
}

/// What the bytes themselves do not say.
#[derive(Clone, Debug, Default)]
pub struct TransportSettings {
    /// Zone of times that do not show theirs; without it, such times are not known.
    pub time_zone: Option<TimeZone>,
    /// Year of the first time that does not show its own; without it, such times are not known.
    pub year: Option<i16>,
    /// Hand on what other programs wrote as if nobody knew who did.
    pub trust_user_lines: bool,
    /// Hand on every line at once, in the order in which they come: for a log that is being
    /// written.
    pub live: bool,
}

/// What was found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportCounts {
    /// Bytes that came in.
    pub bytes: u64,
    /// NUL bytes among them, which no log has.
    pub nul_bytes: u64,
    /// Lines that look like a report's and were left out, because another program than the kernel
    /// wrote them.
    pub user_lines: u64,
}

/// Reads a log.
#[derive(Debug)]
pub struct Transport {
    unicode: Unicode,
    anchors: Anchors,
    reader: Reader,
    counts: TransportCounts,
}

/// Everything behind the anchors.
#[derive(Debug)]
struct Reader {
    splitter: Splitter,
    framing: Framing,
    tail: Tail,
    pieces: Vec<Piece>,
}

impl Transport {
    /// A reader of one log.
    #[must_use]
    pub fn new(settings: TransportSettings) -> Self {
        Self {
            unicode: Unicode::new(),
            anchors: Anchors::new(settings.live),
            reader: Reader {
                splitter: Splitter::new(),
                framing: Framing::new(Assumed::new(settings.time_zone, settings.year)),
                tail: Tail {
                    joiner: Joiner::default(),
                    order: Order::new(settings.live),
                    trust_user_lines: settings.trust_user_lines,
                    user_lines: 0,
                },
                pieces: Vec::new(),
            },
            counts: TransportCounts::default(),
        }
    }

    /// Takes bytes, cut anywhere; hands the lines that became whole to `out`.
    ///
    /// Far from anything that an OOM report would say, lines are left out unread.
    pub fn push(&mut self, bytes: &[u8], mut out: impl FnMut(Line)) {
        self.counts.bytes = self
            .counts
            .bytes
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let bytes = self.unicode.push(bytes);
        if self.counts.nul_bytes < 1024 {
            let nuls = memchr::memchr_iter(0, bytes).count();
            self.counts.nul_bytes += u64::try_from(nuls).unwrap_or(u64::MAX);
        }
        let reader = &mut self.reader;
        self.anchors
            .push(bytes, |pass| reader.pass(&pass, &mut out));
    }

    /// Nothing more comes for the moment: hands on what only waits for its context, so that somebody
    /// who watches sees it.
    pub fn pause(&mut self, mut out: impl FnMut(Line)) {
        if !self.reader.splitter.is_within_line() {
            self.reader.pause(&mut out);
        }
    }

    /// The end of the log.
    pub fn finish(&mut self, mut out: impl FnMut(Line)) {
        let reader = &mut self.reader;
        let rest = self.unicode.finish();
        self.anchors.push(rest, |pass| reader.pass(&pass, &mut out));
        self.anchors.finish();
        reader.finish(&mut out);
    }

    /// The first line that speaks of a kill, with its number, and what such a line should look like:
    /// for saying why nothing was found.
    #[must_use]
    pub fn first_mention(&self) -> Option<(u64, &[u8])> {
        self.reader.framing.first_mention()
    }

    /// What was found so far.
    #[must_use]
    pub fn counts(&self) -> TransportCounts {
        TransportCounts {
            user_lines: self.reader.tail.user_lines,
            ..self.counts
        }
    }
}

impl Reader {
    fn pass(&mut self, pass: &Pass<'_>, out: &mut impl FnMut(Line)) {
        match pass {
            Pass::Skipped(lines) => {
                // What was held back belongs to what came before the gap.
                let Self {
                    splitter,
                    framing,
                    pieces,
                    ..
                } = self;
                splitter.cut(|number, unit| framing.unit(number, &unit, pieces));
                self.framing.skipped(&mut self.pieces);
                self.tail.take(&mut self.pieces, out);
                self.pause(out);
                self.splitter.skipped(*lines);
            }
            Pass::Bytes(bytes) => {
                let Self {
                    splitter,
                    framing,
                    tail,
                    pieces,
                } = self;
                splitter.push(bytes, |number, unit| {
                    framing.unit(number, &unit, pieces);
                    tail.take(pieces, out);
                });
            }
        }
    }

    fn pause(&mut self, out: &mut impl FnMut(Line)) {
        self.tail.pause(out);
    }

    fn finish(&mut self, out: &mut impl FnMut(Line)) {
        let Self {
            splitter,
            framing,
            tail,
            pieces,
        } = self;
        splitter.finish(|number, unit| framing.unit(number, &unit, pieces));
        framing.finish(pieces);
        tail.take(pieces, out);
        tail.pause(out);
    }
}

/// What becomes of pieces.
#[derive(Debug)]
struct Tail {
    joiner: Joiner,
    order: Order,
    trust_user_lines: bool,
    user_lines: u64,
}

impl Tail {
    /// One piece after the other, while it is in the processor's cache.
    fn take(&mut self, pieces: &mut Vec<Piece>, out: &mut impl FnMut(Line)) {
        for piece in pieces.drain(..) {
            if let Some(line) = self.joiner.push(piece) {
                self.line(line, out);
            }
        }
    }

    fn pause(&mut self, out: &mut impl FnMut(Line)) {
        if let Some(line) = self.joiner.flush() {
            self.line(line, out);
        }
        self.order.pause(out);
    }

    /// Who wrote it decides whether it goes on.
    fn line(&mut self, mut line: Line, out: &mut impl FnMut(Line)) {
        if line.from_kernel == Some(false) {
            let program = line.program.as_deref();
            let is_known = program.is_some_and(userspace::is_killer)
                || systemd::killed_in_unit(&line.text, program).is_some();
            if !is_known {
                if !self.trust_user_lines {
                    if start::is_long(&line.text) {
                        self.user_lines = self.user_lines.saturating_add(1);
                    }
                    return;
                }
                line.from_kernel = None;
            }
        }
        self.order.push(line, out);
    }
}

#[cfg(test)]
mod tests;
