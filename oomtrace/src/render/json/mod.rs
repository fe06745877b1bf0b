//! NDJSON: one line per event, safe for shippers and terminals, lossless, bounded.

mod format;
mod integer;
mod node;
mod parse;
#[cfg(feature = "schema")]
pub mod schema;
mod squeeze;
mod trim;

pub use parse::parse;

use self::format::append;
use self::node::Node;
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
        let Ok(seen) = append(event, out) else {
            // Cannot happen: these types always serialize into memory.
            out.truncate(start);
            return;
        };
        let limit = self.line_bytes_max.unwrap_or(usize::MAX);
        if seen.unsafe_integers || out.len() - start >= limit {
            let whole = out.split_off(start);
            trim(&whole, event, limit, out);
        }
        out.push(b'\n');
    }
}

/// Appends `whole`, the line of `event`, trimmed so that it has at most `limit` bytes with its newline.
fn trim(whole: &[u8], event: &Event, limit: usize, out: &mut Vec<u8>) {
    let Some(mut line) = str::from_utf8(whole).ok().and_then(Node::parse) else {
        // Cannot happen: it was just written. A line too long is better than none.
        out.extend_from_slice(whole);
        return;
    };
    let is_kill = matches!(event, Event::OomKill(_));
    integer::remove_unsafe(&mut line, is_kill);
    trim::to_fit(&mut line, is_kill, limit - 1);
    line.write(out);
}

#[cfg(test)]
mod tests;
