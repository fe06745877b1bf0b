//! State that outlives a program run.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;

/// The one [`State`].
#[map]
pub static STATE: Array<State> = Array::with_max_entries(1, 0);

/// What marks leave for each other. All of it is written under the kernel's `oom_lock`, so plain
/// stores do, except for what is said to be another hook's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct State {
    /// `struct oom_control` of the invocation that is running, 0 if none is known to.
    pub oom_control: u64,
    /// Thread that runs it.
    pub oom_tid: u32,
    /// Running number of the invocation.
    pub oom_sequence: u32,
    /// Tasks scored in it.
    pub oom_scored: u32,
    /// Running number of the last mark.
    pub sequence: u32,
    /// Thread that sent the last SIGKILL of the OOM killer's kind, until a mark consumes it.
    /// Written by the signal hook.
    pub signal_from_tid: u32,
    /// Thread group it was sent to. Written by the signal hook.
    pub signal_to_tgid: u32,
    /// Victim that is about to be sent its SIGKILL, until its mark takes it up.
    pub armed_tgid: u32,
    /// Threads of that victim, before any of them could exit.
    pub armed_threads: u32,
    /// When an invocation without a victim was last reported.
    pub no_victim_boot_ns: u64,
    /// kernfs id of the limiting cgroup of that one.
    pub no_victim_memcg_id: u64,
    /// Invocations without a victim since then.
    pub no_victim_repeats: u32,
    /// Always zero.
    pub reserved: u32,
    /// Return address inside `__oom_kill_process` that the last proof rested on.
    pub kill_return_address: u64,
}

/// The state.
#[inline(always)]
pub fn state() -> Option<&'static mut State> {
    // SAFETY: an element of a map lives as long as the program; see [`State`] for who writes it.
    STATE.get_ptr_mut(0).map(|state| unsafe { &mut *state })
}

/// The next running number of a mark.
#[inline(always)]
pub fn next_sequence() -> u32 {
    let Some(state) = state() else { return 0 };
    state.sequence += 1;
    state.sequence
}
