//! Following a victim from its SIGKILL, or from its mark, until it is gone.

use oomtrace_common::record::{Kill, counter, kill_flags};

use crate::{
    collect::kill::state,
    emit,
    maps::{Followed, REAPABLE, Reapable, SHARED_MM_NS_MAX, SHARED_MMS, State, VICTIMS, count},
    task::Task,
};

/// Handles `__oom_kill_process(victim, message)`: the SIGKILL is about to be sent, so the victim is
/// followed from here. On another CPU it may be past its exit hook by the time of its mark.
#[inline(always)]
pub fn arm(victim: Task) {
    let (Some(state), Some(tgid)) = (state(), victim.tgid()) else {
        return;
    };
    disarm(state);
    if VICTIMS.get_ptr(&tgid).is_some() {
        return;
    }
    let followed = Followed {
        marked_boot_ns: emit::now_boot_ns(),
        start_boot_ns: victim.leader().and_then(Task::start_boot_ns).unwrap_or(0),
        // Marks are serialised, so the next one is this victim's.
        sequence: state.sequence + 1,
        tgid,
        context_taken: 0,
        reserved: 0,
    };
    if VICTIMS.insert(&tgid, &followed, 0).is_ok() {
        add_outstanding(state, 1);
        state.armed_tgid = tgid;
        state.armed_threads = victim.threads().unwrap_or(0);
    }
}

/// Forgets a victim that was never marked: it had no memory left to be killed for.
#[inline(always)]
pub fn disarm(state: &mut State) {
    if state.armed_tgid != 0 {
        if VICTIMS.remove(&state.armed_tgid).is_ok() {
            add_outstanding(state, -1);
        }
        state.armed_tgid = 0;
    }
}

/// Remembers a victim that was marked, until its last thread has exited. `late`: it was armed when its
/// SIGKILL had been sent.
#[inline(always)]
pub fn marked(kill: &mut Kill, victim: Task, late: bool) {
    let Some(state) = state() else { return };
    let followed = Followed {
        marked_boot_ns: kill.header.boot_ns,
        start_boot_ns: kill.victim_start_boot_ns,
        sequence: kill.header.sequence,
        tgid: kill.victim_tgid,
        context_taken: 0,
        reserved: 0,
    };
    if state.armed_tgid == kill.victim_tgid {
        // It is followed already, or even gone.
        state.armed_tgid = 0;
        if state.armed_threads != 0 {
            kill.threads = state.armed_threads;
        }
        if late {
            unless_past_exit(kill, victim, state);
        }
    } else {
        from_mark(kill, victim, state, &followed);
    }
    let Some(mm) = victim.mm() else { return };
    let reapable = Reapable { followed, mm: mm.0 };
    // A failure loses the reaper's story, not the kill.
    let _ = REAPABLE.insert(&kill.victim_tid, &reapable, 0);
    if kill.flags & kill_flags::MM_MAYBE_SHARED != 0 {
        state.sharers_until_boot_ns = kill.header.boot_ns + SHARED_MM_NS_MAX;
        // A failure loses sharers, not the kill itself; the flag above says there may be some.
        let _ = SHARED_MMS.insert(&mm.0, &followed, 0);
    }
}

#[inline(always)]
fn from_mark(kill: &mut Kill, victim: Task, state: &mut State, followed: &Followed) {
    let known = VICTIMS.get_ptr(&kill.victim_tgid).is_some();
    if VICTIMS.insert(&kill.victim_tgid, followed, 0).is_err() {
        kill.flags |= kill_flags::NOT_FOLLOWED;
        count(counter::NOT_FOLLOWED);
        return;
    }
    if !known {
        add_outstanding(state, 1);
    }
    unless_past_exit(kill, victim, state);
}

/// The SIGKILL was sent before the victim was followed: on another CPU the last thread may have passed
/// the exit hook already, and nothing would ever take the entry out again.
#[inline(always)]
fn unless_past_exit(kill: &mut Kill, victim: Task, state: &mut State) {
    if victim.live_threads() == Some(0) && VICTIMS.remove(&kill.victim_tgid).is_ok() {
        add_outstanding(state, -1);
        kill.flags |= kill_flags::PAST_EXIT;
    }
}

/// Changes the number of followed victims; exits on other CPUs change it at the same time.
#[inline(always)]
pub fn add_outstanding(state: &mut State, by: i64) {
    let counter = &raw mut state.outstanding;
    // The generic bpf target has no atomics in core; this one instruction is all that is needed.
    // SAFETY: adds to an aligned u64 inside a map value, which only this instruction changes.
    unsafe {
        core::arch::asm!("lock *(u64 *)({counter} + 0) += {by}", counter = in(reg) counter, by = in(reg) by);
    }
}
