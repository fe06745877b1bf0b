//! What a cgroup's path, counters and statistics mean. Pure: whoever reads them, live or from a log,
//! asks here.

mod at_limit;
mod usage;

pub mod path;

pub use self::at_limit::{is_above_limit, is_at_limit};
pub use self::usage::account;
