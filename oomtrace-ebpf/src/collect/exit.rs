//! The exit hook: the victim's context, processes that shared its address space, its end.

use oomtrace_common::record::{
    KIND_OUTCOME, KIND_SHARED_KILL, Kill, Outcome, kill_flags, kill_valid,
};

use crate::{
    collect::{follow::add_outstanding, kill::scratch, signal::SIGKILL, victim_context},
    emit,
    globals::EXIT_HAS_MM,
    maps::{Followed, SCRATCH_SHARER, SHARED_MM_NS_MAX, SHARED_MMS, SHARERS_TOLD, STATE, VICTIMS},
    memcg::Memcg,
    task::Task,
};

/// Handles the exit of `task`, which is current, while any victim is being followed.
#[inline(always)]
pub fn exiting(task: Task) {
    let Some(tgid) = task.tgid() else { return };
    let Some(followed) = VICTIMS.get_ptr(&tgid) else {
        if EXIT_HAS_MM.load() != 0 {
            maybe_sharer(task, tgid);
        }
        return;
    };
    // SAFETY: an element of a map, copied at once.
    let followed = unsafe { *followed };
    if EXIT_HAS_MM.load() != 0 {
        victim_context::take(task);
    }
    if task.live_threads() == Some(0) {
        gone(task, tgid, &followed);
    }
}

/// Handles a SIGKILL that `task`, which is current, is about to act on, on kernels whose exit hook
/// comes too late for the address space.
#[inline(always)]
pub fn killed(task: Task) {
    let Some(tgid) = task.tgid() else { return };
    if VICTIMS.get_ptr(&tgid).is_some() {
        victim_context::take(task);
    } else {
        maybe_sharer(task, tgid);
    }
}

/// The last thread of a victim exits.
#[inline(always)]
fn gone(task: Task, tgid: u32, followed: &Followed) {
    let code = match task.group_exit_code() {
        Some(0) | None => task.exit_code(),
        code => code,
    };
    emit::outcome(&Outcome {
        header: emit::header(
            KIND_OUTCOME,
            size_of::<Outcome>() as u32,
            emit::now_boot_ns(),
            followed.sequence,
        ),
        marked_boot_ns: followed.marked_boot_ns,
        start_boot_ns: followed.start_boot_ns,
        tgid,
        exit_code: code.unwrap_or(0),
    });
    if VICTIMS.remove(&tgid).is_ok()
        && let Some(state) = STATE.get_ptr_mut(0)
    {
        // SAFETY: an element of a map; the counter is changed atomically.
        add_outstanding(unsafe { &mut *state }, -1);
    }
}

/// A process that is no victim of its own dies: was it killed because it used a victim's address
/// space? `task` is current, and its address space is still there.
#[inline(always)]
pub fn maybe_sharer(task: Task, tgid: u32) {
    let Some(mm) = task.mm() else { return };
    let Some(followed) = SHARED_MMS.get_ptr(&mm.0) else {
        return;
    };
    // SAFETY: an element of a map, copied at once.
    let followed = unsafe { *followed };
    if followed.tgid == tgid {
        return;
    }
    let Some(start) = task.leader().and_then(Task::start_boot_ns) else {
        return;
    };
    // The address of an mm_struct is used again for other processes: only one that lived at the
    // time of the mark, soon after it, is meant.
    if emit::now_boot_ns() - followed.marked_boot_ns > SHARED_MM_NS_MAX {
        let _ = SHARED_MMS.remove(&mm.0);
        return;
    }
    if start > followed.marked_boot_ns
        || task.group_exit_code().map(|code| code & 0x7f) != Some(SIGKILL as u32)
    {
        return;
    }
    // Every thread of it comes by; the first is enough.
    if SHARERS_TOLD.get_ptr(&tgid).is_none() {
        let _ = SHARERS_TOLD.insert(&tgid, &followed.sequence, 0);
        send_sharer(task, tgid, start, &followed);
    }
}

/// Reports a process that died because it shared the address space of `followed`.
#[inline(always)]
pub fn send_sharer(task: Task, tgid: u32, start_boot_ns: u64, followed: &Followed) {
    let Some(kill) = scratch(SCRATCH_SHARER) else {
        return;
    };
    *kill = Kill {
        header: emit::header(
            KIND_SHARED_KILL,
            size_of::<Kill>() as u32,
            followed.marked_boot_ns,
            followed.sequence,
        ),
        victim_tgid: tgid,
        victim_start_boot_ns: start_boot_ns,
        valid: kill_valid::START,
        flags: kill_flags::MM_MAYBE_SHARED,
        ..Kill::default()
    };
    let leader = task.leader();
    kill.victim_tid = tgid;
    if let Some(comm) = leader.and_then(Task::comm) {
        kill.victim_comm = comm;
        kill.valid |= kill_valid::VICTIM;
    }
    if let Some(pid) = task.ns_pid() {
        kill.victim_ns_pid = pid;
        kill.valid |= kill_valid::NS_PID;
    }
    if let Some(uid) = task.uid() {
        kill.victim_uid = uid;
        kill.valid |= kill_valid::VICTIM_UID;
    }
    if let Some(adj) = task.oom_score_adj() {
        kill.oom_score_adj = adj;
        kill.valid |= kill_valid::ADJ;
    }
    if let Some(parent) = task.parent()
        && let (Some(tgid), Some(comm)) = (parent.tgid(), parent.comm())
    {
        kill.parent_tgid = tgid;
        kill.parent_comm = comm;
        kill.valid |= kill_valid::PARENT;
    }
    if let Some(id) = task.memcg().and_then(Memcg::id) {
        kill.victim_memcg_id = id;
        kill.valid |= kill_valid::VICTIM_MEMCG;
    }
    emit::kill(kill);
}
