//! The signal hook, where it has to serve as the proof of a kill.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use oomtrace_common::switch::kill_proof;

use crate::globals::KILL_PROOF;
use crate::state::state;
use crate::task::Task;

/// The signal of the OOM killer.
pub const SIGKILL: i32 = 9;

/// `SEND_SIG_PRIV`, the pointer value that `__oom_kill_process()` passes.
const SEND_SIG_PRIV: u64 = 1;

/// Handles a SIGKILL that current sends to `target`.
#[inline(always)]
pub fn generated(info: u64, target: Task) {
    if info != SEND_SIG_PRIV || KILL_PROOF.load() != kill_proof::SIGNAL {
        return;
    }
    let Some(tgid) = target.tgid() else { return };
    let Some(state) = state() else { return };
    // Two senders can overwrite each other's note; the mark then counts as a mere mark, which the
    // reconciliation with /proc/vmstat shows as a gap.
    let tid = bpf_get_current_pid_tgid() as u32;

    state.signal_from_tid = tid;
    state.signal_to_tgid = tgid;
}
