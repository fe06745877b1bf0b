//! Kill or mere mark.
//!
//! `mark_oom_victim()` has three callers, of which only `__oom_kill_process()` kills. Where its
//! address range is known, a return address inside it on the kernel stack is the proof, and
//! nothing has to be attached to a hot path for it.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::{bpf_get_stack, bpf_snprintf};
use oomtrace_common::record::kill_flags;
use oomtrace_common::switch::kill_proof;

use crate::globals::{KILL_PROOF, KILL_TEXT_END, KILL_TEXT_START};
use crate::maps::{STACK_FRAMES, STACK_SCRATCH};
use crate::state::{State, state};

/// Prints a return address as `function+offset/size`. In `.rodata`, as the helper demands.
// no_mangle: a mangled name holds a hash that depends on the folder the object is built in.
#[unsafe(no_mangle)]
pub static SYMBOL_FORMAT: [u8; 4] = *b"%pB\0";

/// Whether the mark that is being handled is a kill: the flag of the proof, or nothing.
#[inline(always)]
pub fn is_kill<C: EbpfContext>(ctx: &C, trigger_tid: u32, victim_tgid: u32) -> Option<u32> {
    let state = state()?;
    if KILL_PROOF.load() == kill_proof::SIGNAL {
        by_signal(state, trigger_tid, victim_tgid).then_some(kill_flags::BY_SIGNAL)
    } else {
        by_stack(ctx, state).then_some(kill_flags::BY_STACK)
    }
}

#[inline(always)]
fn by_stack<C: EbpfContext>(ctx: &C, state: &mut State) -> bool {
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
    for index in 0..STACK_FRAMES {
        if index >= count {
            break;
        }
        // SAFETY: index is below STACK_FRAMES, and the helper has written `count` frames.
        let address = unsafe { (*frames)[index] };
        // The call that marks is one instruction, so its return address is always the same.
        if address != 0 && (address == state.kill_return_address || in_killer(address) != 0) {
            state.kill_return_address = address;
            return true;
        }
    }
    false
}

/// Whether a return address lies in `__oom_kill_process`: 1 or 0.
// A global function: the verifier walks it once for all frames.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn in_killer(address: u64) -> u64 {
    // Also for the verifier, which looks at this function by itself, called or not: where the proof
    // is the signal, the kernel may not have the helper below.
    if KILL_PROOF.load() == kill_proof::SIGNAL {
        return 0;
    }
    if KILL_PROOF.load() == kill_proof::STACK_RANGE {
        // A return address points past its call: never the first byte of the function, perhaps
        // the first behind it.
        return u64::from(address > KILL_TEXT_START.load() && address <= KILL_TEXT_END.load());
    }
    // As words: the comparison below is then three steps for the verifier, not eighteen.
    let mut symbol = [0_u64; 4];
    let arguments = [address];
    // SAFETY: both buffers live on the stack and are as long as is said; the format is a constant
    // with one conversion.
    let printed = unsafe {
        bpf_snprintf(
            symbol.as_mut_ptr().cast(),
            size_of_val(&symbol) as u32,
            SYMBOL_FORMAT.as_ptr().cast_mut().cast(),
            arguments.as_ptr().cast_mut().cast(),
            size_of_val(&arguments) as u32,
        )
    };
    if printed <= 0 {
        return 0;
    }
    let [first, second, third, _] = symbol;
    // `__oom_kill_process` and then `+`, or `.` where the compiler split a part off (`.cold`).
    let killer = first == u64::from_ne_bytes(*b"__oom_ki")
        && second == u64::from_ne_bytes(*b"ll_proce")
        && third as u16 == u16::from_ne_bytes(*b"ss")
        && matches!((third >> 16) as u8, b'+' | b'.');
    u64::from(killer)
}

#[inline(always)]
fn by_signal(state: &mut State, trigger_tid: u32, victim_tgid: u32) -> bool {
    let proven = state.signal_from_tid == trigger_tid && state.signal_to_tgid == victim_tgid;
    // One signal proves one mark.
    state.signal_from_tid = 0;
    proven
}
