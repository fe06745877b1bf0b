//! oomtrace explains every OOM kill on a Linux node.
//!
//! One way through the house: `loader` takes records out of the kernel's rings, `decode` turns
//! bytes into records, `assemble` turns records into events, `enrich` adds what only user space
//! knows, `diagnose` draws conclusions, `render` turns events into bytes, `sink` writes them.
//! `docs/ARCHITECTURE.md` says which module may use which; `cargo xtask tidy` holds it to that.

pub mod assemble;
pub mod btf;
pub mod cli;
pub mod decode;
pub mod diagnose;
pub mod enrich;
pub mod kernel;
pub mod klog;
pub mod loader;
pub mod model;
pub mod pipeline;
pub mod recording;
pub mod render;
pub mod sink;
