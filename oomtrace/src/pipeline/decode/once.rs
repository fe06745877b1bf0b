//! De-duplicates the same kill from several logs: syslog daemons write a line into several files.

use std::collections::HashSet;

use crate::model::Event;

/// Events that are remembered. Beyond that, duplicates are shown.
const EVENTS_MAX: usize = 1 << 16;

/// What was shown.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// Microseconds since boot and thread: no two kills share both.
    seen: HashSet<(u64, u32)>,
    repeated: u64,
}

impl Once {
    /// True unless `event` is a known duplicate. Events without the kernel's own time are never known.
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

    /// Duplicates so far.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }
}
