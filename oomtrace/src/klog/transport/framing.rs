//! Strips the framing around the kernel's text from one physical line after the other.

use memchr::memchr;

use super::carrier::Context;
use super::carriers::CARRIERS;
use super::document::{self, Document, Progress};
use super::entry::Entry;
use super::export::{self, Export};
use super::header::Headers;
use super::kernel::KERN;
use super::paste::Paste;
use super::piece::{Frame, Piece};
use super::prefix::{is_kmsg_field, is_note, is_prefixed};
use super::record::put_record;
use super::row::{Row, Taken};
use super::split::Unit;
use super::stamp::Assumed;
use super::syslog::Writer;
use super::together::next_record;
use super::{fields, kmsg};
use crate::klog::cursor::Cursor;
use crate::klog::find::Needle;
use crate::klog::line::Line;

/// Bytes of a pretty-printed JSON object, or of a line cut by a container runtime, that are kept.
const HELD_BYTES_MAX: usize = super::split::LINE_BYTES_MAX;

/// How rsyslog writes a line end.
const NEW_LINE_IN_OCTAL: Needle<'_> = Needle::new(b"#012");

/// As much of a line that was not understood as is quoted.
const MENTION_BYTES_MAX: usize = 240;

/// Whether a line speaks of a kill.
fn mentions_a_kill(line: &[u8]) -> bool {
    const WORDS: [Needle<'_>; 4] = [
        Needle::new(b"illed process"),
        Needle::new(b"ut of memory"),
        Needle::new(b"ut of Memory"),
        Needle::new(b"oom-kill"),
    ];
    WORDS.iter().any(|word| word.is_in(line))
}

/// Wrappings inside each other that are taken off.
const DEPTH_MAX: u8 = 3;

/// Frees lines of their carriers. What it remembers is what the lines so far have shown.
#[derive(Debug)]
pub(super) struct Framing {
    context: Context,
    paste: Paste,
    export: Export,
    /// A JSON document over several lines.
    document: Option<Document>,
    /// Pieces of a line that a container runtime has cut.
    partial: Vec<u8>,
    /// A row of comma-separated values over several lines.
    row: Row,
    headers: Headers,
    /// The line before was a record of /dev/kmsg.
    kmsg: bool,
    /// The first line that speaks of a kill, and its number.
    first_mention: Option<(u64, Vec<u8>)>,
}

impl Framing {
    pub(super) fn new(assumed: Assumed) -> Self {
        Self {
            context: Context {
                assumed,
                columns: None,
            },
            paste: Paste::default(),
            export: Export::default(),
            document: None,
            partial: Vec::new(),
            row: Row::default(),
            headers: Headers::default(),
            kmsg: false,
            first_mention: None,
        }
    }

    /// Takes a unit of input; emits what it carries.
    pub(super) fn unit(&mut self, number: u64, unit: &Unit<'_>, out: &mut Vec<Piece>) {
        let from = out.len();
        match unit {
            Unit::Field(name, value) => self.export.field(name, value),
            Unit::Line(line) => {
                if self.first_mention.is_none() && mentions_a_kill(line) {
                    let kept = line.get(..MENTION_BYTES_MAX).unwrap_or(line);
                    self.first_mention = Some((number, kept.to_vec()));
                }
                self.physical(line, out);
            }
        }
        for piece in out.iter_mut().skip(from) {
            piece.line.number = number;
        }
    }

    /// The first line that speaks of a kill, recognised or not, with its number.
    pub(super) fn first_mention(&self) -> Option<(u64, &[u8])> {
        let (number, line) = self.first_mention.as_ref()?;
        Some((*number, line))
    }

