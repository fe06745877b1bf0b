//! The one wording of amounts, times, processes and owners, in sentences and in the text report.
//!
//! Names that a process chose stay as they are here: escaping is the renderer's.

mod owner;
pub mod parts;
mod process;
mod quantity;

pub use self::owner::{cgroup_owner, home, limit_owner, owner};
pub use self::process::{process, trigger, victim, victim_again};
pub use self::quantity::{Figures, amount_of, duration, exact, grouped, ordinal, percent, size};
