//! Events to bytes: [`text`] for people, [`json`] for machines.
//!
//! Nothing here reads the system: width, colour and time zone are passed in. Everything that a
//! process could have chosen goes through [`escape`].

pub mod escape;
pub mod json;
pub mod text;

mod layout;
mod style;

#[cfg(test)]
pub(crate) mod fixture;

use crate::model::Event;

/// Turns events into bytes. A renderer may remember what it has shown (the date, the incident).
pub trait Render {
    /// Appends `event` to `out`: whole lines, the last one ended.
    fn render(&mut self, event: &Event, out: &mut Vec<u8>);
}
