//! One physical line after the other, freed of whatever stands around the kernel's text.

use memchr::memchr;

use super::fields::{self, Entry, Export};
use super::kernel::{self, KERN};
use super::paste::Paste;
use super::piece::{Frame, Piece};
use super::prefix::{behind_a_bracket, container_runtime, is_kmsg_field, is_note, is_prefixed};
use super::record::put_record;
use super::split::Unit;
use super::stamp::Assumed;
use super::syslog::{self, Writer};
use crate::klog::cursor::Cursor;
use crate::klog::find::Needle;
use crate::klog::line::Line;

/// Bytes of a pretty-printed JSON object, or of a line cut by a container runtime, that are kept.
const HELD_BYTES_MAX: usize = super::split::LINE_BYTES_MAX;

/// How rsyslog writes a line end.
const NEW_LINE_IN_OCTAL: Needle<'_> = Needle::new(b"#012");

/// Wrappings inside each other that are taken off.
const DEPTH_MAX: u8 = 3;

/// Frees lines of their carriers. What it remembers is what the lines so far have shown.
#[derive(Debug)]
pub(super) struct Framing {
    assumed: Assumed,
    paste: Paste,
    export: Export,
    /// A JSON object over several lines.
    object: Option<Vec<u8>>,
    /// Pieces of a line that a container runtime has cut.
    partial: Vec<u8>,
    /// Dates stand before the lines, and nothing else.
    date_only: bool,
    /// Lines in a row that began with a priority.
    priorities: u32,
    /// The host behind the time in the lines so far, and whether it is believed.
    monotonic: Option<(Vec<u8>, bool)>,
    lines: u64,
    brackets: u64,
    /// The line before was a record of /dev/kmsg.
    kmsg: bool,
}

impl Framing {
    pub(super) fn new(assumed: Assumed) -> Self {
        Self {
            assumed,
            paste: Paste::default(),
            export: Export::default(),
            object: None,
            partial: Vec::new(),
            date_only: false,
            priorities: 0,
            monotonic: None,
            lines: 0,
            brackets: 0,
            kmsg: false,
        }
    }

    /// Takes a unit of input; puts out what it carries.
    pub(super) fn unit(&mut self, number: u64, unit: &Unit<'_>, out: &mut Vec<Piece>) {
        let from = out.len();
        match unit {
            Unit::Field(name, value) => self.export.field(name, value),
            Unit::Line(line) => self.physical(line, out),
        }
        for piece in out.iter_mut().skip(from) {
            piece.line.number = number;
        }
    }

