//! Rings, counters, and what the stack is read into. All maps, also those of `scratch`, `state` and
//! `victims`, are allocated when the object is loaded: nothing is allocated while the system is out of
//! memory.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuArray, RingBuf};
use oomtrace_common::limits::{
    CANDIDATE_RING_BYTES, DETAIL_RING_BYTES, ESSENTIAL_RING_BYTES, LOST_KILLS_KEPT,
};
use oomtrace_common::record::{LostKill, counter};

use crate::atomic;

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

/// Nothing is kept in it: it shows where each processor's own memory lies, see
/// `collect::summed_rss`.
#[map]
pub static PERCPU_BASE: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

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

/// Adds to one of [`counter`]'s counters.
#[inline(always)]
pub fn count(which: u32) {
    if let Some(value) = COUNTERS.get_ptr_mut(which) {
        // SAFETY: an element of a map. It is this CPU's own, but a program that preempts this one may
        // count too.
        unsafe { atomic::add(value, 1) };
    }
}
