//! What a sink has achieved, for metrics and messages.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The figures of one sink, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of its next event.
    pub place: u64,
    /// Events that its receiver has taken since the start.
    pub delivered: u64,
    /// Events that the store removed before they were delivered.
    pub dropped: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// When its receiver last took something, seconds since 1970.
    pub last_success: Option<u64>,
    /// Why the last attempt failed; none if it did not.
    pub failure: Option<String>,
    /// Its thread has ended.
    pub has_ended: bool,
}

/// The figures of one sink, shared.
#[derive(Debug, Default)]
pub struct Status(Mutex<Figures>);

impl Status {
    /// The figures now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
