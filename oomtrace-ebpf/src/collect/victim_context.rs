//! What only the victim itself can show, while its address space is still there.

use oomtrace_common::{
    limits::CMDLINE_MAX,
    record::{KIND_VICTIM_CONTEXT, VictimContext, context_valid},
};

use crate::{
    emit, field,
    maps::{CONTEXT_SCRATCH, VICTIMS},
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
