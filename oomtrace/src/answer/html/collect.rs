//! What the page shows, collected event by event.

use std::collections::VecDeque;

use super::timeline;
use crate::history::{By, Kill, Top};
use crate::model::{Event, TracerInfo};

/// Kills that the page shows one by one, the latest ones; all are counted.
pub(super) const LISTED_MAX: usize = 300;

/// Collects what the page shows, in bounded memory.
#[derive(Debug)]
pub struct Report {
    pub(super) owners: Top,
    pub(super) limits: Top,
    pub(super) latest: VecDeque<Kill>,
    pub(super) points: timeline::Points,
    /// Kills known to be missed, at least and at most.
    pub(super) missed: (u64, u64),
    pub(super) no_victims: u64,
    pub(super) by_user_space: u64,
    pub(super) tracer: Option<TracerInfo>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            owners: Top::new(By::Owner),
            limits: Top::new(By::Limit),
            latest: VecDeque::new(),
            points: timeline::Points::default(),
            missed: (0, 0),
            no_victims: 0,
            by_user_space: 0,
            tracer: None,
        }
    }
}

impl Report {
    /// Takes an event in.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::OomKill(event) => {
                let kill = Kill::of(event);
                self.owners.add(&kill);
                self.limits.add(&kill);
                self.points.add(&kill);
                if self.latest.len() == LISTED_MAX {
                    self.latest.pop_front();
                }
                self.latest.push_back(kill);
                self.tracer = Some(event.header.tracer.clone());
            }
            Event::Gap(gap) => {
                self.missed.0 = self.missed.0.saturating_add(gap.kills_missed_min);
                self.missed.1 = self.missed.1.saturating_add(gap.kills_missed_max);
            }
            Event::OomNoVictim(_) => self.no_victims += 1,
            Event::UserspaceOomKill(_) => self.by_user_space += 1,
            Event::OomOutcome(_) => {}
        }
    }

    /// Whether there is no kill to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owners.all().kills == 0
    }
}
