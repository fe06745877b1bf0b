//! The kills of one owner, image, unit or limit, added up.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::kill::Kill;
use super::looping::{Loop, LoopFinder};
use super::needed::Needed;

/// How many of a group's last kills are kept, and say what its limit would have to be.
pub const LAST_KILLS: usize = 10;

/// Kills that have something in common.
#[derive(Debug, Default)]
pub struct Group {
    /// What they have in common, in words. Absent: the rest, see [`super::Top::rest`].
    pub name: Option<String>,
    /// Name of the host.
    pub host: Option<String>,
    /// How many kills.
    pub kills: u64,
    /// How many incidents: a group that is killed as a whole is one.
    pub incidents: u64,
    /// Time of the first one whose time is known.
    pub first: Option<Timestamp>,
    /// Time of the last one.
    pub last: Option<Timestamp>,
    last_incident: Option<String>,
    recent: VecDeque<Kill>,
    loops: LoopFinder,
}

impl Group {
    pub(super) fn new(name: Option<String>, host: Option<String>) -> Self {
        Self {
            name,
            host,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, kill: &Kill) {
        self.kills += 1;
        if self.last_incident.as_ref() != Some(&kill.incident) {
            self.incidents += 1;
            self.last_incident = Some(kill.incident.clone());
        }
        if let Some(time) = kill.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        self.loops.add(kill);
        if self.recent.len() == LAST_KILLS {
            self.recent.pop_front();
        }
        self.recent.push_back(kill.clone());
    }

    /// The last kill.
    #[must_use]
    pub fn latest(&self) -> Option<&Kill> {
        self.recent.back()
    }

    /// How many of the last kills [`Self::needed`] rests on.
    #[must_use]
    pub fn needed_by(&self) -> usize {
        self.recent
            .iter()
            .filter(|kill| kill.needed != Needed::default())
            .count()
    }

    /// The limit that the last kills would have needed.
    #[must_use]
    pub fn needed(&self) -> Needed {
        self.recent
            .iter()
            .fold(Needed::default(), |needed, kill| needed.max(kill.needed))
    }

    /// The longest restart loop.
    #[must_use]
    pub fn restart_loop(&self) -> Option<Loop> {
        self.loops.longest()
    }
}
