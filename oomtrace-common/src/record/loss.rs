//! What is counted and kept of records that found no room in their ring.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits::TASK_COMM_LEN;

/// What is kept of a kill whose record found no room in the essential ring: one element of the
/// `LOST_KILLS` array, at index `sequence % LOST_KILLS_KEPT`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LostKill {
    /// When it was marked, nanoseconds of `CLOCK_BOOTTIME`. 0: the slot is unused.
    pub boot_ns: u64,
    /// The mark's running number.
    pub sequence: u32,
    /// Thread group of the victim.
    pub tgid: u32,
    /// Thread that was marked.
    pub tid: u32,
    /// Always zero.
    pub reserved: u32,
    /// Name of the marked thread.
    pub comm: [u8; TASK_COMM_LEN],
}

/// Indices into the per-CPU array of counters that the kernel side keeps.
pub mod counter {
    /// Kills whose record found no room in the essential ring.
    pub const LOST_KILLS: u32 = 0;
    /// Chains, contexts or outcomes that found no room in the detail ring.
    pub const LOST_DETAILS: u32 = 1;
    /// Candidates that found no room in their ring.
    pub const LOST_CANDIDATES: u32 = 2;
    /// Marks that were no kill (the task was already dying).
    pub const MERE_MARKS: u32 = 3;
    /// Kills that could not be followed because the table of victims was full.
    pub const NOT_FOLLOWED: u32 = 4;
    /// Kills seen, whether or not their record found room.
    pub const KILLS: u32 = 5;
    /// Number of counters.
    pub const COUNT: u32 = 6;
}
