//! Wiring: from the probe or a recording, through every stage, to a sink. No logic of its own
//! about kills: it decides only when each stage is called.
//!
//! Everything that comes in is a [`crate::recording::Frame`]; a recording is those frames in a
//! file. So a replay takes the same way through [`core`] as the live capture did.

mod ask;
mod check;
mod core;
mod counters;
mod daemon;
mod decode;
mod decoder;
mod demo;
mod drain;
mod follow;
mod host;
mod kmsg;
mod live;
mod log_error;
mod outlet;
mod output;
mod progress;
mod recorder;
mod replay;
mod run;
mod setup;
mod stored;
mod summary;
mod trace;
mod wait;
mod window;

pub use run::run;
