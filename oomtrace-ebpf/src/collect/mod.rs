//! What each hook captures. The file names are those of the records and of their decoders.

pub mod candidate;
pub mod chain;
pub mod exe;
pub mod exit;
pub mod follow;
pub mod invocation;
pub mod kill;
pub mod node_memory;
pub mod on_stack;
pub mod reaping;
pub mod signal;
pub mod summed_rss;
pub mod victim_context;
