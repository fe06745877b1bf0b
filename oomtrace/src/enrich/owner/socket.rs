//! Asks Docker's daemon on its socket, for hosts on which its files are not to be seen. Bounded
//! in time, and left alone for a while once it did not answer.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};

/// How long an answer is waited for.
const WAIT_NS: u64 = 30_000_000;
/// How long the daemon is left alone when it did not answer in that time.
const LEAVE_ALONE_NS: u64 = 60_000_000_000;
/// Largest answer that is taken.
const ANSWER_MAX: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Socket {
    path: Option<PathBuf>,
    silent_until_ns: u64,
}

/// Why the socket says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// There is no socket.
    Absent,
    /// Docker knows no container of this id.
    Unknown,
    /// Anything else.
    Because(&'static str),
}

impl Socket {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            silent_until_ns: 0,
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What the daemon says of container `id`, as JSON. `now_ns` counts nanoseconds; the answer is
    /// waited for `left_ns` at most.
    pub(super) fn ask(
        &mut self,
        id: &str,
        now_ns: &dyn Fn() -> u64,
        left_ns: u64,
    ) -> Result<Vec<u8>, Unanswered> {
        let path = self.path.as_ref().ok_or(Unanswered::Absent)?;
        let start = now_ns();
        if start < self.silent_until_ns {
            return Err(Unanswered::Because("did not answer a moment ago"));
        }
        let end = start.saturating_add(WAIT_NS.min(left_ns));
        match exchange(path, id, &|| end.saturating_sub(now_ns())) {
            Ok(answer) => body(answer),
            Err(Errno::NOENT) => Err(Unanswered::Absent),
            Err(Errno::CONNREFUSED) => Err(Unanswered::Because("nobody listens")),
            Err(Errno::ACCESS | Errno::PERM) => Err(Unanswered::Because("may not be used")),
            Err(Errno::TIMEDOUT | Errno::AGAIN) => {
                if left_ns >= WAIT_NS {
                    self.silent_until_ns = now_ns().saturating_add(LEAVE_ALONE_NS);
                }
                Err(Unanswered::Because("does not answer"))
            }
            Err(_) => Err(Unanswered::Because("fails")),
        }
    }
}

/// Sends the request and takes the whole answer. `left_ns` says how long that may still take.
fn exchange(path: &Path, id: &str, left_ns: &dyn Fn() -> u64) -> Result<Vec<u8>, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    let request = format!("GET /containers/{id}/json HTTP/1.0\r\nHost: docker\r\n\r\n");
    let sent = send(&socket, request.as_bytes(), SendFlags::NOSIGNAL)?;
    if sent < request.len() {
        return Err(Errno::AGAIN);
    }
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        wait(&socket, left_ns())?;
        match recv(&socket, &mut part[..], RecvFlags::empty()) {
            Ok((_, 0)) => return Ok(answer),
            Ok((_, length)) => answer.extend(part.iter().take(length)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if answer.len() > ANSWER_MAX {
            return Err(Errno::FBIG);
        }
    }
}

fn wait(socket: &OwnedFd, left_ns: u64) -> Result<(), Errno> {
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: i64::try_from(left_ns).unwrap_or_default(),
    };
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) => Err(Errno::TIMEDOUT),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What follows the header of an answer that says yes.
fn body(answer: Vec<u8>) -> Result<Vec<u8>, Unanswered> {
    let end = memchr::memmem::find(&answer, b"\r\n\r\n");
    // `HTTP/1.0 200 OK`
    match (answer.get(9..12), end.and_then(|end| answer.get(end + 4..))) {
        (Some(b"200"), Some(body)) => Ok(body.to_vec()),
        (Some(b"404"), _) => Err(Unanswered::Unknown),
        _ => Err(Unanswered::Because("answers with an error")),
    }
}

#[cfg(test)]
mod tests;
