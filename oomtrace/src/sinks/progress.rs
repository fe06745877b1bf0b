//! How far the store has come, and what the sinks are to do: shared by its writer and all of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a sink's thread finds when it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Number of the next event of the store: everything before it may be delivered.
    pub end: u64,
    /// Grows when files are to be opened again.
    pub reopened: u64,
    /// No more events come: deliver what there is until then, and end.
    pub finish_by: Option<Instant>,
}

/// The shared state.
#[derive(Debug, Default)]
pub struct Progress {
    view: Mutex<View>,
    changed: Condvar,
}

impl Progress {
    /// Events before `end` are on disk.
    pub fn stored(&self, end: u64) {
        self.change(|view| view.end = end);
    }

    /// Files are to be opened again.
    pub fn reopen(&self) {
        self.change(|view| view.reopened += 1);
    }

    /// No more events come.
    pub fn finish(&self, within: Duration) {
        self.change(|view| view.finish_by = Some(Instant::now() + within));
    }

    /// What there is now.
    pub fn view(&self) -> View {
        *self.lock()
    }

    /// Wakes everybody, to look at what else may have changed.
    pub(super) fn wake(&self) {
        self.change(|_| ());
    }

    /// Waits until `is_over` says so, at most until `until`.
    pub(super) fn wait(&self, until: Option<Instant>, is_over: impl Fn(&View) -> bool) -> View {
        let mut view = self.lock();
        loop {
            if is_over(&view) {
                return *view;
            }
            view = match until {
                None => self
                    .changed
                    .wait(view)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return *view;
                    }
                    self.changed
                        .wait_timeout(view, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
