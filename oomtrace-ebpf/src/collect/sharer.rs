//! Processes that die because they use a victim's address space: the kernel kills them too, and
//! marks and logs only one of them.

use oomtrace_common::record::{KIND_SHARED_KILL, Kill, kill_flags, kill_valid};

use crate::collect::signal::SIGKILL;
use crate::collect::victim;
use crate::emit;
use crate::scratch::{self, SHARER_SCRATCH};
use crate::task::Task;
use crate::victims::{Followed, SHARED_MM_NS_MAX, SHARED_MMS, SHARERS_REPORTED};

/// Handles the end of a process that is no victim of its own: was it killed because it used a
/// victim's address space? `task` is current, and its address space is still there.
#[inline(always)]
pub fn exiting(task: Task, tgid: u32) {
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
    // Every thread of it comes by; the first is enough. A process id may be used again, but not by a
    // process that lived at the time of the same mark.
    // SAFETY: an element of a map, copied at once.
    let reported = SHARERS_REPORTED.get_ptr(&tgid).map(|mark| unsafe { *mark });
    if reported != Some(followed.sequence) {
        let _ = SHARERS_REPORTED.insert(&tgid, &followed.sequence, 0);
        send(task, tgid, &followed);
    }
}

/// Sends a process that died because it shared the address space of `followed`.
#[inline(always)]
fn send(task: Task, tgid: u32, followed: &Followed) {
    let Some(mut claim) = scratch::claim(&SHARER_SCRATCH, 0) else {
        return;
    };
    let kill: &mut Kill = &mut claim;
    *kill = Kill {
        header: emit::header(
            KIND_SHARED_KILL,
            size_of::<Kill>() as u32,
            followed.marked_boot_ns,
            followed.sequence,
        ),
        victim_tgid: tgid,
        victim_tid: tgid,
        flags: kill_flags::MM_MAYBE_SHARED,
        ..Kill::default()
    };
    if let Some(comm) = task.leader().and_then(Task::comm) {
        kill.victim_comm = comm;
        kill.valid |= kill_valid::VICTIM;
    }
    victim::identity(kill, task);
    emit::kill(kill);
}
