//! One static page about kills: no script, nothing loaded, light and dark, printable.
//!
//! The page holds names and figures of the events, no command lines, and no time that is not an
//! event's: the same events give the same bytes.

mod bars;
mod collect;
mod markup;
mod page;
mod table;
mod timeline;

pub use collect::Report;
pub use page::page;

#[cfg(test)]
mod tests;
