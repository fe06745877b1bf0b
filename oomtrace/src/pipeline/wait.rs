//! Waiting for descriptors, signals and moments; without a timer where there is no moment.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::task::Poll;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::cli::Exit;
use crate::process::clock;

/// Registers a duplicate of `fd` with the runtime.
#[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor")]
fn register(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    let owned = fd.try_clone_to_owned()?;
    // SAFETY: an OwnedFd gives the same descriptor as long as it lives, and the AsyncFd that
    // holds it takes it out of the poll set before it is closed.
    let registered = unsafe { AsyncFd::register_with_interest(owned, interest) };
    registered.map_err(io::Error::from)
}

/// A descriptor whose reader is waited for.
pub(super) struct Writable(AsyncFd<OwnedFd>);

impl Writable {
    /// # Errors
    ///
    /// The table of open files is full, or the descriptor cannot be polled.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        register(fd, Interest::WRITABLE).map(Self)
    }

    /// Waits until there is room that was not there before, or the reader has gone.
    ///
    /// # Errors
    ///
    /// Waiting failed.
    pub(super) async fn ready(&self) -> io::Result<()> {
        // Cleared before anything is written: room that comes later is noticed again.
        self.0.writable().await?.clear_ready();
        Ok(())
    }
}

/// A descriptor that is waited for until there is something to read.
pub(super) struct Readable(AsyncFd<OwnedFd>);

impl Readable {
    /// # Errors
    ///
    /// The table of open files is full, or the descriptor cannot be polled.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        register(fd, Interest::READABLE).map(Self)
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

/// The signals that end oomtrace, or ask it something. They are caught as long as this lives,
/// even where they were ignored when oomtrace was started or where it is the first process of its
/// PID namespace.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    reconcile: Signal,
}

impl Signals {
    /// Within the runtime, and before anything else.
    ///
    /// # Errors
    ///
    /// The kernel refuses a handler.
    pub(super) fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            reconcile: on(SignalKind::user_defined1())?,
        })
    }

    /// How to end, or nothing for SIGUSR1, which asks to reconcile.
    pub(super) async fn next(&mut self) -> Option<Exit> {
        tokio::select! {
            _ = self.interrupt.recv() => Some(Exit::Interrupted),
            _ = self.terminate.recv() => Some(Exit::Success),
            _ = self.reconcile.recv() => None,
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

/// The moment of `CLOCK_BOOTTIME` as the runtime counts time.
pub(super) fn instant_at_boot(boot_ns: u64) -> Instant {
    Instant::now() + Duration::from_nanos(boot_ns.saturating_sub(clock::boot_ns()))
}
