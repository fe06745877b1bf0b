//! Following a victim from its SIGKILL, or from its mark, until it is gone.

use oomtrace_common::record::{Kill, counter, kill_flags};

use crate::emit;
use crate::maps::count;
use crate::state::{State, state};
use crate::task::Task;
use crate::victims::{self, Followed, REAPABLE, Reapable};

/// Handles `__oom_kill_process(victim, message)`: the SIGKILL is about to be sent, so the victim is
/// followed from here. On another CPU it may be past its exit hook by the time of its mark.
#[inline(always)]
pub fn arm(victim: Task) {
    let (Some(state), Some(tgid)) = (state(), victim.tgid()) else {
        return;
    };
    disarm(state);
    if victims::of(victim, tgid).is_some() {
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
    if victims::follow(&followed) {
        state.armed_tgid = tgid;
        state.armed_threads = victim.threads().unwrap_or(0);
    }
}

/// Forgets a victim that was never marked: it had no memory left to be killed for.
#[inline(always)]
pub fn disarm(state: &mut State) {
    if state.armed_tgid != 0 {
        victims::forget(state.armed_tgid);
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
            unless_past_exit(kill, victim);
        }
    } else if victims::follow(&followed) {
        unless_past_exit(kill, victim);
    } else {
        kill.flags |= kill_flags::NOT_FOLLOWED;
        count(counter::NOT_FOLLOWED);
    }
    let Some(mm) = victim.mm() else { return };
    let reapable = Reapable { followed, mm: mm.0 };
    // A failure loses what the reaper did, not the kill.
    let _ = REAPABLE.insert(&kill.victim_tid, &reapable, 0);
    if kill.flags & kill_flags::MM_MAYBE_SHARED != 0 {
        victims::expect_sharers(mm.0, &followed);
    }
}

/// The SIGKILL was sent before the victim was followed: on another CPU the last thread may have passed
/// the exit hook already, and nothing but its age would take the entry out again.
#[inline(always)]
fn unless_past_exit(kill: &mut Kill, victim: Task) {
    if victim.live_threads() == Some(0) && victims::forget(kill.victim_tgid) {
        kill.flags |= kill_flags::PAST_EXIT;
    }
}
