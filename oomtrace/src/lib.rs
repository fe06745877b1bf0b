//! oomtrace explains every OOM kill on a Linux node.
//!
//! One pipeline: `loader` takes records out of the kernel's rings, `decode` turns bytes into
//! records, `assemble` turns records into events, `enrich` adds what only user space knows,
//! `diagnose` draws conclusions, `render` turns events into bytes, `sink` writes them.
//! `docs/ARCHITECTURE.md` says which module may use which; `cargo xtask tidy` enforces it.
//!
//! This is the library of one program, not an interface for others. It exports what its users
//! outside of this crate need and nothing else, one module for each of them, so that the compiler
//! finds code that nothing uses.

mod answer;
mod assemble;
mod btf;
mod cgroup;
mod cli;
mod config;
mod daemon;
mod decode;
mod demo;
mod diagnose;
mod enrich;
mod history;
mod kernel;
mod klog;
mod loader;
mod metrics;
mod model;
mod pipeline;
mod process;
mod recording;
mod redact;
mod render;
mod sink;
mod sinks;
mod store;
mod words;

/// For the program itself, `main.rs`.
pub mod program {
    pub use crate::cli::messages::install as install_messages;
    pub use crate::cli::{Exit, Stop, parse};
    pub use crate::demo::victim as demo_victim;
    pub use crate::pipeline::run;
}

/// For `cargo xtask`: generated pages, and the costs of the kernel side.
pub mod xtask {
    pub use crate::diagnose::CODES;
    pub use crate::kernel::{ExitHook, Facts, KillProof, Plan, plan};
    pub use crate::loader::Probe;
    pub use crate::model::GapReason;
    pub use crate::model::Reason;
    #[cfg(feature = "schema")]
    pub use crate::redact::page::page as secrets_page;
    #[cfg(feature = "schema")]
    pub use crate::render::json::schema::schema;
}

/// For the fuzz targets and their seeds.
pub mod fuzz {
    pub use crate::assemble::reconcile::Reconciler;
    pub use crate::assemble::{Assembler, Output};
    pub use crate::btf::resolve;
    pub use crate::decode::{Record, decode};
    pub use crate::diagnose::explain;
    pub use crate::klog::line::Line;
    pub use crate::klog::report::{KlogHost, Reports};
    pub use crate::klog::transport::{Transport, TransportSettings};
    pub use crate::model::{Bytes, Event, Host, KernelCounters, PageSize, ReadingMoment, Snapshot};
    pub use crate::recording::{Frame, Reader, Writer};
    pub use crate::render::Render;
    pub use crate::render::json::{Json, LINE_BYTES_MAX, parse};
}

/// For `tests/documented_example.rs`.
pub mod events {
    pub use crate::model::{Bytes, Event, OomKill};
    pub use crate::render::json::parse;
}
