//! Events to bytes: [`text`] for people, [`json`] for machines.
//!
//! Nothing here reads the system: width, colour and time zone are passed in. Everything that a
//! process could have chosen goes through [`escape`].

pub mod escape;
pub mod json;
pub mod text;

mod layout;
mod style;

use crate::model::Event;

/// Turns events into bytes. A renderer may remember what it has shown (the date, the incident).
pub trait Render {
    /// Appends `event` to `out`: whole lines, the last one ended; on a terminal
    /// also a line that is rewritten in place.
    fn render(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Appends what was held back, once it is quiet and at the end.
    fn flush(&mut self, _out: &mut Vec<u8>) {}

    /// Whether something is held back.
    fn is_holding(&self) -> bool {
        false
    }
}
