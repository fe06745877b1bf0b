//! Events that wait to be stored, in bounded memory.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// With so many bytes waiting, the source of events should pause: kills then wait in the kernel.
pub(super) const CONGESTED_BYTES: usize = 1024 * 1024;

/// Most bytes that wait; what comes beyond is refused.
pub(super) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    on_room: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    /// Of the queue and of the event that is being stored.
    bytes: usize,
    /// No more events come; what is left may be tried until then.
    close_by: Option<Instant>,
}

impl Spool {
    /// An empty one. `on_room` is called when it is no longer congested.
    #[must_use]
    pub fn new(on_room: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
                on_room: Box::new(on_room),
            }),
        }
    }

    /// Adds an event at the end.
    ///
    /// # Errors
    ///
    /// The event, if there is no room for it.
    pub fn push(&self, line: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut state = self.lock();
        if state.bytes.saturating_add(line.len()) > BYTES_MAX || state.close_by.is_some() {
            return Err(line);
        }
        state.bytes += line.len();
        state.queue.push_back(line);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Whether so much waits that the source of events should pause.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.lock().bytes >= CONGESTED_BYTES
    }

    /// No more events come. What waits may still be stored within this time.
    pub fn close(&self, within: Duration) {
        self.lock().close_by = Some(Instant::now() + within);
        self.shared.changed.notify_all();
    }

    /// The next event, without waiting.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.lock().queue.pop_front()
    }

    /// An event of `bytes` has been stored, or given up.
    pub(super) fn done(&self, bytes: usize) {
        let mut state = self.lock();
        let before = state.bytes;
        state.bytes = before.saturating_sub(bytes);
        let has_room = before >= CONGESTED_BYTES && state.bytes < CONGESTED_BYTES;
        drop(state);
        if has_room {
            (self.shared.on_room)();
        }
    }

    /// Waits for an event; false if none will come.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        while state.queue.is_empty() && state.close_by.is_none() {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !state.queue.is_empty()
    }

    /// Waits before something is tried again; false once it is no longer worth it.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.close_by.is_some_and(|by| by <= now) {
                return false;
            }
            let end = state.close_by.map_or(until, |by| by.min(until));
            let left = end.saturating_duration_since(now);
            if left.is_zero() {
                return true;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = &self.shared.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
