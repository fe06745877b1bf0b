//! What this host offers (`facts`) and what to do with it (`plan`).
//!
//! Facts are read and never judged; the plan is a pure function of them. Nothing here compares
//! kernel versions: BTF and the tracepoint's `format` file say what there is.

mod capabilities;
mod cgroup_version;
mod facts;
mod format;
mod gfp;
mod hooks;
mod kallsyms;
mod listing;
mod lockdown;
mod namespaces;
mod plan;
mod tracefs;

pub use capabilities::Capabilities;
pub use facts::{Cpus, Facts, Unavailable};
pub use hooks::{Attach, HOOKS, Hook, When};
pub use lockdown::Lockdown;
pub use namespaces::Namespaces;
pub use plan::{
    Applied, ExitHook, FunctionHook, KillProof, Loss, Losses, MarkHook, Plan, Refusal, plan,
};
