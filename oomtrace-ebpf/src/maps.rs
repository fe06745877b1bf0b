//! Every map, with its size and who empties it. All are allocated when the object is loaded:
//! nothing is allocated while the system is out of memory.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use oomtrace_common::{
    limits::{
        CANDIDATE_RING_BYTES, CHAIN_BYTES_MAX, CMDLINE_MAX, DETAIL_RING_BYTES, ENVIRON_MAX,
        ESSENTIAL_RING_BYTES, LOST_KILLS_KEPT, OUTSTANDING_VICTIMS_MAX,
    },
    record::{Kill, LostKill, VictimContext, VictimEnviron, counter},
};

/// Kills. If it is full, a kill is counted and a trace of it kept in [`LOST_KILLS`].
#[map]
pub static ESSENTIAL: RingBuf = RingBuf::with_byte_size(ESSENTIAL_RING_BYTES, 0);

/// Chains, contexts, outcomes. If it is full, the kill they belong to is still reported.
#[map]
pub static DETAIL: RingBuf = RingBuf::with_byte_size(DETAIL_RING_BYTES, 0);

/// Candidates. If it is full, the list is cut and the number of those scored still known.
#[map]
pub static CANDIDATES: RingBuf = RingBuf::with_byte_size(CANDIDATE_RING_BYTES, 0);

/// What could not be sent, and what was seen: see [`counter`].
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT, 0);

/// The last kills that found no room in [`ESSENTIAL`].
#[map]
pub static LOST_KILLS: Array<LostKill> = Array::with_max_entries(LOST_KILLS_KEPT as u32, 0);

/// Victims between their mark and the exit of their last thread, by tgid.
#[map]
pub static VICTIMS: HashMap<u32, Followed> = HashMap::with_max_entries(OUTSTANDING_VICTIMS_MAX, 0);

/// Address spaces of victims that others may share, by address. The oldest make room for new ones;
/// the address means something only for [`SHARED_MM_NS_MAX`] anyway.
#[map]
pub static SHARED_MMS: LruHashMap<u64, Followed> = LruHashMap::with_max_entries(1024, 0);

/// Processes that were told of as sharers already, by tgid: each of their threads comes by.
#[map]
pub static SHARERS_TOLD: LruHashMap<u32, u32> = LruHashMap::with_max_entries(256, 0);

/// How long after the mark a sharer of the victim's address space is still taken for one.
pub const SHARED_MM_NS_MAX: u64 = 30_000_000_000;

/// State that outlives a program run.
#[map]
pub static STATE: Array<State> = Array::with_max_entries(1, 0);

/// Where kills are put together before they are sent; they would not fit the stack. One for each
/// hook that does, because one hook may interrupt the other.
#[map]
pub static KILL_SCRATCH: PerCpuArray<Kill> = PerCpuArray::with_max_entries(2, 0);

/// Index into [`KILL_SCRATCH`] for marks.
pub const SCRATCH_MARK: u32 = 0;
/// Index into [`KILL_SCRATCH`] for processes that shared a victim's address space.
pub const SCRATCH_SHARER: u32 = 1;

/// Where chains, the node's memory and paths are put together before they are sent, one after the
/// other.
#[map]
pub static DETAIL_SCRATCH: PerCpuArray<DetailScratch> = PerCpuArray::with_max_entries(1, 0);

/// Nothing is kept in it: it tells where each processor's own memory lies, see
/// `collect::summed_rss`.
#[map]
pub static PERCPU_BASE: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Victims that the reaper may come for, by the thread that was marked. The oldest make room for
/// new ones.
#[map]
pub static REAPABLE: LruHashMap<u32, Reapable> =
    LruHashMap::with_max_entries(OUTSTANDING_VICTIMS_MAX, 0);

/// Where contexts are put together before they are sent.
#[map]
pub static CONTEXT_SCRATCH: PerCpuArray<ContextScratch> = PerCpuArray::with_max_entries(1, 0);

/// Where environments are put together before they are sent.
#[map]
pub static ENVIRON_SCRATCH: PerCpuArray<EnvironScratch> = PerCpuArray::with_max_entries(1, 0);

/// Where the kernel stack is put while it is looked through.
#[map]
pub static STACK_SCRATCH: PerCpuArray<[u64; STACK_FRAMES]> = PerCpuArray::with_max_entries(1, 0);

