//! The store: events on disk, as history to ask, as spool for sinks, and as state across restarts.
//!
//! A store is a directory of append-only *segments*. Each line of a segment is one event as
//! `-o json --full` prints it, so any tool can read it. Events are numbered from 1 without a gap; a
//! segment's name carries the number of its first event:
//!
//! ```text
//! /var/lib/oomtrace/
//!     lock                             held by the one process that writes
//!     events-000000000001.ndjson.gz    closed, packed
//!     events-000000000913.ndjson       open: the writer appends here
//! ```
//!
//! The numbers make a reader's place one integer ([`Reader::place`]) that stays valid when a segment is
//! packed, and make it countable what a slow reader missed when old segments were removed
//! ([`Item::Removed`]).
//!
//! A crash can leave half a line at the end of the open segment. [`Writer::open`] cuts it off and says
//! how much that was; readers ignore a last line without its newline, because it may still be in the
//! making.

mod error;
mod reader;
mod segment;
mod writer;

pub use error::StoreError;
pub use reader::{Item, Reader, newest_first};
pub use segment::pack;
pub use writer::{Opened, Settings, Writer};

#[cfg(test)]
mod tests;
