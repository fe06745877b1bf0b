//! Kill or mere mark.
//!
//! `mark_oom_victim()` has three callers, of which only `__oom_kill_process()` kills. Where its
//! address range is known, a return address inside it on the kernel stack is the proof, and
//! nothing has to be attached to a hot path for it.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_stack};
use oomtrace_common::{record::kill_flags, switch::kill_proof};

use crate::{
    globals::{KILL_PROOF, KILL_TEXT_END, KILL_TEXT_START},
    maps::{STACK_FRAMES, STACK_SCRATCH, STATE},
};

/// Whether the mark that is being handled is a kill: the flag of the proof, or nothing.
#[inline(always)]
pub fn is_kill<C: EbpfContext>(ctx: &C, trigger_tid: u32, victim_tgid: u32) -> Option<u32> {
    if KILL_PROOF.load() == kill_proof::STACK {
        by_stack(ctx).then_some(kill_flags::BY_STACK)
    } else {
        by_signal(trigger_tid, victim_tgid).then_some(kill_flags::BY_SIGNAL)
    }
}

#[inline(always)]
fn by_stack<C: EbpfContext>(ctx: &C) -> bool {
    let Some(frames) = STACK_SCRATCH.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the scratch element is this CPU's own; the helper writes at most its size.
    let bytes = unsafe {
        bpf_get_stack(
            ctx.as_ptr(),
            frames.cast(),
            (STACK_FRAMES * size_of::<u64>()) as u32,
            0,
        )
    };
    if bytes <= 0 {
        return false;
    }
    let count = bytes as usize / size_of::<u64>();
    let (start, end) = (KILL_TEXT_START.load(), KILL_TEXT_END.load());
    for index in 0..STACK_FRAMES {
        if index >= count {
            break;
        }
        // SAFETY: index is below STACK_FRAMES, and the helper has written `count` frames.
        let address = unsafe { (*frames)[index] };
        // A return address points past its call, so the first byte of the range is none and the
        // first byte behind it may be one.
        if address > start && address <= end {
            return true;
        }
    }
    false
}

#[inline(always)]
fn by_signal(trigger_tid: u32, victim_tgid: u32) -> bool {
    let Some(state) = STATE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: marks are serialised by the kernel's oom_lock.
    let state = unsafe { &mut *state };
    let proven = state.signal_from_tid == trigger_tid && state.signal_to_tgid == victim_tgid;
    // One signal proves one mark.
    state.signal_from_tid = 0;
    proven
}
