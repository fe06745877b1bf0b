//! A mark: whether it is a kill, and everything that is known of it at that moment.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_log_ebpf::debug;
use oomtrace_common::record::{KIND_KILL, Kill, counter, kill_valid};

use crate::collect::{
    chain, exe, follow, invocation, node_memory, on_stack, summed_rss, trigger, victim,
    victim_context,
};
use crate::maps::count;
use crate::memcg::Memcg;
use crate::oom_control::OomControl;
use crate::scratch::{self, Hook};
use crate::state::{next_sequence, state};
use crate::task::Task;
use crate::victims::VICTIMS;
use crate::{emit, proof};

/// Handles `mark_oom_victim(task)`, on kernels whose tracepoint does not hand over the task. The
/// function is also called for threads that bear the mark already; those are passed over.
#[inline(always)]
pub fn marking<C: EbpfContext>(ctx: &C, victim: Task) {
    let (Some(tgid), Some(state)) = (victim.tgid(), state()) else {
        return;
    };
    if state.armed_tgid == tgid || VICTIMS.get_ptr(&tgid).is_none() {
        marked(ctx, victim);
    }
}

/// Handles a mark of which the task is known.
#[inline(always)]
pub fn marked<C: EbpfContext>(ctx: &C, victim: Task) {
    let (Some(tgid), Some(tid), Some(state)) = (victim.tgid(), victim.tid(), state()) else {
        return;
    };
    // Before the proof, which looks through the stack: the SIGKILL was sent, and on another CPU the
    // victim is on its way.
    let late = state.armed_tgid != tgid;
    if late {
        follow::arm(victim);
    }
    let Some(begun) = begin(ctx, tgid, Some(victim)) else {
        follow::disarm(state);
        return;
    };
    let kill = begun.kill;
    kill.victim_tgid = tgid;
    kill.victim_tid = tid;
    if let Some(comm) = victim.comm() {
        kill.victim_comm = comm;
        kill.valid |= kill_valid::VICTIM;
    }
    victim::identity(kill, victim);
    if let Some(threads) = victim.threads() {
        kill.threads = threads;
        kill.valid |= kill_valid::THREADS;
    }
    victim::memory(kill, victim);
    if let Some(memcg) = victim.memcg() {
        chain::send_both(kill, memcg, begun.trigger_memcg);
    }
    if let Some(mm) = victim.mm() {
        exe::send(kill, mm);
        summed_rss::send(kill, mm);
    }
    if let Some(oc) = begun.oom_control {
        node_memory::send(kill, oc);
    }
    follow::marked(kill, victim, late);
    if kill.trigger_tgid == tgid {
        // The victim itself asked for the memory: its own is at hand here and now.
        victim_context::take(victim, Hook::Mark);
    }
    debug!(
        ctx,
        "kill {} of process {} thread {}", kill.header.sequence, tgid, tid
    );
    emit::kill(kill);
}

/// A kill whose record is being filled.
pub struct Begun {
    /// The record.
    pub kill: &'static mut Kill,
    /// The trigger's memory cgroup.
    pub trigger_memcg: Option<Memcg>,
    /// The arguments of the invocation, where they are known.
    pub oom_control: Option<OomControl>,
}

/// What every kill has: its proof, its number, and the trigger, which is current. Nothing for a
/// mere mark.
#[inline(always)]
pub fn begin<C: EbpfContext>(ctx: &C, victim_tgid: u32, victim: Option<Task>) -> Option<Begun> {
    let trigger_tid = bpf_get_current_pid_tgid() as u32;
    let Some(proof) = proof::is_kill(ctx, trigger_tid, victim_tgid) else {
        count(counter::MERE_MARKS);
        debug!(
            ctx,
            "mark of {} by thread {} is no kill", victim_tgid, trigger_tid
        );
        return None;
    };
    let kill = scratch::kill()?;
    *kill = Kill {
        header: emit::header(
            KIND_KILL,
            size_of::<Kill>() as u32,
            emit::now_boot_ns(),
            next_sequence(),
        ),
        flags: proof,
        ..Kill::default()
    };
    let mut oom_control = None;
    if let Some(state) = state()
        && let Some(oc) = invocation::of_current(state, trigger_tid)
    {
        kill.oom_sequence = state.oom_sequence;
        kill.scored = state.oom_scored;
        oom_control = Some(oc);
    } else if let Some(victim) = victim {
        oom_control = on_stack::find(victim);
    }
    if let Some(oc) = oom_control {
        oc.fill(kill);
    }
    let trigger_memcg = trigger::fill(kill);
    Some(Begun {
        kill,
        trigger_memcg,
        oom_control,
    })
}
