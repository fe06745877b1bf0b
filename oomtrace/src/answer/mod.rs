//! Answers about events that were kept, in the forms that people and programs read: [`list`], one line
//! a kill; [`top`], who dies most; [`html`], a page to send to a colleague.
//!
//! Nothing here reads the system: the width, the time now and whether times are relative are passed in.
//! Everything that a process could have chosen is escaped.

pub mod html;
pub mod list;
pub mod top;

mod sentence;
mod time;
