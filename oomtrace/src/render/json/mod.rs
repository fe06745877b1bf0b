//! NDJSON: one line per event, safe for shippers and terminals, lossless, bounded.

mod format;
mod integer;
mod parse;
#[cfg(feature = "schema")]
pub mod schema;
mod squeeze;
mod trim;

use std::io::{self, Write};

pub use parse::parse;
use serde::Serialize;

use super::Render;
use crate::model::Event;

/// Longest line in bytes, its newline included, unless the bound is lifted. rsyslog cuts at 8,096, and
/// a syslog header comes on top of the line.
pub const LINE_BYTES_MAX: usize = 7_680;

/// The NDJSON renderer.
#[derive(Clone, Copy, Debug)]
pub struct Json {
    line_bytes_max: Option<usize>,
}

impl Json {
    /// Lines of at most [`LINE_BYTES_MAX`] bytes; what is trimmed is named in `truncated`.
    #[must_use]
    pub const fn bounded() -> Self {
        Self {
            line_bytes_max: Some(LINE_BYTES_MAX),
        }
    }

    /// Lines as long as they come.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            line_bytes_max: None,
        }
    }
}

impl Render for Json {
    fn render(&mut self, event: &Event, out: &mut Vec<u8>) {
        let start = out.len();
        let limit = self.line_bytes_max.unwrap_or(usize::MAX);
        if write_line(event, start, limit, out).is_err() {
            // Cannot happen: these types always serialize into memory, and read back what they
            // wrote. If it did, a line too long would be better than none.
            out.truncate(start);
            if append(event, out).is_ok() {
                out.push(b'\n');
            } else {
                out.truncate(start);
            }
        }
    }
}

fn write_line(
    event: &Event,
    start: usize,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let seen = append(event, out)?;
    if seen.unsafe_integers || out.len() - start >= limit {
        out.truncate(start);
        let mut event = event.clone();
        if seen.unsafe_integers {
            event = integer::without_unsafe(&event)?;
        }
        append(&trim::to_fit(event, limit - 1)?, out)?;
    }
    out.push(b'\n');
    Ok(())
}

/// What was met while writing.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Integers that not every JSON consumer reads exactly.
    unsafe_integers: bool,
}

fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<Seen, serde_json::Error> {
    let mut seen = Seen::default();
    let format = format::Format { seen: &mut seen };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, format))?;
    Ok(seen)
}

/// Bytes that `value` takes in a line.
fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut seen = Seen::default();
    let mut length = Length(0);
    let format = format::Format { seen: &mut seen };
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

#[cfg(test)]
mod tests;
