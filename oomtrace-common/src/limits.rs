//! Sizes that both sides must agree on.

/// Length of `task_struct.comm`, the kernel's `TASK_COMM_LEN`, including the terminating NUL.
pub const TASK_COMM_LEN: usize = 16;

/// Longest cgroup directory name the kernel accepts (`NAME_MAX`), without the terminating NUL.
pub const CGROUP_NAME_MAX: usize = 255;

/// Levels of a cgroup chain that are captured, counted from the victim's cgroup towards the root.
/// A deeper chain is cut at the root's end and flagged.
pub const CGROUP_LEVELS_MAX: usize = 40;

/// Bytes of a command line that are captured, NULs included. A longer one is cut and flagged.
pub const CMDLINE_MAX: usize = 4096;

/// Bytes of an environment that are captured, NULs included. What follows is not looked at.
pub const ENVIRON_MAX: usize = 8192;

/// Memory zones of which the figures are captured.
pub const ZONES_MAX: usize = 64;

/// Sizes of free blocks that are counted by zone; no kernel has more.
pub const ORDERS_MAX: usize = 16;

/// Names on the path of an executable, and mount points on the way, that are followed.
pub const EXE_PARTS_MAX: usize = 48;

/// Processors whose part of a victim's RSS is added up; on a larger machine the bound is stated.
pub const CPUS_SUMMED_MAX: u32 = 512;

/// Bytes reserved for one [`crate::record::Chain`] with its levels.
pub const CHAIN_BYTES_MAX: usize = 16 * 1024;

/// Size of the ring of kills: room for 8,192 of them at up to 256 bytes each, ring header included.
pub const ESSENTIAL_RING_BYTES: u32 = 2 * 1024 * 1024;

/// Size of the ring of details (cgroup chains, victims' contexts, outcomes).
pub const DETAIL_RING_BYTES: u32 = 2 * 1024 * 1024;

/// Size of the ring of candidates: 5,000 tasks at up to 200 bytes each.
pub const CANDIDATE_RING_BYTES: u32 = 1024 * 1024;

/// Longest time for which a victim is followed: no [`crate::record::Outcome`] comes later. Long enough
/// for what a debugger, a core dump or a hanging file system delays; it also bounds how long every exit
/// on the machine pays for a victim whose own exit the kernel did not show.
pub const FOLLOWED_NS_MAX: u64 = 120_000_000_000;

/// Victims that are followed from their mark to their death at any one time.
pub const OUTSTANDING_VICTIMS_MAX: u32 = 1024;

/// Kills of which a minimal trace is kept when the essential ring is full.
pub const LOST_KILLS_KEPT: usize = 64;
