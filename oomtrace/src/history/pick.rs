//! Which event is meant by `last`, `-3`, a process id, or the beginning of an event's id.

use std::collections::VecDeque;

use crate::model::{Event, OomKill};

/// Ids that an error lists.
const LISTED_MAX: usize = 8;

/// Kills back that can be asked for: each costs a place in memory.
const BACK_MAX: usize = 10_000;

/// Which kill is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The last one is 1, the one before it 2.
    FromLast(usize),
    /// One whose id begins so, with or without the boot id before the first colon, or, if it is a
    /// number, the last one of that process id.
    Id(String),
}

/// Why no event was found.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// Fewer kills are there.
    #[error("there are only {0} kills")]
    TooFew(usize),
    /// No kill is there at all.
    #[error("there are no kills")]
    NoKills,
    /// The id fits nothing.
    #[error("no kill has the id or the process id {0:?}; `oomtrace list` shows those there are")]
    NotFound(String),
    /// The id fits several.
    #[error("{prefix:?} is the beginning of {count} ids; give more of one: {}", ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// How many fit.
        count: usize,
        /// The first of them.
        ids: Vec<String>,
    },
}

impl std::str::FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::FromLast(1));
        }
        if let Some(back) = text.strip_prefix('-') {
            return match back.parse() {
                Ok(back @ 1..=BACK_MAX) => Ok(Self::FromLast(back)),
                _ => Err(format!(
                    "{text:?} is no place from the end; write -1 for the last kill, -3 for the third from \
                     the end"
                )),
            };
        }
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(
                "an id is that of an event, its beginning, a process id, `last` or -N".to_owned(),
            );
        }
        Ok(Self::Id(text.to_owned()))
    }
}

/// How well a kill fits an id; the better one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Beginning,
    ProcessId,
    WholeId,
}

/// The events to show: kills, with what became of their victims.
#[derive(Debug)]
pub struct Picked {
    pick: Pick,
    /// Kills that may be meant, oldest first, each with its outcomes.
    kept: VecDeque<Found>,
    kills: usize,
    best: Option<Fit>,
    /// Kills that fit as well as the best one.
    fitting: usize,
    /// The ids of the first of them.
    ids: Vec<String>,
}

#[derive(Debug)]
struct Found {
    kill: Box<OomKill>,
    outcomes: Vec<Event>,
}

impl Picked {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(pick: Pick) -> Self {
        Self {
            pick,
            kept: VecDeque::new(),
            kills: 0,
            best: None,
            fitting: 0,
            ids: Vec::new(),
        }
    }

    /// Looks at the next event.
    pub fn add(&mut self, event: Event) {
        match event {
            Event::OomKill(kill) => {
                self.kills += 1;
                if let Pick::FromLast(back) = self.pick {
                    self.keep(kill, back);
                } else {
                    self.add_fitting(kill);
                }
            }
            Event::OomOutcome(outcome) => {
                let of = |found: &&mut Found| {
                    outcome.kill_event_id.is_some()
                        && found.kill.header.event_id == outcome.kill_event_id
                };
                if let Some(found) = self.kept.iter_mut().find(of) {
                    found.outcomes.push(Event::OomOutcome(outcome));
                }
            }
            Event::OomNoVictim(_) | Event::Gap(_) | Event::UserspaceOomKill(_) => {}
        }
    }

    fn add_fitting(&mut self, kill: Box<OomKill>) {
        let Pick::Id(wanted) = &self.pick else {
            return;
        };
        let id = kill.header.event_id.as_deref().unwrap_or_default();
        let Some(fit) = fit(id, kill.victim.pid, wanted) else {
            return;
        };
        if self.best > Some(fit) {
            return;
        }
        if self.best < Some(fit) {
            self.best = Some(fit);
            self.fitting = 0;
            self.ids.clear();
        }
        // The same event may be in two files.
        if !self.ids.iter().any(|known| known == id) {
            self.fitting += 1;
            if self.ids.len() < LISTED_MAX {
                self.ids.push(id.to_owned());
            }
        }
        self.keep(kill, 1);
    }

    fn keep(&mut self, kill: Box<OomKill>, at_most: usize) {
        if self.kept.len() == at_most {
            self.kept.pop_front();
        }
        self.kept.push_back(Found {
            kill,
            outcomes: Vec::new(),
        });
    }

    /// Other kills of the process id that was asked for, of which the last is shown.
    #[must_use]
    pub fn earlier_of_pid(&self) -> usize {
        match self.best {
            Some(Fit::ProcessId) => self.fitting.saturating_sub(1),
            _ => 0,
        }
    }

    /// The kill that is meant, followed by its outcomes.
    ///
    /// # Errors
    ///
    /// None is, or several are.
    pub fn finish(mut self) -> Result<Vec<Event>, PickError> {
        if self.kills == 0 {
            return Err(PickError::NoKills);
        }
        match self.pick {
            Pick::FromLast(back) if self.kills < back => {
                return Err(PickError::TooFew(self.kills));
            }
            Pick::Id(prefix) if self.best == Some(Fit::Beginning) && self.fitting > 1 => {
                return Err(PickError::Ambiguous {
                    prefix,
                    count: self.fitting,
                    ids: self.ids,
                });
            }
            Pick::Id(wanted) if self.best.is_none() => return Err(PickError::NotFound(wanted)),
            Pick::FromLast(_) | Pick::Id(_) => {}
        }
        let found = self.kept.pop_front();
        Ok(found.map_or_else(Vec::new, |found| {
            let mut events = vec![Event::OomKill(found.kill)];
            events.extend(found.outcomes);
            events
        }))
    }
}

fn fit(id: &str, pid: Option<u32>, wanted: &str) -> Option<Fit> {
    let after_boot = id.split_once(':').map_or("", |(_, rest)| rest);
    if id == wanted || after_boot == wanted {
        Some(Fit::WholeId)
    } else if pid.is_some() && wanted.parse().ok() == pid {
        Some(Fit::ProcessId)
    } else if id.starts_with(wanted) || after_boot.starts_with(wanted) {
        Some(Fit::Beginning)
    } else {
        None
    }
}