    /// The end of the input.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        self.end_export(out);
        self.end_row(out);
        if !self.partial.is_empty() {
            let text = std::mem::take(&mut self.partial);
            self.text(&text, &Line::default(), 0, out);
        }
    }

    /// Lines were left out here.
    pub(super) fn skipped(&mut self, out: &mut Vec<Piece>) {
        self.document = None;
        self.end_export(out);
        self.end_row(out);
    }

    /// A row that is never completed was none.
    fn end_row(&mut self, out: &mut Vec<Piece>) {
        for line in self.row.end() {
            self.single(&line, out);
        }
    }

    fn end_export(&mut self, out: &mut Vec<Piece>) {
        if let Some(entry) = self.export.end() {
            self.entry(entry, 0, 0, out);
        }
    }

    fn physical(&mut self, line: &[u8], out: &mut Vec<Piece>) {
        if self.context.columns.is_none() {
            return self.single(line, out);
        }
        match self.row.line(line) {
            Taken::Alone => self.single(line, out),
            Taken::Part => {}
            Taken::Whole(row) => self.single(&row, out),
            Taken::Lines(lines) => {
                for line in lines {
                    self.single(&line, out);
                }
            }
        }
    }

    /// A line, or what belongs together of several.
    fn single(&mut self, line: &[u8], out: &mut Vec<Piece>) {
        if let Some(head) = export::verbose_head(line, &mut self.context.assumed) {
            self.end_export(out);
            self.export.begin_verbose(head);
            return;
        }
        if self.export.is_verbose() {
            if line.starts_with(b"    ") {
                self.export.verbose_line(line);
                return;
            }
            self.end_export(out);
        }
        if Export::begins(line) || self.export.is_open() {
            if let Some(at) = memchr(b'=', line) {
                let (name, value) = line.split_at_checked(at).unwrap_or((line, &[]));
                self.export.field(name, value.get(1..).unwrap_or_default());
                return;
            }
            if line.is_empty() {
                self.end_export(out);
                return;
            }
        }
        if self.document(line, out) || is_note(line) || self.kmsg && is_kmsg_field(line) {
            return;
        }
        self.kmsg = false;
        let cleaned = self.paste.clean(line, is_prefixed);
        self.headers.count_line();
        self.wrapped(&cleaned, &Line::default(), DEPTH_MAX, out);
    }

    /// Reads JSON documents over several lines, and arrays of records on one.
    fn document(&mut self, line: &[u8], out: &mut Vec<Piece>) -> bool {
        let text = line.trim_ascii();
        if self.document.is_none() && document::is_cut(text) {
            let mut any = false;
            for record in document::records_of_cut(text) {
                for entry in fields::json(&record, &mut self.context.assumed) {
                    any = true;
                    self.entry(entry, 0, DEPTH_MAX, out);
                }
            }
            if any {
                return true;
            }
        }
        if self.document.is_none() {
            if !matches!(text.first(), Some(b'{' | b'[' | b'}' | b']')) {
                return false;
            }
            if !document::begins(text) && !self.holds_records(text) {
                return document::ends(text);
            }
        }
        let mut document = self.document.take().unwrap_or_default();
        let mut entries = Vec::new();
        let progress = document.line(text, |record| {
            let found = fields::json(record, &mut self.context.assumed);
            let any = !found.is_empty();
            entries.extend(found);
            any
        });
        for entry in entries {
            self.entry(entry, 0, DEPTH_MAX, out);
        }
        match progress {
            Progress::Open => self.document = Some(document),
            Progress::Done => {}
            Progress::Broken => return false,
        }
        true
    }

    /// Whether an object on a line of its own carries records and no message itself.
    fn holds_records(&mut self, text: &[u8]) -> bool {
        const ARRAYS: [Needle<'_>; 2] = [Needle::new(b"[{"), Needle::new(b"[ {")];
        text.starts_with(b"{")
            && text.ends_with(b"}")
            && ARRAYS.iter().any(|array| array.is_in(text))
            && fields::json(text, &mut self.context.assumed).is_empty()
    }

    /// Takes a line out of what container runtimes, log shippers and their clients wrap it in.
    fn wrapped(&mut self, bytes: &[u8], base: &Line, depth: u8, out: &mut Vec<Piece>) {
        let trimmed = bytes.trim_ascii();
        // `journalctl -o json-seq` and `-o json-sse` mark each object.
        let trimmed = [b"\x1e" as &[u8], b"data: "]
            .iter()
            .find_map(|mark| trimmed.strip_prefix(*mark))
            .unwrap_or(trimmed);
        if depth > 0 && trimmed.starts_with(b"{") && trimmed.ends_with(b"}") {
            let entries = fields::json(trimmed, &mut self.context.assumed);
            if !entries.is_empty() {
                for entry in entries {
                    self.entry(entry, bytes.len(), depth - 1, out);
                }
                return;
            }
        }
        let stripped = CARRIERS
            .iter()
            .filter(|_| depth > 0)
            .find_map(|carrier| (carrier.strip)(bytes, &mut self.context));
        let Some(stripped) = stripped else {
            self.text(bytes, base, bytes.len(), out);
            return;
        };
        let line = within(base, stripped.line);
        if stripped.is_bare {
            put_record(
                line,
                &stripped.text,
                b"\n",
                Frame::Record,
                bytes.len(),
                0,
                out,
            );
            return;
        }
        // A row of a table is no table.
        let columns = self.context.columns.take();
        for part in stripped.text.split(|byte| *byte == b'\n') {
            self.piecewise(part, stripped.is_partial, &line, depth - 1, out);
        }
        self.context.columns = self.context.columns.or(columns);
    }

    /// A line that may be a part of one.
    fn piecewise(
        &mut self,
        bytes: &[u8],
        is_partial: bool,
        line: &Line,
        depth: u8,
        out: &mut Vec<Piece>,
    ) {
        if !is_partial && self.partial.is_empty() {
            self.wrapped(bytes, line, depth, out);
            return;
        }
        if self.partial.len().saturating_add(bytes.len()) <= HELD_BYTES_MAX {
            self.partial.extend_from_slice(bytes);
        }
        if !is_partial {
            let whole = std::mem::take(&mut self.partial);
            self.wrapped(&whole, line, depth, out);
        }
    }

    fn entry(&mut self, entry: Entry, width: usize, depth: u8, out: &mut Vec<Piece>) {
        if entry.is_record {
            put_record(entry.line, &entry.text, b"\n", Frame::Record, width, 0, out);
            return;
        }
        for line in entry.text.split(|byte| *byte == b'\n') {
            self.piecewise(line, entry.is_partial, &entry.line, depth, out);
        }
    }

    /// A line of text: what syslog, journald, dmesg and the kernel put before the message.
    fn text(&mut self, bytes: &[u8], base: &Line, width: usize, out: &mut Vec<Piece>) {
        let mut cursor = Cursor(bytes);
        let indent = cursor.blanks();
        if cursor.0.is_empty() {
            return;
        }
        let mut line = base.clone();
        if cursor.peek().is_some_and(|byte| byte.is_ascii_digit())
            && let Some(record) = kmsg::record(cursor.0, &mut line)
        {
            self.kmsg = true;
            line.from_kernel = Some(record.priority.facility == KERN);
            line.severity = Some(record.priority.severity);
            let frame = if record.continues {
                Frame::Rest
            } else {
                Frame::Record
            };
            put_record(line, &record.text, b"\n", frame, width, 0, out);
            return;
        }
        let (prefixed, writer, priority) =
            self.headers
                .take(&mut cursor, &mut line, &mut self.context.assumed);
        line.from_kernel = match (priority.map(|priority| priority.facility), writer) {
            _ if base.from_kernel == Some(false) => Some(false),
            (Some(facility), _) if facility != KERN => Some(false),
            (_, Writer::Program) => Some(false),
            (Some(_), _) | (_, Writer::Kernel) => Some(true),
            _ => base.from_kernel,
        };
        line.severity = priority.map(|priority| priority.severity).or(line.severity);
        if line.from_kernel != Some(false) {
            line.program = None;
        }
        let frame = if prefixed {
            Frame::Prefixed
        } else {
            Frame::Plain
        };
        let text = cursor.0;
        if let Some(at) = next_record(text, line.since_boot_us)
            && let Some((first, rest)) = text.split_at_checked(at)
        {
            put_record(
                line.clone(),
                first,
                b"\n",
                Frame::Record,
                width,
                indent,
                out,
            );
            self.text(rest, &line, width, out);
            return;
        }
        let escaped = NEW_LINE_IN_OCTAL.find(text).map_or(b"\\x0a", |_| b"#012");
        put_record(line, text, escaped, frame, width, indent, out);
    }
}

/// What an inner framing says, and where it says nothing, what the outer one said.
fn within(outer: &Line, mut inner: Line) -> Line {
    inner.host = inner.host.or_else(|| outer.host.clone());
    inner.since_boot_us = inner.since_boot_us.or(outer.since_boot_us);
    inner.realtime_ns = inner.realtime_ns.or(outer.realtime_ns);
    inner.shown_time = inner.shown_time.or(outer.shown_time);
    inner.boot_id = inner.boot_id.or_else(|| outer.boot_id.clone());
    inner.program = inner.program.or_else(|| outer.program.clone());
    inner.severity = inner.severity.or(outer.severity);
    inner.from_kernel = match outer.from_kernel {
        Some(false) => Some(false),
        known => inner.from_kernel.or(known),
    };
    inner
}
