//! What this host offers (`facts`) and what to do with it (`plan`).
//!
//! Facts are read and never judged; the plan is a pure function of them. Nothing here compares
//! kernel versions: BTF and the tracepoint's `format` file say what there is.

mod capabilities;
mod facts;
mod format;
mod gfp;
mod kallsyms;
mod listing;
mod lockdown;
mod plan;
mod tracefs;

pub use capabilities::Capabilities;
pub use facts::{Facts, read_gfp_flags};
pub use gfp::table as gfp_table;
pub use lockdown::Lockdown;
pub use plan::{Applied, ExitHook, FunctionHook, KillProof, Losses, MarkHook, Plan, Refusal, plan};
