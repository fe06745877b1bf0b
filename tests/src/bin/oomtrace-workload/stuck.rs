//! A victim that does not exit for a while: its parent traces it, and holds it where it begins to
//! exit, with all its memory.
#![expect(
    unsafe_code,
    reason = "neither fork nor ptrace has a safe wrapper that does this"
)]

use std::io::{self, Read as _, Write as _};
use std::time::Duration;
use std::{fs, process, ptr, thread};

use anyhow::{Context as _, Result, ensure};

use crate::{fill, say};

/// What the victim shares with nobody, but could.
const SHARED_MIB: usize = 2;

/// Starts a child that fills memory, and holds it for so long once it begins to exit.
pub(crate) fn hold_at_exit(mib: usize, seconds: usize) -> Result<()> {
    let (mut begin, mut go) = io::pipe().context("no pipe")?;
    // SAFETY: this process has one thread, so the child may do what it likes.
    let child = unsafe { libc::fork() };
    ensure!(child >= 0, "cannot fork: {}", io::Error::last_os_error());
    if child == 0 {
        let filled = begin
            .read_exact(&mut [0])
            .context("the parent is gone")
            .and_then(|()| {
                // The parent is to live on.
                fs::write("/proc/self/oom_score_adj", "500").context("oom_score_adj")
            })
            .and_then(|()| share(SHARED_MIB))
            .and_then(|()| fill::anonymous(mib));
        process::exit(i32::from(filled.is_err()));
    }
    let options: libc::c_long = libc::c_long::from(libc::PTRACE_O_TRACEEXIT);
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: attaches to a child of this process; no memory is passed.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, child, none, options) };
    ensure!(seized == 0, "cannot trace: {}", io::Error::last_os_error());
    say("stuck", child)?;
    go.write_all(b"g").context("the child is gone")?;
    let status = wait(child)?;
    ensure!(
        status >> 8 == libc::SIGTRAP | libc::PTRACE_EVENT_EXIT << 8,
        "it stopped with {status:#x}"
    );
    say("held", child)?;
    thread::sleep(Duration::from_secs(u64::try_from(seconds)?));
    // SAFETY: as above; without a signal.
    let detached = unsafe { libc::ptrace(libc::PTRACE_DETACH, child, none, none) };
    ensure!(
        detached == 0,
        "cannot let go: {}",
        io::Error::last_os_error()
    );
    let status = wait(child)?;
    ensure!(libc::WIFSIGNALED(status), "it ended with {status:#x}");
    Ok(())
}

/// Memory that others could see too: the reaper takes none of it.
fn share(mib: usize) -> Result<()> {
    let length = mib << 20;
    // SAFETY: the kernel chooses the place of a new mapping; nothing that is there is replaced.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE,
            -1,
            0,
        )
    };
    ensure!(
        start != libc::MAP_FAILED,
        "cannot map memory: {}",
        io::Error::last_os_error()
    );
    Ok(())
}

fn wait(child: libc::pid_t) -> Result<libc::c_int> {
    let mut status = 0;
    // SAFETY: the status is a variable of this function.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    ensure!(
        waited == child,
        "cannot wait: {}",
        io::Error::last_os_error()
    );
    Ok(status)
}
