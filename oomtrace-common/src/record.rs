//! Records: the bytes that the kernel side puts into its rings.
//!
//! Every record starts with a [`RecordHeader`]. A reader accepts a record that is longer than the
//! structure it knows (fields are only ever appended) and refuses a shorter one. Kinds are never
//! reused. What could not be read is marked by a clear bit in the record's `valid` mask; the bytes
//! of such a field are zero and mean nothing.
//!
//! Nothing is converted in the kernel: page counts stay page counts. The unit is in the name.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits::TASK_COMM_LEN;

mod node_memory;
mod victim_detail;

pub use node_memory::{NodeMemory, ZONE_NAME_LEN, Zone, node_flags, node_stat, zone_valid};
pub use victim_detail::{Exe, Reaping, SummedRss, exe_flags, reaping_step, reaping_valid};

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

/// Bits of [`Kill::valid`]: which groups of fields were read.
pub mod kill_valid {
    /// `trigger_comm`, `trigger_uid`.
    pub const TRIGGER: u32 = 1 << 0;
    /// `trigger_memcg_id`.
    pub const TRIGGER_MEMCG: u32 = 1 << 1;
    /// `victim_tgid`, `victim_tid`, `victim_comm`.
    pub const VICTIM: u32 = 1 << 2;
    /// `victim_ns_pid`.
    pub const NS_PID: u32 = 1 << 3;
    /// `victim_uid`.
    pub const VICTIM_UID: u32 = 1 << 4;
    /// `parent_tgid`, `parent_comm`.
    pub const PARENT: u32 = 1 << 5;
    /// `victim_start_boot_ns`.
    pub const START: u32 = 1 << 6;
    /// `threads`.
    pub const THREADS: u32 = 1 << 7;
    /// `oom_score_adj`.
    pub const ADJ: u32 = 1 << 8;
    /// `anon_pages`, `file_pages`, `shmem_pages`.
    pub const RSS: u32 = 1 << 9;
    /// `swap_entries_pages`.
    pub const SWAP: u32 = 1 << 10;
    /// `pgtables_bytes`.
    pub const PGTABLES: u32 = 1 << 11;
    /// `total_vm_pages`.
    pub const TOTAL_VM: u32 = 1 << 12;
    /// `victim_memcg_id`.
    pub const VICTIM_MEMCG: u32 = 1 << 13;
    /// `mm_users`, `live_threads`.
    pub const MM_USERS: u32 = 1 << 14;
    /// `gfp_mask`, `order`, `constraint`, `totalpages`, `oc_memcg_id`: the `oom_control` was seen.
    pub const OOM_CONTROL: u32 = 1 << 15;
    /// `chosen_points`.
    pub const POINTS: u32 = 1 << 16;
}

/// Bits of [`Kill::flags`].
pub mod kill_flags {
    /// The kernel stack showed a return address inside `__oom_kill_process`.
    pub const BY_STACK: u32 = 1 << 0;
    /// The signal hook saw the OOM killer's SIGKILL just before the mark.
    pub const BY_SIGNAL: u32 = 1 << 1;
    /// More tasks use the victim's address space than its own live threads.
    pub const MM_MAYBE_SHARED: u32 = 1 << 2;
    /// RSS was read from per-CPU counters without summing the per-CPU parts.
    pub const RSS_APPROXIMATE: u32 = 1 << 3;
    /// The detail ring had no room for the victim's chain.
    pub const CHAIN_LOST: u32 = 1 << 4;
    /// The table of followed victims was full: no context, no outcome, no sharers.
    pub const NOT_FOLLOWED: u32 = 1 << 5;
    /// Only the tracepoint's own fields were at hand (no task argument).
    pub const TRACEPOINT_ONLY: u32 = 1 << 6;
    /// The trigger's chain was also sent (it is not part of the victim's).
    pub const TRIGGER_CHAIN: u32 = 1 << 7;
    /// The victim's last thread had passed the exit hook before the mark: no context, no outcome.
    pub const PAST_EXIT: u32 = 1 << 8;
    /// The node's memory was also sent.
    pub const NODE_MEMORY: u32 = 1 << 9;
    /// The victim's executable was also sent.
    pub const EXE: u32 = 1 << 10;
    /// The victim's RSS, summed over the processors, was also sent.
    pub const SUMMED_RSS: u32 = 1 << 11;
    /// The trigger is a thread of the kernel's own, so its name is the kernel's.
    pub const KERNEL_TRIGGER: u32 = 1 << 12;
}

