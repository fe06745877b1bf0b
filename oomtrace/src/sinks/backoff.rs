//! How long to wait before something that failed is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);

/// Longest wait: a receiver that has come back is noticed within it.
const MAX: Duration = Duration::from_secs(30);

/// Longest wait that a receiver may ask for.
const ASKED_MAX: Duration = Duration::from_secs(600);

/// Doubles from one second to thirty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The next wait; `asked` by the receiver goes first.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.last.map_or(FIRST, |last| (last * 2).min(MAX));
        self.last = Some(wait);
        asked.map_or(wait, |asked| asked.min(ASKED_MAX))
    }

    /// It worked: the next failure begins anew.
    pub(super) fn reset(&mut self) {
        self.last = None;
    }
}
