//! This process itself: its memory, its priority to the OOM killer, its privileges, and the clocks it
//! reads.

mod capabilities;
pub mod clock;
mod locked_memory;
mod log_clock;
mod memory;
mod memory_cgroup;
mod oom_score;
pub mod privileges;

pub use capabilities::use_permitted_capabilities;
pub use locked_memory::locked_memory_remedy;
pub use log_clock::boot_ahead_ns;
pub use memory::release_startup_memory;
pub use memory_cgroup::memory_cgroup;
pub use oom_score::exempt_from_oom_killer;
