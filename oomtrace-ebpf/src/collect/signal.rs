//! The signal hook, where it has to serve as the proof of a kill.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use oomtrace_common::switch::kill_proof;

use crate::{
    collect::exit::send_sharer,
    globals::{EXIT_HAS_MM, KILL_PROOF},
    maps::{Followed, STATE},
    task::Task,
};

/// The signal of the OOM killer.
pub const SIGKILL: i32 = 9;

/// `SEND_SIG_PRIV`, the pointer value that `__oom_kill_process()` passes.
const SEND_SIG_PRIV: u64 = 1;

/// `TRACE_SIGNAL_DELIVERED`.
const DELIVERED: i32 = 0;

/// Handles a SIGKILL that current sends to `target`.
#[inline(always)]
pub fn generated(info: u64, target: Task, result: i32) {
    if info != SEND_SIG_PRIV || KILL_PROOF.load() != kill_proof::SIGNAL {
        return;
    }
    let Some(tgid) = target.tgid() else { return };
    let Some(state) = STATE.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: an element of a map. Two senders can overwrite each other's note; the mark then
    // counts as a mere mark, which the reconciliation with /proc/vmstat shows as a gap.
    let state = unsafe { &mut *state };
    let tid = bpf_get_current_pid_tgid() as u32;

    // A container's PID 1 sends the same signal to its whole pid namespace when it dies: only the
    // trigger of the mark, and only the same address space, make a sharer.
    let same_mm = match target.mm() {
        Some(mm) => state.last_mm != 0 && mm.0 == state.last_mm,
        None => false,
    };
    if EXIT_HAS_MM.load() == 0
        && same_mm
        && tid == state.last_trigger_tid
        && tgid != state.last_tgid
        && result == DELIVERED
        && let Some(start) = target.leader().and_then(Task::start_boot_ns)
    {
        let followed = Followed {
            marked_boot_ns: state.last_marked_boot_ns,
            start_boot_ns: 0,
            sequence: state.sequence,
            tgid: state.last_tgid,
            context_taken: 1,
            reserved: 0,
        };
        send_sharer(target, tgid, start, &followed);
        return;
    }
    state.signal_from_tid = tid;
    state.signal_to_tgid = tgid;
}
