//! Standard output, written to without ever waiting.

use std::io;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

/// Most bytes of one write to a descriptor that may block: `poll` promises room for as many
/// (`PIPE_BUF`).
const PIECE_BYTES: usize = 4096;

/// This process's standard output.
#[derive(Debug)]
pub struct Stdout {
    fd: OwnedFd,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A pipe or a terminal, opened anew: `O_NONBLOCK` on the inherited description would also
    /// hold for whoever else has it.
    NonBlocking,
    /// The same, where it cannot be opened anew (another user's pipe, no /proc): a write could
    /// block, so it is made in pieces and only where `poll` says that there is room.
    Shared,
    Socket,
    /// A regular file, or a device such as /dev/null: a write does not wait for a reader.
    File,
}

impl Stdout {
    /// # Errors
    ///
    /// Standard output is closed, or the table of open files is full.
    pub fn open() -> io::Result<Self> {
        let inherited = io::stdout().as_fd().try_clone_to_owned()?;
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&inherited)?.st_mode) {
            FileType::Socket => Kind::Socket,
            FileType::Fifo => Kind::Shared,
            FileType::CharacterDevice if rustix::termios::isatty(&inherited) => Kind::Shared,
            _ => Kind::File,
        };
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = (kind == Kind::Shared)
            .then(|| rustix::fs::open("/proc/self/fd/1", flags, Mode::empty()).ok())
            .flatten();
        Ok(match opened {
            Some(fd) => Self {
                fd,
                kind: Kind::NonBlocking,
            },
            None => Self {
                fd: inherited,
                kind,
            },
        })
    }

    /// What becomes ready when there is room again or the reader goes away; none for a file.
    #[must_use]
    pub fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        (self.kind != Kind::File).then(|| self.fd.as_fd())
    }

    /// Whether the reader has gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        let gone = PollFlags::ERR | PollFlags::HUP;
        self.poll_fd().is_some() && self.poll(Some(&NOW)).is_ok_and(|now| now.intersects(gone))
    }

    /// Waits until there is room or the reader has gone.
    ///
    /// # Errors
    ///
    /// Waiting failed.
    pub fn wait(&self) -> io::Result<()> {
        match self.poll(None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn poll(&self, timeout: Option<&Timespec>) -> Result<PollFlags, Errno> {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        poll(&mut fds, timeout)?;
        let [fd] = fds;
        Ok(fd.revents())
    }
}

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

impl Write for Stdout {
    /// As any write, and [`ErrorKind::WouldBlock`] where there is no room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.kind {
            Kind::NonBlocking | Kind::File => Ok(rustix::io::write(&self.fd, bytes)?),
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(rustix::net::send(&self.fd, bytes, flags)?)
            }
            Kind::Shared => {
                let now = self.poll(Some(&NOW))?;
                if now.intersects(PollFlags::ERR | PollFlags::HUP) {
                    return Err(ErrorKind::BrokenPipe.into());
                }
                if !now.contains(PollFlags::OUT) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                let piece = bytes.get(..PIECE_BYTES).unwrap_or(bytes);
                Ok(rustix::io::write(&self.fd, piece)?)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
