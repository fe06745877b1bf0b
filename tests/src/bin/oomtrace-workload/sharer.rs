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
    // Never freed: the other process runs on it until the end.
    let stack: &'static mut [u8] = vec![0; STACK].leak();
    // SAFETY: one past the end of the allocation.
    let top = unsafe { stack.as_mut_ptr().add(STACK) };
    let top = top.map_addr(|address| address & !15).cast();
    // SAFETY: the function has the right type and never returns; the stack is its own, lives for
    // ever, is aligned and grows down from `top`; the argument is not used.
    let child = unsafe {
        libc::clone(
            wait_for_the_end,
            top,
            libc::CLONE_VM | libc::SIGCHLD,
            std::ptr::null_mut(),
        )
    };
    if child < 0 {
        return Err(io::Error::last_os_error()).context("cannot clone");
    }
    say("sharer", child)?;
    fill::anonymous(mib)
}
