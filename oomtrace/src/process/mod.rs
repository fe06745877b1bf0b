//! This process itself: its memory, its priority to the OOM killer, and the clocks it reads.

pub mod clock;
mod log_clock;
mod memory;
mod oom_score;

pub use log_clock::boot_ahead_ns;
pub use memory::release_startup_memory;
pub use oom_score::exempt_from_oom_killer;
