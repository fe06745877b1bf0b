//! Records: the bytes that the kernel side puts into its rings.
//!
//! Every record starts with a [`RecordHeader`]. A reader accepts a record that is longer than the
//! structure it knows (fields are only ever appended) and refuses a shorter one. Kinds are never
//! reused. What could not be read is marked by a clear bit in the record's `valid` mask; the bytes
//! of such a field are zero and mean nothing.
//!
//! Nothing is converted in the kernel: page counts stay page counts. The unit is in the name.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod candidate;
mod chain;
mod kill;
mod loss;
mod node_memory;
mod outcome;
mod victim_context;
mod victim_detail;

pub use candidate::{Candidate, candidate_valid};
pub use chain::{Chain, Level, chain_flags, chain_role, level_flags, level_valid};
pub use kill::{Kill, kill_flags, kill_valid};
pub use loss::{LostKill, counter};
pub use node_memory::{NodeMemory, ZONE_NAME_LEN, Zone, node_flags, node_stat, zone_valid};
pub use outcome::{Outcome, Reaping, reaping_step, reaping_valid};
pub use victim_context::{VictimContext, VictimEnviron, context_valid};
pub use victim_detail::{Exe, SummedRss, exe_flags};

/// Version of the layouts in this module, written into every header and every recording.
pub const RECORD_VERSION: u16 = 1;

/// A task was killed by the OOM killer: a [`Kill`] in the essential ring.
pub const KIND_KILL: u16 = 1;
/// A process was killed because it shares a victim's address space: a [`Kill`] in the essential
/// ring whose `header.sequence` is that of the victim's record.
pub const KIND_SHARED_KILL: u16 = 2;
/// The memory cgroup chain of a victim or a trigger: a [`Chain`] in the detail ring.
pub const KIND_CHAIN: u16 = 3;
/// The victim's own context, taken while it could still be read: a [`VictimContext`] in the
/// detail ring.
pub const KIND_VICTIM_CONTEXT: u16 = 4;
/// The last thread of a victim's process has exited: an [`Outcome`] in the detail ring.
pub const KIND_OUTCOME: u16 = 5;
/// A task was scored by `oom_evaluate_task()`: a [`Candidate`] in the candidates' ring.
pub const KIND_CANDIDATE: u16 = 6;
/// The node's memory at a global OOM: a [`NodeMemory`] in the detail ring.
pub const KIND_NODE_MEMORY: u16 = 7;
// 8 is kept for statistics.
/// The OOM killer found nothing to kill: a [`Kill`] without a victim in the essential ring. The
/// chain that goes with it is that of the limiting cgroup.
pub const KIND_NO_VICTIM: u16 = 9;
/// A victim's environment, sent before its context: a [`VictimEnviron`] in the detail ring. User
/// space drops all of it but a few known variables before anything else sees the record.
pub const KIND_VICTIM_ENVIRON: u16 = 13;
/// The executable of a victim: an [`Exe`] in the detail ring.
pub const KIND_EXE: u16 = 10;
/// A victim's RSS, summed over the processors: a [`SummedRss`] in the detail ring.
pub const KIND_SUMMED_RSS: u16 = 11;
/// A step of the reaper: a [`Reaping`] in the detail ring.
pub const KIND_REAPING: u16 = 12;

/// Start of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RecordHeader {
    /// One of the `KIND_` constants.
    pub kind: u16,
    /// [`RECORD_VERSION`] of the writer.
    pub version: u16,
    /// Bytes of the whole record, this header included.
    pub len_bytes: u32,
    /// `CLOCK_BOOTTIME` when the event happened, in nanoseconds (`bpf_ktime_get_boot_ns`).
    pub boot_ns: u64,
    /// Processor the event happened on.
    pub cpu: u32,
    /// Running number of the mark (from 1). Everything that belongs to one kill carries the same.
    pub sequence: u32,
}