/// One kill, as it stood when `mark_oom_victim()` ran.
///
/// At most 248 bytes, so that with the ring's own header 8,192 of them fit the essential ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Kill {
    /// The record header; `boot_ns` is the time of the mark.
    pub header: RecordHeader,
    /// Which groups of fields hold a value; see [`kill_valid`].
    pub valid: u32,
    /// See [`kill_flags`].
    pub flags: u32,
    /// kernfs id of the trigger's memory cgroup.
    pub trigger_memcg_id: u64,
    /// kernfs id of the victim's memory cgroup.
    pub victim_memcg_id: u64,
    /// kernfs id of `oom_control.memcg`; 0 with [`kill_valid::OOM_CONTROL`] set means a global OOM.
    pub oc_memcg_id: u64,
    /// `task_struct.start_boottime` of the victim's thread group leader, nanoseconds.
    pub victim_start_boot_ns: u64,
    /// `mm_struct.rss_stat[MM_ANONPAGES]`, pages.
    pub anon_pages: u64,
    /// `mm_struct.rss_stat[MM_FILEPAGES]`, pages.
    pub file_pages: u64,
    /// `mm_struct.rss_stat[MM_SHMEMPAGES]`, pages.
    pub shmem_pages: u64,
    /// `mm_struct.rss_stat[MM_SWAPENTS]`, pages.
    pub swap_entries_pages: u64,
    /// `mm_struct.pgtables_bytes`, bytes.
    pub pgtables_bytes: u64,
    /// `mm_struct.total_vm`, pages.
    pub total_vm_pages: u64,
    /// `oom_control.totalpages`, pages: limit plus usable swap; never a limit, never an RSS.
    pub totalpages: u64,
    /// `oom_control.chosen_points`: badness in pages.
    pub chosen_points: i64,
    /// Thread group of the allocating task.
    pub trigger_tgid: u32,
    /// Thread of the allocating task.
    pub trigger_tid: u32,
    /// Real uid of the allocating task, in the initial user namespace.
    pub trigger_uid: u32,
    /// Thread group of the victim.
    pub victim_tgid: u32,
    /// The thread that was marked; differs from the tgid where the leader has exited.
    pub victim_tid: u32,
    /// The victim's process id in its own pid namespace.
    pub victim_ns_pid: u32,
    /// Real uid of the victim, in the initial user namespace.
    pub victim_uid: u32,
    /// Thread group of the victim's real parent.
    pub parent_tgid: u32,
    /// `signal_struct.nr_threads` of the victim.
    pub threads: u32,
    /// `signal_struct.live` of the victim: threads that have not begun to exit.
    pub live_threads: u32,
    /// `mm_struct.mm_users` of the victim.
    pub mm_users: u32,
    /// `oom_control.gfp_mask`, bits of the running kernel.
    pub gfp_mask: u32,
    /// `oom_control.order`; -1 for sysrq-f.
    pub order: i32,
    /// `oom_control.constraint`, value of `enum oom_constraint`.
    pub constraint: u32,
    /// `signal_struct.oom_score_adj` of the victim.
    pub oom_score_adj: i16,
    /// Always zero.
    pub reserved: [u8; 2],
    /// Running number of the invocation of the OOM killer (from 1): `header.sequence` of its
    /// candidates. 0 where no hook counts them.
    pub oom_sequence: u32,
    /// Tasks that were scored in this invocation, whether or not their record found room.
    pub scored: u32,
    /// For [`KIND_NO_VICTIM`]: invocations like this one since the last that was reported.
    pub repeats: u32,
    /// Name of the allocating task, NUL-padded, any bytes.
    pub trigger_comm: [u8; TASK_COMM_LEN],
    /// Name of the marked thread, NUL-padded, any bytes.
    pub victim_comm: [u8; TASK_COMM_LEN],
    /// Name of the victim's real parent, NUL-padded, any bytes.
    pub parent_comm: [u8; TASK_COMM_LEN],
}

const _: () = assert!(
    size_of::<Kill>() <= 248,
    "a kill must fit its share of the essential ring"
);
const _: () = assert!(size_of::<Kill>().is_multiple_of(8));

/// Bits of [`Candidate::valid`].
pub mod candidate_valid {
    /// `comm`.
    pub const COMM: u32 = 1 << 0;
    /// `uid`.
    pub const UID: u32 = 1 << 1;
    /// `oom_score_adj`.
    pub const ADJ: u32 = 1 << 2;
    /// `anon_pages`, `file_pages`, `shmem_pages`.
    pub const RSS: u32 = 1 << 3;
    /// `swap_entries_pages`.
    pub const SWAP: u32 = 1 << 4;
    /// `pgtables_bytes`.
    pub const PGTABLES: u32 = 1 << 5;
}

