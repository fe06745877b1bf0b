//! Bytes to physical lines and to the binary fields of journald's export format, in bounded memory.

use memchr::memchr;

/// Longest line that is kept; journald's JSON of a whole report in one record stays far below. The
/// rest of a longer one is thrown away.
pub(super) const LINE_BYTES_MAX: usize = 1024 * 1024;

/// A long line is looked at again after 2^16 bytes more.
const CUT_SHIFT: u32 = 16;

/// A piece of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<'a> {
    /// A line, without its end (`\n` or `\r\n`).
    Line(&'a [u8]),
    /// A binary field of the export format: name and value.
    Field(&'a [u8], &'a [u8]),
}

/// Where in a binary field the stream is.
#[derive(Debug)]
enum Binary {
    /// The length is being read.
    Length { name: Vec<u8>, bytes: Vec<u8> },
    /// So many bytes are still to come.
    Value { name: Vec<u8>, rest: u64 },
    /// The line end behind the value.
    End,
}

/// Cuts a stream.
#[derive(Debug)]
pub(super) struct Splitter {
    held: Vec<u8>,
    /// The rest of the line is thrown away.
    dropping: bool,
    /// The export format was seen.
    export: bool,
    binary: Option<Binary>,
    number: u64,
}

impl Splitter {
    pub(super) fn new() -> Self {
        Self {
            held: Vec::new(),
            dropping: false,
            export: false,
            binary: None,
            number: 0,
        }
    }

    /// Lines that were left out.
    pub(super) fn skipped(&mut self, lines: u64) {
        self.number = self.number.saturating_add(lines);
        self.held.clear();
        self.dropping = false;
        self.binary = None;
    }

