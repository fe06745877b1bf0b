//! Waiting for descriptors, signals and moments; without a timer where there is no moment.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    task::Poll,
};

use anyhow::Context as _;
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::cli::Exit;

/// A descriptor that is waited for.
pub(super) struct Readable(AsyncFd<OwnedFd>);

impl Readable {
    /// Waits for a duplicate of `fd`, which this then owns.
    ///
    /// # Errors
    ///
    /// The table of open files is full, or the descriptor cannot be polled.
    #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor")]
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let owned = fd.try_clone_to_owned()?;
        // SAFETY: an OwnedFd gives the same descriptor as long as it lives, and the AsyncFd that
        // holds it takes it out of the poll set before it is closed.
        let registered = unsafe { AsyncFd::register_with_interest(owned, Interest::READABLE) };
        Ok(Self(registered.map_err(io::Error::from)?))
    }

    /// The same for each of `fds`; there may be none.
    ///
    /// # Errors
    ///
    /// As [`Readable::new`].
    pub(super) fn all<'a>(fds: impl IntoIterator<Item = BorrowedFd<'a>>) -> io::Result<Vec<Self>> {
        fds.into_iter().map(Self::new).collect()
    }
}

/// Waits until any of `all` is readable; for ever if there are none.
///
/// # Errors
///
/// Waiting failed.
pub(super) async fn any(all: &[Readable]) -> io::Result<()> {
    std::future::poll_fn(|context| {
        for Readable(fd) in all {
            if let Poll::Ready(guard) = fd.poll_read_ready(context) {
                // Everything that is there is taken at once, so this readiness is used up.
                return Poll::Ready(guard.map(|mut guard| guard.clear_ready()));
            }
        }
        Poll::Pending
    })
    .await
}

/// The signals that end a capture, or ask it something.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    compare: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            compare: on(SignalKind::user_defined1())?,
        })
    }

    /// How to end, or nothing for a signal that only asks for a comparison.
    pub(super) async fn next(&mut self) -> Option<Exit> {
        tokio::select! {
            _ = self.interrupt.recv() => Some(Exit::Interrupted),
            _ = self.terminate.recv() => Some(Exit::Success),
            _ = self.compare.recv() => None,
        }
    }
}

/// Waits until `moment`; for ever without one, and then without a timer.
pub(super) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
