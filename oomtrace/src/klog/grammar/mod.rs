//! What a single line of an OOM report says, whether it is whole, and its place in a report.
//!
//! Everything here takes any bytes: names, paths and whole lines are chosen by processes, so fields
//! are taken off from the side that the kernel wrote.

pub(super) mod allocations;
pub(super) mod kill;
pub(super) mod mem_info;
pub(super) mod memcg;
pub(super) mod start;
pub(super) mod summary;
pub(super) mod systemd;
pub(super) mod table;
pub(super) mod text;
pub(super) mod trace;
pub(super) mod trigger;
pub(super) mod userspace;
pub(super) mod whole;
