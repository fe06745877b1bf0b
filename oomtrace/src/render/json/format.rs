//! How values are spelled: what a terminal would obey or hide is written as `\uXXXX`, which every
//! parser reads back as the same character.

use std::io;
use std::io::Write;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::model::JSON_INTEGER_MAX;
use crate::render::escape::is_unsafe;

/// serde_json's compact format with the above, noting what it saw.
#[derive(Debug)]
struct Format<'a> {
    seen: &'a mut Seen,
}

impl Formatter for Format<'_> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all text, and one look at it is enough. (What comes before the blank is escaped
        // already.)
        if fragment.is_ascii() && memchr::memchr(0x7f, fragment.as_bytes()).is_none() {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (clean, tail) = rest.split_at(at);
            writer.write_all(clean.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = tail.split_at(c.len_utf8()).1;
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.seen.unsafe_integers |= value > JSON_INTEGER_MAX;
        CompactFormatter.write_u64(writer, value)
    }

    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.seen.unsafe_integers |= value.unsigned_abs() > JSON_INTEGER_MAX;
        CompactFormatter.write_i64(writer, value)
    }
}

/// What was met while writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Integers that not every JSON consumer reads exactly.
    pub(super) unsafe_integers: bool,
}

pub(super) fn append<T: Serialize>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Seen, serde_json::Error> {
    let mut seen = Seen::default();
    let format = Format { seen: &mut seen };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, format))?;
    Ok(seen)
}

/// Bytes that `value` takes in a line.
pub(super) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut seen = Seen::default();
    let mut length = Length(0);
    let format = Format { seen: &mut seen };
    match value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut length,
        format,
    )) {
        Ok(()) => length.0,
        Err(_) => 0,
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
