//! Delivery of stored events: each sink reads the store on a thread of its own, at its own pace,
//! from a place of its own that survives restarts.
//!
//! At least once: a sink's cursor moves only after its receiver has taken what precedes it, so a
//! crash repeats the last batch and loses nothing. A receiver that is dead or slow delays nobody but
//! itself; what the store had to remove meanwhile is reported to it as a gap.

mod backoff;
mod cursor;
mod file;
mod http;
mod journald;
mod kubernetes;
mod otlp;
mod progress;
mod status;
mod stdout;
mod syslog;
mod worker;

#[cfg(test)]
mod kubernetes_tests;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod tests;

pub use file::FileSink;
pub use http::{Body, HttpSink};
pub use journald::JournaldSink;
pub use kubernetes::KubernetesSink;
pub use progress::Progress;
pub use status::Figures;
pub use stdout::StdoutSink;
pub use syslog::{SyslogAddress, SyslogSink};
pub use worker::{Handle, Receiver, Setup, Shape, start};
