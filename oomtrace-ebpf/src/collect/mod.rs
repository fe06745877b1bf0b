//! What each hook captures. The file names are those of the records and of their decoders.

pub mod candidate;
pub mod chain;
pub mod exe;
pub mod exit;
pub mod follow;
pub mod invocation;
pub mod mark;
pub mod mark_record;
pub mod node_memory;
pub mod on_stack;
pub mod reaping;
pub mod sharer;
pub mod signal;
pub mod summed_rss;
pub mod trigger;
pub mod victim;
pub mod victim_context;
