//! What only the victim itself can show, while its address space is still there.

use oomtrace_common::limits::{CMDLINE_MAX, DETAIL_RING_BYTES, ENVIRON_MAX};
use oomtrace_common::record::{
    KIND_VICTIM_CONTEXT, KIND_VICTIM_ENVIRON, VictimContext, VictimEnviron, context_valid,
};

use crate::mm::Mm;
use crate::scratch::{self, CONTEXT_SCRATCH, ENVIRON_SCRATCH, Hook};
use crate::task::Task;
use crate::victims::{self, Followed};
use crate::{emit, field};

/// Sends the context of `task`, whose process current must be a thread of, if it is a victim whose
/// context is still wanted.
#[inline(always)]
pub fn take(task: Task, hook: Hook) {
    if let Some(tgid) = task.tgid()
        && let Some(followed) = victims::of(task, tgid)
    {
        send(task, followed, hook);
    }
}

/// Sends the context of a victim, unless another of its threads did.
#[inline(always)]
pub fn send(task: Task, followed: &mut Followed, hook: Hook) {
    if followed.context_taken != 0 {
        return;
    }
    // An exiting thread may have lost its address space already; another one still has it.
    let Some(mm) = task.mm() else { return };
    let (Some(arg_start), Some(arg_end)) = (mm.arg_start(), mm.arg_end()) else {
        return;
    };
    let Some(mut claim) = scratch::claim(&CONTEXT_SCRATCH, hook as u32) else {
        return;
    };
    let scratch = &mut *claim;
    followed.context_taken = 1;
    // First, so that it is there when the context makes the kill complete.
    environ(mm, followed, hook);
    let total = arg_end.saturating_sub(arg_start);
    let len = total.min(CMDLINE_MAX as u64) as u32;
    let mut valid = 0;
    let mut read = 0;
    if len > 0 {
        // SAFETY: len is at most the size of the array.
        if unsafe { field::user(scratch.cmdline.as_mut_ptr(), len, arg_start) } {
            valid |= context_valid::CMDLINE;
            read = len;
        } else {
            valid |= context_valid::CMDLINE_FAULT;
        }
    } else {
        valid |= context_valid::CMDLINE;
    }
    let bytes = size_of::<VictimContext>() as u32 + read;
    scratch.context = VictimContext {
        header: emit::header(
            KIND_VICTIM_CONTEXT,
            bytes,
            emit::now_boot_ns(),
            followed.sequence,
        ),
        tgid: followed.tgid,
        valid,
        cmdline_len_bytes: read,
        cmdline_total_bytes: total as u32,
    };
    let start: *const u8 = (&raw const *scratch).cast();
    // SAFETY: the fixed part and the command line lie one behind the other in the scratch.
    unsafe { emit::detail(start, u64::from(bytes), 0) };
}

/// Sends the beginning of the environment, if it is in memory, and as long as the ring has room to
/// spare: chains and command lines come first.
#[inline(always)]
fn environ(mm: Mm, followed: &Followed, hook: Hook) {
    let (Some(start), Some(end)) = (mm.env_start(), mm.env_end()) else {
        return;
    };
    if emit::detail_waiting() > u64::from(DETAIL_RING_BYTES / 2) {
        return;
    }
    let Some(mut claim) = scratch::claim(&ENVIRON_SCRATCH, hook as u32) else {
        return;
    };
    let scratch = &mut *claim;
    let total = end.saturating_sub(start);
    let len = total.min(ENVIRON_MAX as u64) as u32;
    // SAFETY: len is at most the size of the array.
    if len > 0 && !unsafe { field::user(scratch.bytes.as_mut_ptr(), len, start) } {
        return;
    }
    let bytes = size_of::<VictimEnviron>() as u32 + len;
    scratch.environ = VictimEnviron {
        header: emit::header(
            KIND_VICTIM_ENVIRON,
            bytes,
            emit::now_boot_ns(),
            followed.sequence,
        ),
        tgid: followed.tgid,
        len_bytes: len,
        total_bytes: total as u32,
        reserved: 0,
    };
    let start: *const u8 = (&raw const *scratch).cast();
    // SAFETY: the fixed part and the variables lie one behind the other in the scratch.
    unsafe { emit::detail(start, u64::from(bytes), emit::NO_WAKEUP) };
}
