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

pub(super) fn append<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Seen, serde_json::Error> {
    let mut seen = Seen::default();
    let format = Format { seen: &mut seen };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, format))?;
    Ok(seen)
}

/// `value` as it is written in a line.
pub(super) fn encoded<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    // Serializing into memory cannot fail, and what is written is UTF-8.
    match append(value, &mut out) {
        Ok(_) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Bytes that `c` takes within a string.
pub(super) fn encoded_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => "\\u0000".len(),
        c if is_unsafe(c) => "\\u0000".len() * c.len_utf16(),
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_character_is_known() {
        for c in (0..=0x0011_0000).filter_map(char::from_u32) {
            let text = c.to_string();
            assert_eq!(encoded_len(c), encoded(&text).len() - 2, "{c:?}");
        }
    }
}
