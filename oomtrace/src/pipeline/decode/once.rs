//! The same kill from several logs is one: syslog daemons write a line into more than one file.

use std::collections::HashSet;

use crate::model::Event;

/// Events that are remembered. What comes after so many may be shown twice.
const EVENTS_MAX: usize = 1 << 16;

/// What was shown.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// Microseconds since boot, and a thread: enough to tell any two kills apart.
    seen: HashSet<(u64, u32)>,
    repeated: u64,
}

impl Once {
    /// Whether `event` was not there before. Without the kernel's own time that cannot be told.
    pub(super) fn is_new(&mut self, event: &Event) -> bool {
        let thread = match event {
            Event::OomKill(kill) => kill.victim.tid,
            Event::OomNoVictim(none) => none.trigger.as_ref().and_then(|trigger| trigger.tid),
            Event::UserspaceOomKill(kill) => kill.pid,
            Event::OomOutcome(_) | Event::Gap(_) => None,
        };
        let Some(key) = event.header().since_boot_us.zip(thread) else {
            return true;
        };
        if self.seen.contains(&key) {
            self.repeated = self.repeated.saturating_add(1);
            return false;
        }
        if self.seen.len() < EVENTS_MAX {
            self.seen.insert(key);
        }
        true
    }

    /// How many were there before.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }
}