    /// The rest of the line that is being read is left out: gives what there is of a line of JSON
    /// records, which is long enough to be worth it.
    pub(super) fn cut(&mut self, mut on: impl FnMut(u64, Unit<'_>)) {
        if !self.dropping && memchr::memmem::find(&self.held, b"},{").is_some() {
            on(self.number.saturating_add(1), Unit::Line(&self.held));
            self.held.clear();
        }
    }

    /// Takes bytes in; each unit goes to `on` with the number of its line, from 1.
    pub(super) fn push(&mut self, bytes: &[u8], mut on: impl FnMut(u64, Unit<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.binary.is_some() {
                rest = self.binary(rest, &mut on);
                continue;
            }
            let Some(at) = memchr(b'\n', rest) else {
                let before = self.held.len() >> CUT_SHIFT;
                self.hold(rest);
                // Not for every few bytes that come.
                if self.held.len() >> CUT_SHIFT != before {
                    self.cut_long(&mut on);
                }
                return;
            };
            let (line, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            rest = behind.get(1..).unwrap_or_default();
            if self.held.is_empty() && !self.dropping && line.len() <= LINE_BYTES_MAX {
                self.line(line, &mut on);
            } else {
                self.hold(line);
                let line = std::mem::take(&mut self.held);
                self.line(&line, &mut on);
                self.dropping = false;
                self.held = line;
                self.held.clear();
            }
        }
    }

    /// The end: a last line without an end.
    pub(super) fn finish(&mut self, mut on: impl FnMut(u64, Unit<'_>)) {
        self.binary = None;
        if !self.held.is_empty() {
            let line = std::mem::take(&mut self.held);
            self.line(&line, &mut on);
        }
        self.dropping = false;
    }

    /// Whether a line without an end has come so far.
    pub(super) fn is_within_line(&self) -> bool {
        !self.held.is_empty()
    }

    /// Hands on most of an array of records that does not fit into memory, cut between two of them.
    fn cut_long(&mut self, on: &mut impl FnMut(u64, Unit<'_>)) {
        let is_long = self.held.len() > LINE_BYTES_MAX / 2 && self.binary.is_none();
        let is_json = matches!(self.held.first(), Some(b'[' | b'{'));
        if !is_long || !is_json || self.dropping {
            return;
        }
        if let Some(at) = memchr::memmem::rfind(&self.held, b"},{") {
            let rest = self.held.split_off(at + 2);
            let line = std::mem::replace(&mut self.held, rest);
            on(self.number.saturating_add(1), Unit::Line(&line));
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.held.len());
        match bytes.get(..room) {
            Some(fits) if fits.len() < bytes.len() => {
                self.held.extend_from_slice(fits);
                self.dropping = true;
            }
            _ => self.held.extend_from_slice(bytes),
        }
    }

    fn line(&mut self, line: &[u8], on: &mut impl FnMut(u64, Unit<'_>)) {
        self.number = self.number.saturating_add(1);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"__CURSOR=") {
            self.export = true;
        } else if self.export && is_field_name(line) {
            self.binary = Some(Binary::Length {
                name: line.to_vec(),
                bytes: Vec::new(),
            });
            return;
        }
        on(self.number, Unit::Line(line));
    }

    /// Takes from `bytes` what belongs to the binary field; gives the rest.
    fn binary<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(u64, Unit<'_>)) -> &'a [u8] {
        match self.binary.take() {
            None => bytes,
            Some(Binary::End) => bytes.strip_prefix(b"\n").unwrap_or(bytes),
            Some(Binary::Length {
                name,
                bytes: mut length,
            }) => {
                let (now, rest) = bytes
                    .split_at_checked(8_usize.saturating_sub(length.len()))
                    .unwrap_or((bytes, &[]));
                length.extend_from_slice(now);
                self.binary = Some(match <[u8; 8]>::try_from(length.as_slice()) {
                    Ok(length) => Binary::Value {
                        name,
                        rest: u64::from_le_bytes(length),
                    },
                    Err(_) => Binary::Length {
                        name,
                        bytes: length,
                    },
                });
                rest
            }
            Some(Binary::Value { name, rest: left }) => {
                let now = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let (value, behind) = bytes.split_at_checked(now).unwrap_or((bytes, &[]));
                self.hold(value);
                let left = left.saturating_sub(u64::try_from(now).unwrap_or(u64::MAX));
                if left > 0 {
                    self.binary = Some(Binary::Value { name, rest: left });
                } else {
                    let value = std::mem::take(&mut self.held);
                    self.dropping = false;
                    on(self.number, Unit::Field(&name, &value));
                    self.binary = Some(Binary::End);
                }
                behind
            }
        }
    }
}

/// Whether `line` is nothing but the name of a field.
fn is_field_name(line: &[u8]) -> bool {
    !line.is_empty()
        && line.len() <= 64
        && line
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        && line.iter().any(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &[u8], step: usize) -> Vec<String> {
        let mut splitter = Splitter::new();
        let mut out = Vec::new();
        let mut on = |number: u64, unit: Unit<'_>| {
            out.push(match unit {
                Unit::Line(line) => format!("{number} {}", line.escape_ascii()),
                Unit::Field(name, value) => {
                    format!(
                        "{number} {} := {}",
                        name.escape_ascii(),
                        value.escape_ascii()
                    )
                }
            });
        };
        for piece in input.chunks(step) {
            splitter.push(piece, &mut on);
        }
        splitter.finish(&mut on);
        out
    }

    #[test]
    fn lines_whatever_their_ends_and_the_pieces() {
        for step in 1..12 {
            assert_eq!(
                run(b"one\r\ntwo\n\nthree\xff", step),
                ["1 one", "2 two", "3 ", "4 three\\xff"]
            );
        }
        assert_eq!(run(b"", 1), Vec::<String>::new());
    }

    #[test]
    fn binary_fields_of_the_export_format() {
        let mut input = b"__CURSOR=s=1\nMESSAGE\n".to_vec();
        input.extend(6_u64.to_le_bytes());
        input.extend(b"a\nb\n\nc\n_HOSTNAME=h\n\n");
        for step in 1..40 {
            assert_eq!(
                run(&input, step),
                [
                    "1 __CURSOR=s=1",
                    "2 MESSAGE := a\\nb\\n\\nc",
                    "3 _HOSTNAME=h",
                    "4 "
                ]
            );
        }
        // Elsewhere such a line is a line.
        assert_eq!(run(b"MESSAGE\nAB", 3), ["1 MESSAGE", "2 AB"]);
    }

    #[test]
    fn a_line_or_a_field_without_end_is_not_kept() {
        let mut splitter = Splitter::new();
        let mut lengths = Vec::new();
        let block = vec![b'x'; 1 << 16];
        for _ in 0..200 {
            splitter.push(&block, |_, _| ());
            assert!(splitter.held.len() <= LINE_BYTES_MAX);
        }
        splitter.push(b"\nnext\n", |number, unit| {
            if let Unit::Line(line) = unit {
                lengths.push((number, line.len()));
            }
        });
        assert_eq!(lengths, [(1, LINE_BYTES_MAX), (2, 4)]);

        splitter.push(b"__CURSOR=x\nMESSAGE\n", |_, _| ());
        splitter.push(&u64::MAX.to_le_bytes(), |_, _| ());
        for _ in 0..200 {
            splitter.push(&block, |_, _| ());
            assert!(splitter.held.len() <= LINE_BYTES_MAX);
        }
    }
}
