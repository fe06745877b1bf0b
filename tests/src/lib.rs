//! Live tests of oomtrace: real kills in small memory cgroups, with the kernel's own report and
//! counters as the oracle.
//!
//! [`Stage`] is what a test runs on: it takes the one lock, makes cgroups and removes them, follows
//! the kernel's log, and runs the real binary beside it. [`report`] reads what the kernel itself
//! says of a kill, with a parser that shares no code with oomtrace; [`compare`] holds an event
//! against it, field by field.
//!
//! The tests need root, a memory controller and a readable kernel log. Without one of them they
//! fail and say so; none is skipped.

pub mod cgroup;
pub mod command;
pub mod compare;
pub mod containerd;
pub mod counters;
pub mod deploy;
pub mod docker;
pub mod engine;
pub mod event;
pub mod figures;
pub mod frames;
pub mod freezer;
pub mod host;
pub mod image;
pub mod kmsg;
pub mod ledger;
pub mod lock;
pub mod loggers;
pub mod podman;
pub mod process;
pub mod report;
pub mod schema;
pub mod stage;
pub mod systemd;
pub mod tracer;

mod agree;
mod bytes;

pub use stage::Stage;
