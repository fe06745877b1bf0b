//! One short-lived process after another that a cgroup has no room for.
#![expect(
    unsafe_code,
    reason = "a process that is to be killed at once is forked, not spawned: that is ten times as fast"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result, ensure};

use crate::say;

/// What each child touches.
const BYTES: usize = 3 << 20;
const PAGE: usize = 4096;

/// Forks `count` processes, each once the one before it was killed. They enter the cgroup of
/// `procs` (its `cgroup.procs`) and touch 3 MiB there.
pub(crate) fn one_by_one(procs: &str, count: usize) -> Result<()> {
    let procs = File::options()
        .write(true)
        .open(procs)
        .with_context(|| format!("cannot open {procs}"))?;
    // Untouched, so that it is charged to the child.
    let mut memory = Vec::<u8>::with_capacity(BYTES);
    let start = memory.as_mut_ptr();
    say("begun", count)?;
    for _ in 0..count {
        // SAFETY: this process has one thread, and the child calls nothing but write() and _exit().
        let child = unsafe { libc::fork() };
        if child == 0 {
            touch_and_exit(&procs, start);
        }
        ensure!(child > 0, "cannot fork: {}", io::Error::last_os_error());
        let mut status = 0;
        // SAFETY: the status is a local variable.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        ensure!(
            waited == child,
            "cannot wait: {}",
            io::Error::last_os_error()
        );
        ensure!(
            libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL,
            "a child was not killed: status {status:#x}"
        );
    }
    say("killed", count)
}

/// What a child does: it enters the cgroup, touches BYTES bytes from `start`, and ends. It is a copy
/// of a process that may hold any lock, so it makes no other call.
fn touch_and_exit(procs: &File, start: *mut u8) -> ! {
    // SAFETY: the descriptor is open, and the buffer is a literal of one byte and its NUL.
    unsafe { libc::write(procs.as_raw_fd(), c"0".as_ptr().cast(), 1) };
    for offset in (0..BYTES).step_by(PAGE) {
        let byte = start.wrapping_add(offset);
        // SAFETY: there is room for BYTES bytes, which nothing else uses.
        unsafe { byte.write_volatile(1) };
    }
    // SAFETY: it ends this process and does nothing else.
    unsafe { libc::_exit(0) }
}
