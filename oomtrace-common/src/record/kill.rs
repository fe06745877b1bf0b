//! One kill: the trigger, the victim and the OOM killer's own figures.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;
use crate::limits::TASK_COMM_LEN;

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

/// One kill, at the moment of `mark_oom_victim()`.
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
    /// For [`super::KIND_NO_VICTIM`]: invocations like this one since the last that was reported.
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
