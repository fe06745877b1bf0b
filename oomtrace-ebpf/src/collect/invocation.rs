//! An invocation of the OOM killer: what it was for, and whether it found nothing.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use oomtrace_common::record::{KIND_NO_VICTIM, Kill, chain_role};

use crate::collect::follow::disarm;
use crate::collect::{chain, trigger};
use crate::memcg::Memcg;
use crate::oom_control::OomControl;
use crate::state::{State, next_sequence, state};
use crate::{emit, scratch};

/// Invocations without a victim come in loops, thousands a second: one a second is reported.
const NO_VICTIM_NS_MIN: u64 = 1_000_000_000;

/// `out_of_memory(oc)` begins. Runs in the trigger's context with `oom_lock` held.
#[inline(always)]
pub fn begins(oom_control: u64) {
    let Some(state) = state() else { return };
    state.oom_control = oom_control;
    state.oom_tid = bpf_get_current_pid_tgid() as u32;
    state.oom_sequence += 1;
    state.oom_scored = 0;
}

/// `out_of_memory()` ends.
#[inline(always)]
pub fn ends() {
    let Some(state) = state() else { return };
    if state.oom_tid == bpf_get_current_pid_tgid() as u32
        && let Some(oc) = OomControl::new(state.oom_control)
        && oc.chosen() == Some(0)
        // It also ends early with nothing chosen: the trigger is dying, or somebody gave memory
        // back. Then the domain was never looked at.
        && oc.totalpages().is_some_and(|pages| pages != 0)
        && state.oom_scored > 0
    {
        no_victim(state, oc);
    }
    disarm(state);
    state.oom_control = 0;
}

/// The `oom_control` of the invocation that current runs.
#[inline(always)]
pub fn of_current(state: &State, tid: u32) -> Option<OomControl> {
    if state.oom_tid != tid {
        return None;
    }
    OomControl::new(state.oom_control)
}

#[inline(always)]
fn no_victim(state: &mut State, oc: OomControl) {
    let now = emit::now_boot_ns();
    let memcg = oc.memcg();
    let memcg_id = memcg.and_then(Memcg::id).unwrap_or(0);
    if memcg_id == state.no_victim_memcg_id && now - state.no_victim_boot_ns < NO_VICTIM_NS_MIN {
        state.no_victim_repeats += 1;
        return;
    }
    if memcg_id != state.no_victim_memcg_id {
        // Those that were not reported were another cgroup's.
        state.no_victim_repeats = 0;
    }
    let Some(kill) = scratch::kill() else {
        return;
    };
    let sequence = next_sequence();
    *kill = Kill {
        header: emit::header(KIND_NO_VICTIM, size_of::<Kill>() as u32, now, sequence),
        oom_sequence: state.oom_sequence,
        scored: state.oom_scored,
        repeats: state.no_victim_repeats,
        ..Kill::default()
    };
    trigger::fill(kill);
    oc.fill(kill);
    if let Some(memcg) = memcg {
        chain::send_one(kill, chain_role::LIMIT, memcg);
    }
    emit::kill_record(kill);
    state.no_victim_boot_ns = now;
    state.no_victim_memcg_id = memcg_id;
    state.no_victim_repeats = 0;
}
