//! The OOM killer's arguments where no hook on its functions shows them.
//!
//! `struct oom_control` lies on the trigger's kernel stack for as long as a victim is being marked,
//! and points to it. So the stack is looked through for that pointer, and what lies around it has to
//! be a plausible `oom_control`: its constraint, memory cgroup, zones, order and pages agree.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use oomtrace_common::field::KernelField;

use crate::field::number;
use crate::globals::{PAGE_SIZE, STACK_SEARCHED};
use crate::maps::{STACK_PIECE, STACK_PIECE_WORDS};
use crate::oom_control::OomControl;
use crate::task::{self, Task};

/// Bytes of a piece that is looked through at a time.
const PIECE_BYTES: u64 = (STACK_PIECE_WORDS * size_of::<u64>()) as u64;

/// `THREAD_SIZE` of 64-bit kernels that look for no errors of their own, where a page is not larger.
/// BTF does not have it.
const STACK_BYTES_MIN: u64 = 16 << 10;

/// Pieces of a kernel stack of 64 KiB, which is a page of the largest.
const PIECES_MAX: u64 = (64 << 10) / PIECE_BYTES;

/// The arguments of the invocation by current that has chosen this victim.
#[inline(always)]
pub fn find(victim: Task) -> Option<OomControl> {
    if STACK_SEARCHED.load() == 0 {
        return None;
    }
    // The OOM killer chooses a process and marks the thread of it that has an address space.
    let chosen = victim.leader()?;
    let stack = task::current()?.stack()?;
    OomControl::new(search_stack(stack, victim.address(), chosen.address()))
}

/// The address of an `oom_control` on this stack that has chosen one of two tasks; 0 where there is
/// none.
// A global function: the verifier walks it once, by itself.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn search_stack(stack: u64, victim: u64, leader: u64) -> u64 {
    if STACK_SEARCHED.load() == 0 {
        return 0;
    }
    let stack_bytes = PAGE_SIZE.load().max(STACK_BYTES_MIN);
    // From the top: what lies there belongs to functions that have not returned.
    for count in 1..=PIECES_MAX {
        if count * PIECE_BYTES > stack_bytes {
            break;
        }
        let found = search_piece(stack + stack_bytes - count * PIECE_BYTES, victim, leader);
        if found != 0 {
            return found;
        }
    }
    0
}

/// The same of one piece of the stack.
// A global function: the verifier walks it once for all pieces, which saves most of the load time.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn search_piece(at: u64, victim: u64, leader: u64) -> u64 {
    if STACK_SEARCHED.load() == 0 {
        return 0;
    }
    let (Some(offset), Some(piece)) = (number(KernelField::OomChosen), STACK_PIECE.get_ptr_mut(0))
    else {
        return 0;
    };
    // SAFETY: the scratch element is this CPU's own and as long as is said; the helper checks the
    // source.
    let failed = unsafe { bpf_probe_read_kernel(piece.cast(), PIECE_BYTES as u32, at as *const _) };
    if failed != 0 {
        return 0;
    }
    for index in 0..STACK_PIECE_WORDS {
        // SAFETY: index is below the number of words.
        let word = unsafe { (*piece)[index] };
        if word == victim || word == leader {
            let address = at + (index * size_of::<u64>()) as u64 - offset;
            if is_oom_control(address) != 0 {
                return address;
            }
        }
    }
    0
}

/// Whether a plausible `oom_control` lies there: 1 or 0.
// A global function: the verifier walks it once for all words of the stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn is_oom_control(address: u64) -> u64 {
    u64::from(OomControl::new(address).is_some_and(OomControl::is_plausible))
}