/// A piece of the trigger's kernel stack, see `collect::on_stack`.
#[map]
pub static STACK_PIECE: PerCpuArray<[u64; STACK_PIECE_WORDS]> = PerCpuArray::with_max_entries(1, 0);

/// Words of such a piece.
pub const STACK_PIECE_WORDS: usize = 64;

/// Frames of kernel stack that are looked through; `__oom_kill_process` is within the first ten.
pub const STACK_FRAMES: usize = 24;

/// A victim that is being followed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Followed {
    /// When it was marked.
    pub marked_boot_ns: u64,
    /// Start of its thread group leader.
    pub start_boot_ns: u64,
    /// Running number of the mark.
    pub sequence: u32,
    /// Thread group.
    pub tgid: u32,
    /// 1 once its context was taken (or tried and failed for good).
    pub context_taken: u32,
    /// Always zero.
    pub reserved: u32,
}

/// A victim as the reaper finds it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Reapable {
    /// Who it is.
    pub followed: Followed,
    /// Address of its `mm_struct`, which its `signal_struct` keeps until it is gone too.
    pub mm: u64,
}

/// See [`STATE`]. Marks are serialised by the kernel's `oom_lock`, so plain stores do for all but
/// `outstanding`, which exits change too.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct State {
    /// Victims that are being followed; the exit hook does nothing while it is 0.
    pub outstanding: u64,
    /// Running number of the last mark.
    pub sequence: u32,
    /// Thread that sent the last SIGKILL of the OOM killer's kind, until a mark consumes it.
    pub signal_from_tid: u32,
    /// Thread group it was sent to.
    pub signal_to_tgid: u32,
    /// Always zero.
    pub reserved: u32,
    /// Victim that is about to be sent its SIGKILL, until its mark takes it up.
    pub armed_tgid: u32,
    /// Threads of that victim, before any of them could exit.
    pub armed_threads: u32,
    /// `struct oom_control` of the invocation that is running, 0 if none is known to.
    pub oom_control: u64,
    /// Thread that runs it.
    pub oom_tid: u32,
    /// Running number of the invocation.
    pub oom_sequence: u32,
    /// Tasks scored in it.
    pub oom_scored: u32,
    /// Invocations without a victim since the last that was reported.
    pub no_victim_repeats: u32,
    /// When one without a victim was last reported.
    pub no_victim_boot_ns: u64,
    /// kernfs id of the limiting cgroup of that one.
    pub no_victim_memcg_id: u64,
    /// Until when processes that shared a victim's address space may still exit; 0 if there are
    /// none.
    pub sharers_until_boot_ns: u64,
    /// Return address inside `__oom_kill_process` that the last proof rested on.
    pub kill_return_address: u64,
}

/// Room for a chain, and behind it for one whole level more, so that a bound checked before a
/// level is written holds for all of it. The others are smaller.
#[repr(C, align(8))]
pub struct DetailScratch(pub [u8; CHAIN_BYTES_MAX + 1024]);

/// Room for a context with its command line, likewise.
#[repr(C, align(8))]
pub struct ContextScratch {
    /// The fixed part.
    pub context: VictimContext,
    /// The command line.
    pub cmdline: [u8; CMDLINE_MAX],
}

/// An environment and what stands before it.
#[repr(C)]
pub struct EnvironScratch {
    /// The fixed part.
    pub environ: VictimEnviron,
    /// The variables.
    pub bytes: [u8; ENVIRON_MAX],
}

/// Whether an exit may be the aftermath of a kill: a victim is being followed, or a process that
/// shared a victim's address space may still be there.
#[inline(always)]
pub fn is_following() -> bool {
    let Some(state) = STATE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: an element of a map. Exits on other CPUs may put the time limit back to 0 as well.
    let state = unsafe { &mut *state };
    if state.outstanding != 0 {
        return true;
    }
    if state.sharers_until_boot_ns == 0 {
        return false;
    }
    if crate::emit::now_boot_ns() > state.sharers_until_boot_ns {
        state.sharers_until_boot_ns = 0;
        return false;
    }
    true
}

/// Adds to one of [`counter`]'s counters.
#[inline(always)]
pub fn count(which: u32) {
    if let Some(value) = COUNTERS.get_ptr_mut(which) {
        // SAFETY: the element is this CPU's own and programs do not migrate while they run.
        unsafe { *value += 1 };
    }
}