/// A task as `oom_evaluate_task()` was about to score it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Candidate {
    /// The record header; `sequence` is the running number of the invocation.
    pub header: RecordHeader,
    /// See [`candidate_valid`].
    pub valid: u32,
    /// Thread group.
    pub tgid: u32,
    /// `mm_struct.rss_stat[MM_ANONPAGES]`, pages.
    pub anon_pages: u64,
    /// `mm_struct.rss_stat[MM_FILEPAGES]`, pages.
    pub file_pages: u64,
    /// `mm_struct.rss_stat[MM_SHMEMPAGES]`, pages.
    pub shmem_pages: u64,
    /// `mm_struct.rss_stat[MM_SWAPENTS]`, pages.
    pub swap_entries_pages: u64,
    /// `mm_struct.pgtables_bytes`, bytes.
    pub pgtables_bytes: u64,
    /// Real uid in the initial user namespace.
    pub uid: u32,
    /// `signal_struct.oom_score_adj`.
    pub oom_score_adj: i16,
    /// Always zero.
    pub reserved: [u8; 2],
    /// Name of the task, NUL-padded, any bytes.
    pub comm: [u8; TASK_COMM_LEN],
}

const _: () = assert!(size_of::<Candidate>().is_multiple_of(8));

/// Whose chain a [`Chain`] is.
pub mod chain_role {
    /// The victim's memory cgroup and its ancestors.
    pub const VICTIM: u16 = 0;
    /// The trigger's memory cgroup and its ancestors, where it is not part of the victim's chain.
    pub const TRIGGER: u16 = 1;
    /// The cgroup whose limit was hit and its ancestors, where there is no victim.
    pub const LIMIT: u16 = 2;
}

/// Bits of [`Chain::flags`].
pub mod chain_flags {
    /// There are more levels than [`crate::limits::CGROUP_LEVELS_MAX`]; those nearest the root are
    /// not here.
    pub const LEVELS_TRUNCATED: u32 = 1 << 0;
    /// The record had no room for all levels; those nearest the root are not here.
    pub const BYTES_TRUNCATED: u32 = 1 << 1;
    /// `swap_*` of the levels count memory plus swap (cgroup v1), not swap alone (v2).
    pub const SWAP_IS_MEMSW: u32 = 1 << 2;
    /// The memory controller is on a cgroup v1 hierarchy.
    pub const CGROUP_V1: u32 = 1 << 3;
}

/// A memory cgroup chain from a task's own cgroup to the root.
///
/// `levels` packed [`Level`]s follow, each at a multiple of eight bytes: the fixed part, then
/// `name_len_bytes` bytes of name, then zeros up to the next multiple of eight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Chain {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// One of [`chain_role`].
    pub role: u16,
    /// How many levels follow.
    pub levels: u16,
    /// See [`chain_flags`].
    pub flags: u32,
}

/// Bits of [`Level::valid`].
pub mod level_valid {
    /// `cgroup_id`.
    pub const ID: u32 = 1 << 0;
    /// `usage_pages`, `max_pages`.
    pub const USAGE: u32 = 1 << 1;
    /// `watermark_pages`.
    pub const WATERMARK: u32 = 1 << 2;
    /// `failcnt`.
    pub const FAILCNT: u32 = 1 << 3;
    /// `high_pages`.
    pub const HIGH: u32 = 1 << 4;
    /// `low_pages`, `min_pages`.
    pub const PROTECTION: u32 = 1 << 5;
    /// `swap_usage_pages`, `swap_max_pages`.
    pub const SWAP: u32 = 1 << 6;
    /// `kmem_usage_pages`.
    pub const KMEM: u32 = 1 << 7;
    /// `events_max`, `events_oom`, `events_oom_kill`.
    pub const EVENTS: u32 = 1 << 8;
    /// The name was read.
    pub const NAME: u32 = 1 << 9;
    /// [`super::level_flags::OOM_GROUP`] means something.
    pub const OOM_GROUP: u32 = 1 << 10;
    /// [`super::level_flags::OOM_LOCK`] means something.
    pub const OOM_LOCK: u32 = 1 << 11;
}

