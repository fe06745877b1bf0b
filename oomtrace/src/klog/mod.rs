//! Kernel-log text to events: `transport` makes lines of bytes, `grammar` knows what a single line
//! of an OOM report says, `report` makes events of lines.

mod cursor;
mod find;
mod grammar;
pub mod line;
pub mod report;
pub mod transport;

#[cfg(test)]
mod tests;
