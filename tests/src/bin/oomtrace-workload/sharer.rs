//! A second process in the same address space.
#![expect(
    unsafe_code,
    reason = "clone(CLONE_VM) without CLONE_THREAD has no safe form"
)]

use std::io;

use anyhow::{Context as _, Result};

use crate::{fill, say};

const STACK: usize = 64 << 10;

extern "C" fn wait_for_the_end(_: *mut libc::c_void) -> libc::c_int {
    // It shares thread-local storage with its parent (errno among it), so it does nothing but sleep
    // in the kernel.
    loop {
        // SAFETY: ppoll reads no memory when it is given no descriptors, no time-out and no mask.
        unsafe {
            libc::syscall(
                libc::SYS_ppoll,
                std::ptr::null_mut::<libc::c_void>(),
                0usize,
                std::ptr::null::<libc::c_void>(),
                std::ptr::null::<libc::c_void>(),
                0usize,
            )
        };
    }
}

/// Starts a process that shares this one's memory but not its thread group, then fills memory.
pub(crate) fn share(mib: usize) -> Result<()> {
    say("sharer", another(STACK, 0)?)?;
    fill::anonymous(mib)
}

/// Starts `count` processes that share this one's memory and whatever else can be shared: nothing
/// else makes so many in little memory.
pub(crate) fn crowd(count: usize) -> Result<()> {
    const SMALL_STACK: usize = 2 << 10;
    for _ in 0..count {
        another(
            SMALL_STACK,
            libc::CLONE_SIGHAND | libc::CLONE_FILES | libc::CLONE_FS,
        )?;
    }
    say("crowd", count)?;
    fill::sleep_forever()
}

/// The id of a process that shares this one's memory and sleeps.
fn another(stack: usize, more: libc::c_int) -> Result<libc::c_int> {
    // Never freed: the other process runs on it until the end.
    let stack: &'static mut [u8] = vec![0; stack].leak();
    // SAFETY: one past the end of the allocation.
    let top = unsafe { stack.as_mut_ptr().add(stack.len()) };
    let top = top.map_addr(|address| address & !15).cast();
    // SAFETY: the function has the right type and never returns; the stack is its own, lives for
    // ever, is aligned and grows down from `top`; the argument is not used.
    let child = unsafe {
        libc::clone(
            wait_for_the_end,
            top,
            libc::CLONE_VM | more | libc::SIGCHLD,
            std::ptr::null_mut(),
        )
    };
    if child < 0 {
        return Err(io::Error::last_os_error()).context("cannot clone");
    }
    Ok(child)
}
