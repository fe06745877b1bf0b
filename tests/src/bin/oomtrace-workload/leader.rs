//! A process whose first thread has exited.
#![expect(
    unsafe_code,
    reason = "only the system call ends one thread and leaves the process"
)]

use std::time::{Duration, Instant};
use std::{fs, process, thread};

use anyhow::{Context as _, Result, bail};

use crate::{fill, say};

/// Ends the first thread; a second one then fills memory.
pub(crate) fn exit_first(mib: usize) -> Result<()> {
    thread::Builder::new()
        .name("survivor".to_owned())
        .spawn(move || {
            if let Err(error) = fill_when_alone(mib) {
                // The parent sees the exit status; there is no thread left to return to.
                let _ = say("error", format_args!("{error:#}"));
                process::exit(1);
            }
            process::exit(0);
        })
        .context("cannot start a thread")?;
    // SAFETY: SYS_exit takes an integer and does not return. It runs no destructors, and nothing on
    // this thread's stack is borrowed by the other thread.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    bail!("the system call for ending a thread returned")
}

fn fill_when_alone(mib: usize) -> Result<()> {
    let stat = format!("/proc/self/task/{}/stat", process::id());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = fs::read_to_string(&stat).context("cannot read the leader's state")?;
        // The state is the word after the last parenthesis: the name before may contain any.
        if text
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
        {
            break;
        }
        if Instant::now() > deadline {
            bail!("the leader did not exit");
        }
        thread::sleep(Duration::from_millis(1));
    }
    say("survivor", rustix::thread::gettid().as_raw_nonzero())?;
    fill::anonymous(mib)
}
