//! The only user of aya: loads the object, attaches it, hands out records and loss counters.
//!
//! It does what the plan says and never looks inside a record.

mod attach;
mod error;
mod functions;
mod object;
mod probe;

pub use error::LoadError;
pub use probe::Probe;
