//! What only the victim itself can show, while its address space is still there.

use oomtrace_common::{
    limits::{CMDLINE_MAX, DETAIL_RING_BYTES, ENVIRON_MAX},
    record::{
        KIND_VICTIM_CONTEXT, KIND_VICTIM_ENVIRON, VictimContext, VictimEnviron, context_valid,
    },
};

use crate::{
    emit, field,
    maps::{CONTEXT_SCRATCH, ENVIRON_SCRATCH, VICTIMS},
    mm::Mm,
    task::Task,
};

/// Takes the context of `task`, whose process current must be a thread of, if it is a victim whose
/// context is still wanted.
#[inline(always)]
pub fn take(task: Task) {
    let Some(tgid) = task.tgid() else { return };
    let Some(followed) = VICTIMS.get_ptr_mut(&tgid) else {
        return;
    };
    // SAFETY: an element of a map. Threads of one victim may race here; the worst is a second
    // record of the same content, which the reader knows to ignore.
    let followed = unsafe { &mut *followed };
    if followed.context_taken != 0 {
        return;
    }
    // An exiting thread may have lost its address space already; another one still has it.
    let Some(mm) = task.mm() else { return };
    followed.context_taken = 1;
    // First, so that it is there when the context makes the kill complete.
    environ(mm, tgid, followed.sequence);
    let (Some(arg_start), Some(arg_end)) = (mm.arg_start(), mm.arg_end()) else {
        return;
    };
    let Some(scratch) = CONTEXT_SCRATCH.get_ptr_mut(0) else {
        return;
    };
    let total = arg_end.saturating_sub(arg_start);
    let len = total.min(CMDLINE_MAX as u64) as u32;
    // SAFETY: the scratch element is this CPU's own.
    let scratch = unsafe { &mut *scratch };
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
        tgid,
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
fn environ(mm: Mm, tgid: u32, sequence: u32) {
    let (Some(start), Some(end)) = (mm.env_start(), mm.env_end()) else {
        return;
    };
    if emit::detail_waiting() > u64::from(DETAIL_RING_BYTES / 2) {
        return;
    }
    let Some(scratch) = ENVIRON_SCRATCH.get_ptr_mut(0) else {
        return;
    };
    let total = end.saturating_sub(start);
    let len = total.min(ENVIRON_MAX as u64) as u32;
    // SAFETY: the scratch element is this CPU's own.
    let scratch = unsafe { &mut *scratch };
    // SAFETY: len is at most the size of the array.
    if len > 0 && !unsafe { field::user(scratch.bytes.as_mut_ptr(), len, start) } {
        return;
    }
    let bytes = size_of::<VictimEnviron>() as u32 + len;
    scratch.environ = VictimEnviron {
        header: emit::header(KIND_VICTIM_ENVIRON, bytes, emit::now_boot_ns(), sequence),
        tgid,
        len_bytes: len,
        total_bytes: total as u32,
        reserved: 0,
    };
    let start: *const u8 = (&raw const *scratch).cast();
    // SAFETY: the fixed part and the variables lie one behind the other in the scratch.
    unsafe { emit::detail(start, u64::from(bytes), emit::NO_WAKEUP) };
}