    /// The end of the input.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        if let Some(entry) = self.export.end() {
            self.entry(entry, 0, 0, out);
        }
        if !self.partial.is_empty() {
            let text = std::mem::take(&mut self.partial);
            self.text(&text, &Line::default(), 0, out);
        }
    }

    fn physical(&mut self, line: &[u8], out: &mut Vec<Piece>) {
        if Export::begins(line) || self.export.is_open() {
            if let Some(at) = memchr(b'=', line) {
                let (name, value) = line.split_at_checked(at).unwrap_or((line, &[]));
                self.export.field(name, value.get(1..).unwrap_or_default());
                return;
            }
            if line.is_empty() {
                if let Some(entry) = self.export.end() {
                    self.entry(entry, 0, 0, out);
                }
                return;
            }
        }
        if self.object(line, out) || is_note(line) || self.kmsg && is_kmsg_field(line) {
            return;
        }
        self.kmsg = false;
        let cleaned = self.paste.clean(line, is_prefixed);
        self.lines = self.lines.saturating_add(1);
        self.wrapped(&cleaned, &Line::default(), DEPTH_MAX, out);
    }

    /// Gathers a pretty-printed object, as `dmesg --json` and `journalctl -o json-pretty` write them.
    fn object(&mut self, line: &[u8], out: &mut Vec<Piece>) -> bool {
        let text = line.trim_ascii();
        if self.object.is_none() && !matches!(text.first(), Some(b'{' | b'}' | b']')) {
            return false;
        }
        let opens = matches!(text, b"{" | b"},{" | b"}, {");
        let closes = matches!(text, b"}" | b"}," | b"},{" | b"}, {");
        let Some(held) = &mut self.object else {
            if opens {
                self.object = Some(b"{".to_vec());
            }
            return opens || closes || text == b"]";
        };
        // `"dmesg": [` opens a list of objects: the outer one has nothing else.
        let is_member = text.first() == Some(&b'"') || closes || opens;
        if text.ends_with(b"[")
            && text.first() == Some(&b'"')
            && Needle::new(b": [").find(text).is_some()
            && !text.starts_with(b"\"MESSAGE\"")
        {
            self.object = None;
            return true;
        }
        if closes {
            held.push(b'}');
            let whole = std::mem::take(held);
            self.object = opens.then(|| b"{".to_vec());
            if let Some(entry) = fields::json(&whole, &mut self.assumed) {
                self.entry(entry, 0, DEPTH_MAX, out);
            }
            return true;
        }
        let in_list = text
            .iter()
            .all(|byte| byte.is_ascii_digit() || b", ]".contains(byte));
        if (is_member || in_list) && held.len().saturating_add(text.len()) <= HELD_BYTES_MAX {
            held.extend_from_slice(text);
            return true;
        }
        // No object after all.
        self.object = None;
        false
    }

    /// Takes a line out of what container runtimes and log shippers wrap it in.
    fn wrapped(&mut self, bytes: &[u8], base: &Line, depth: u8, out: &mut Vec<Piece>) {
        let trimmed = bytes.trim_ascii();
        // `journalctl -o json-seq` and `-o json-sse` mark each object.
        let trimmed = [b"\x1e" as &[u8], b"data: "]
            .iter()
            .find_map(|mark| trimmed.strip_prefix(*mark))
            .unwrap_or(trimmed);
        if depth > 0
            && trimmed.starts_with(b"{")
            && trimmed.ends_with(b"}")
            && let Some(entry) = fields::json(trimmed, &mut self.assumed)
        {
            self.entry(entry, bytes.len(), depth - 1, out);
            return;
        }
        if depth > 0
            && let Some((stamp, partial, rest)) = container_runtime(bytes)
        {
            let mut line = base.clone();
            self.assumed.stamp(&mut line, stamp);
            self.piecewise(rest, partial, &line, depth - 1, out);
            return;
        }
        self.text(bytes, base, bytes.len(), out);
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
            && let Some(record) = kernel::record(cursor.0, &mut line)
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
        let (prefixed, writer, priority) = self.prefix(&mut cursor, &mut line);
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
        let escaped = NEW_LINE_IN_OCTAL.find(text).map_or(b"\\x0a", |_| b"#012");
        put_record(line, text, escaped, frame, width, indent, out);
    }

    /// Takes everything that stands before the text.
    fn prefix(
        &mut self,
        cursor: &mut Cursor<'_>,
        line: &mut Line,
    ) -> (bool, Writer, Option<kernel::Priority>) {
        let mut priority = self.priority(cursor).or_else(|| kernel::decoded(cursor));
        let mut prefixed = priority.is_some();
        let mut writer = Writer::Unsaid;
        if let Some(found) = syslog::rfc5424(cursor, line, &mut self.assumed) {
            (writer, prefixed) = (found, true);
        } else if let Some((found, named)) =
            syslog::header(cursor, line, &mut self.assumed, &mut self.date_only)
        {
            (writer, prefixed) = (found, true);
            priority = named.or(priority);
        } else if syslog::unknown_header(cursor, line) {
            (writer, prefixed) = (Writer::Kernel, true);
        }
        if writer != Writer::Program {
            let mut ahead = *cursor;
            ahead.blanks();
            // A name may begin like this, too; a time behind it is the kernel's.
            if let Some(inner) = kernel::priority(&mut ahead)
                && kernel::bracket(&mut { ahead }, &mut line.clone(), &mut self.assumed)
            {
                priority = priority.or(Some(inner));
                *cursor = ahead;
            }
            let mut ahead = *cursor;
            ahead.blanks();
            if kernel::bracket(&mut ahead, line, &mut self.assumed) {
                prefixed = true;
                *cursor = ahead;
                if writer == Writer::Unsaid && line.host.is_none() && line.since_boot_us.is_some() {
                    writer = self.monotonic(cursor, line);
                }
                self.brackets = self.brackets.saturating_add(1);
            } else if writer == Writer::Unsaid
                && let Some(rest) = behind_a_bracket(cursor.0, line)
            {
                prefixed = true;
                *cursor = rest;
            }
        }
        (prefixed, writer, priority)
    }

    /// `<4>`: before a text of its own only where the lines before have it, too.
    fn priority(&mut self, cursor: &mut Cursor<'_>) -> Option<kernel::Priority> {
        let mut ahead = *cursor;
        let Some(found) = kernel::priority(&mut ahead) else {
            self.priorities = 0;
            return None;
        };
        let sure = self.priorities > 0 || self.lines <= 1 || is_prefixed(ahead.0);
        self.priorities = self.priorities.saturating_add(1);
        if !sure {
            return None;
        }
        *cursor = ahead;
        Some(found)
    }

    /// `host kernel: ` behind the time, if this is how the lines go here.
    fn monotonic(&mut self, cursor: &mut Cursor<'_>, line: &mut Line) -> Writer {
        let mut named = line.clone();
        let known = self.monotonic.as_ref().filter(|(_, believed)| *believed);
        let known = known.map(|(host, _)| host.as_slice());
        let Some((host, writer, rest)) = syslog::monotonic(*cursor, known, &mut named) else {
            self.monotonic = None;
            return Writer::Unsaid;
        };
        let again = self
            .monotonic
            .as_ref()
            .is_some_and(|(before, _)| before.as_slice() == host);
        let believed = again || self.brackets == 0;
        self.monotonic = Some((host.to_vec(), believed));
        if !believed {
            return Writer::Unsaid;
        }
        *line = named;
        line.host = Some(host.to_vec());
        *cursor = rest;
        // The kernel's own time may stand there as well.
        let _ = kernel::bracket(cursor, line, &mut self.assumed);
        writer
    }
}
