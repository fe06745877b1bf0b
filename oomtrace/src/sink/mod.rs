//! Delivery: whole events out of the door, closed pipes and full disks survived and counted.
//!
//! Nothing is kept back: an event that [`Sink::deliver`] took is with the operating system when it
//! returns, so a reader sees it at once and a crash loses none.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::thread::{Timespec, nanosleep};

/// Waits before another try when the other side takes nothing at the moment (a non-blocking pipe
/// inherited from somebody). About two seconds in all; meanwhile the kernel's rings keep filling.
const FULL_PIPE_WAITS_MS: [i64; 9] = [1, 2, 5, 10, 20, 50, 100, 800, 999];

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was written.
    Written,
    /// The reader is gone: nothing can be delivered any more, and that is no error.
    Closed,
    /// It could not be written; [`Sink::dropped`] counts it.
    Dropped,
}

/// Writes events to stdout, a file, or anything else.
#[derive(Debug)]
pub struct Sink<W> {
    writer: W,
    name: String,
    dropped: u64,
    reported: bool,
    torn: bool,
    closed: bool,
}

impl Sink<File> {
    /// A sink to this process's standard output, unbuffered.
    ///
    /// # Errors
    ///
    /// If the descriptor cannot be duplicated (the table of open files is full).
    pub fn stdout() -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::new(descriptor.into(), "standard output"))
    }
}

impl<W: Write> Sink<W> {
    /// A sink to `writer`, called `name` in messages.
    pub fn new(writer: W, name: impl Into<String>) -> Self {
        Self {
            writer,
            name: name.into(),
            dropped: 0,
            reported: false,
            torn: false,
            closed: false,
        }
    }

    /// Writes one event (whole lines) and flushes.
    pub fn deliver(&mut self, event: &[u8]) -> Delivery {
        if self.closed {
            return Delivery::Closed;
        }
        match self.write(event) {
            Ok(()) => {
                self.reported = false;
                Delivery::Written
            }
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Delivery::Closed
            }
            Err(error) => {
                self.dropped = self.dropped.saturating_add(1);
                if !self.reported {
                    // Once for each run of failures: the log must not fill what is already full.
                    log::error!(
                        "an event could not be written to {}: {error}; events are dropped and \
                         counted until it works again",
                        self.name
                    );
                    self.reported = true;
                }
                Delivery::Dropped
            }
        }
    }

    /// Events that could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn write(&mut self, event: &[u8]) -> io::Result<()> {
        if self.torn {
            // Half an event was written before: the next must not be glued to it.
            self.write_whole(b"\n")?;
            self.torn = false;
        }
        self.write_whole(event)?;
        self.writer.flush()
    }

    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let mut waits = FULL_PIPE_WAITS_MS.iter();
        while !rest.is_empty() {
            let result = match self.writer.write(rest) {
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                other => other,
            };
            match result {
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => match waits.next() {
                    Some(ms) => wait(*ms),
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Waits `ms` milliseconds (less than a second), or until a signal comes.
fn wait(ms: i64) {
    let _ = nanosleep(&Timespec {
        tv_sec: 0,
        tv_nsec: ms * 1_000_000,
    });
}

#[cfg(test)]
mod tests;
