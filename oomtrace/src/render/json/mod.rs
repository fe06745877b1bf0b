//! NDJSON: one line per event, safe for shippers and terminals, lossless, bounded.

mod format;
mod integer;
mod parse;
#[cfg(feature = "schema")]
pub mod schema;
mod squeeze;
mod trim;

pub use parse::parse;

use self::format::append;
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

    /// Lines of at most so many bytes, the newline included.
    #[must_use]
    pub const fn at_most(bytes: usize) -> Self {
        Self {
            line_bytes_max: Some(bytes),
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

#[cfg(test)]
mod tests;
