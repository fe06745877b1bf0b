//! Events that were kept, asked: reading them back, selecting one, and adding kills up.
//!
//! Events come from a store (a directory), from NDJSON files, plain or packed by gzip, or from standard
//! input, and are read once, in their order, in bounded memory. What cannot be read is counted and
//! skipped ([`Flaws`]): one bad line does not hide the rest.
//!
//! [`Kill`] is what lists and pages need of an event. All of its figures are the event's own.

mod error;
mod events;
mod flaws;
mod kill;
mod lines;
mod looping;
mod needed;
mod part;
mod pick;
mod tally;
mod top;

pub use events::Events;
pub use flaws::Flaws;
pub use kill::{Holder, Kill};
pub use looping::Loop;
pub use part::{Part, PartKind};
pub use pick::{Pick, PickError, Picked};
pub use tally::Group;
pub use top::{By, Top};

#[cfg(test)]
mod tests;