/// Bits of [`Level::flags`].
pub mod level_flags {
    /// `mem_cgroup.oom_group` is set.
    pub const OOM_GROUP: u32 = 1 << 0;
    /// `mem_cgroup.oom_lock` is set: this level is part of a subtree under OOM right now.
    pub const OOM_LOCK: u32 = 1 << 1;
    /// The name is longer than [`crate::limits::CGROUP_NAME_MAX`] and was cut.
    pub const NAME_TRUNCATED: u32 = 1 << 2;
    /// This is the root of its hierarchy; its counters mean nothing.
    pub const ROOT: u32 = 1 << 3;
}

/// One memory cgroup of a chain. Page counts are `page_counter` values; "no limit" is the
/// counter's own maximum and is told apart in user space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Level {
    /// See [`level_valid`].
    pub valid: u32,
    /// See [`level_flags`].
    pub flags: u32,
    /// Bytes of name that follow this structure, NUL not counted.
    pub name_len_bytes: u32,
    /// Always zero.
    pub reserved: u32,
    /// kernfs id: the inode number of the cgroup's directory.
    pub cgroup_id: u64,
    /// `mem_cgroup.memory.usage`.
    pub usage_pages: u64,
    /// `mem_cgroup.memory.max`.
    pub max_pages: u64,
    /// `mem_cgroup.memory.watermark`.
    pub watermark_pages: u64,
    /// `mem_cgroup.memory.high`.
    pub high_pages: u64,
    /// `mem_cgroup.memory.low`.
    pub low_pages: u64,
    /// `mem_cgroup.memory.min`.
    pub min_pages: u64,
    /// `mem_cgroup.swap.usage` (v2) or `mem_cgroup.memsw.usage` (v1).
    pub swap_usage_pages: u64,
    /// `mem_cgroup.swap.max` (v2) or `mem_cgroup.memsw.max` (v1).
    pub swap_max_pages: u64,
    /// `mem_cgroup.kmem.usage` (cgroup v1 only).
    pub kmem_usage_pages: u64,
    /// `mem_cgroup.memory.failcnt`: charges that hit the limit.
    pub failcnt: u64,
    /// `mem_cgroup.memory_events[MEMCG_MAX]`.
    pub events_max: u64,
    /// `mem_cgroup.memory_events[MEMCG_OOM]`.
    pub events_oom: u64,
    /// `mem_cgroup.memory_events[MEMCG_OOM_KILL]`.
    pub events_oom_kill: u64,
}

const _: () = assert!(size_of::<Chain>().is_multiple_of(8));
const _: () = assert!(size_of::<Level>().is_multiple_of(8));

/// Bits of [`VictimContext::valid`].
pub mod context_valid {
    /// The command line was read (as far as `cmdline_len_bytes` says).
    pub const CMDLINE: u32 = 1 << 0;
    /// Reading the command line failed: its pages were not in memory.
    pub const CMDLINE_FAULT: u32 = 1 << 1;
}

/// What only the victim itself could show: its command line, read in its own context while its
/// address space was alive. `cmdline_len_bytes` bytes follow, arguments separated by NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VictimContext {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// Thread group of the victim.
    pub tgid: u32,
    /// See [`context_valid`].
    pub valid: u32,
    /// Bytes of command line that follow.
    pub cmdline_len_bytes: u32,
    /// Length of the whole command line, `mm->arg_end - mm->arg_start`, bytes.
    pub cmdline_total_bytes: u32,
}

const _: () = assert!(size_of::<VictimContext>().is_multiple_of(8));

/// The beginning of a victim's environment, `NAME=value` separated by NUL, in `len_bytes` bytes that
/// follow; read in the victim's own context. Nothing is sent where it could not be read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VictimEnviron {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// Thread group of the victim.
    pub tgid: u32,
    /// Bytes of environment that follow.
    pub len_bytes: u32,
    /// Length of the whole environment, `mm->env_end - mm->env_start`, bytes.
    pub total_bytes: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<VictimEnviron>().is_multiple_of(8));

/// A victim's process is gone: its last thread has exited.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Outcome {
    /// The record header; `boot_ns` is the time of the exit, `sequence` that of the kill.
    pub header: RecordHeader,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// `task_struct.start_boottime` of the thread group leader, as in the kill record.
    pub start_boot_ns: u64,
    /// Thread group that died.
    pub tgid: u32,
    /// `signal_struct.group_exit_code` (or the last thread's exit code).
    pub exit_code: u32,
}

const _: () = assert!(size_of::<Outcome>().is_multiple_of(8));

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
