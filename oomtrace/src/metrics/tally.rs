//! Counts of the events that were captured.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Event, GapReason, KillKind, OomKill, Scope};

/// Longest name of an owner in a label.
const NAME_CHARS_MAX: usize = 128;

/// Kills of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kills {
    pub(super) count: u64,
    /// `event_id` of the last one.
    pub(super) last: Option<String>,
}

/// The counts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(super) memcg: Kills,
    pub(super) global: Kills,
    pub(super) unknown: Kills,
    /// By kind and name of the owner.
    pub(super) owners: BTreeMap<(String, String), u64>,
    /// Kills known to be missed, at least and at most.
    pub(super) missed: (u64, u64),
}

/// The counts, shared.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<Counts>,
    owners_max: usize,
}

impl Tally {
    /// Nothing counted yet. Beyond `owners_max` owners the rest are one, `other`.
    #[must_use]
    pub fn new(owners_max: usize) -> Self {
        Self {
            counts: Mutex::default(),
            owners_max,
        }
    }

    /// Counts an event.
    pub fn add(&self, event: &Event) {
        let mut counts = self.lock();
        match event {
            Event::OomKill(kill) => {
                // Its death is a consequence, and the kernel does not count it.
                if kill.incident.kill_kind == Some(KillKind::SharedMm) {
                    return;
                }
                let kills = match kill.incident.scope {
                    Some(Scope::Memcg) => &mut counts.memcg,
                    Some(Scope::Global) => &mut counts.global,
                    None => &mut counts.unknown,
                };
                kills.count += 1;
                kills.last.clone_from(&kill.header.event_id);
                let mut owner = owner(kill);
                let owners = &mut counts.owners;
                if !owners.contains_key(&owner) && owners.len() >= self.owners_max {
                    owner = ("other".to_owned(), "other".to_owned());
                }
                *owners.entry(owner).or_default() += 1;
            }
            Event::Gap(gap) if gap.reason != GapReason::BeforeStart => {
                counts.missed.0 += gap.kills_missed_min;
                counts.missed.1 += gap.kills_missed_max;
            }
            Event::Gap(_)
            | Event::OomOutcome(_)
            | Event::OomNoVictim(_)
            | Event::UserspaceOomKill(_) => {}
        }
    }

    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owner(kill: &OomKill) -> (String, String) {
    let none = || ("none".to_owned(), String::new());
    let Some(owner) = &kill.owner else {
        return none();
    };
    let kind = serde_json::to_value(owner.kind).ok();
    let kind = kind
        .as_ref()
        .and_then(|kind| kind.as_str())
        .unwrap_or("unknown");
    let name = owner
        .container_name
        .as_ref()
        .or(owner.pod_name.as_ref())
        .or(owner.unit.as_ref())
        .or(owner.container_id.as_ref());
    let name: String = name.map_or_else(String::new, |name| {
        name.chars().take(NAME_CHARS_MAX).collect()
    });
    (kind.to_owned(), name)
}
