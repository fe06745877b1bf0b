//! The file format of raw captures: everything that came into a live capture, in its order.
//!
//! A file is a start and then frames. All numbers of the envelope are little-endian; records are
//! kept as the kernel side made them, so the start names their byte order.
//!
//! | bytes | the start |
//! |---|---|
//! | 8 | `\x89OOMREC\n`: no text file begins so, and a transfer that changes line ends shows |
//! | 2 | format version |
//! | 1 | byte order of the records: 1 little-endian, 2 big-endian |
//! | 1 | 0 |
//!
//! | bytes | a frame |
//! |---|---|
//! | 1 | kind |
//! | 3 | 0 |
//! | 4 | bytes of the body |
//! | … | the body |
//!
//! The first frame holds the [`Host`](crate::model::Host) as JSON. A frame of a kind that the
//! reader does not know is skipped and counted: kinds may be added without a new format version.
//! What a process chose (command lines) was masked before it came here.

mod error;
mod frame;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use error::RecordingError;
pub use frame::Frame;
pub use reader::Reader;
pub use writer::Writer;

/// The format version that is written, and the newest that is read.
pub const FORMAT_VERSION: u16 = 1;

/// Longest body of a frame: several times the longest record. What claims more is damaged.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

const MAGIC: [u8; 8] = *b"\x89OOMREC\n";
const START_BYTES: usize = 12;
const FRAME_HEADER_BYTES: usize = 8;

/// The byte order of this machine, as the start names it.
const NATIVE_ORDER: u8 = if cfg!(target_endian = "little") { 1 } else { 2 };

/// Whether a file that starts with these bytes is a recording, of whatever version.
#[must_use]
pub fn is_recording(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}
