//! Figures for Prometheus: what is counted, how it is written, and the listener that offers it.

mod server;
mod tally;
mod text;

#[cfg(test)]
mod tests;

pub use server::{Source, serve};
pub use tally::Tally;
pub use text::{Figures, Format, SinkFigures, write};
