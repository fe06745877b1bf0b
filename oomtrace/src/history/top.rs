//! Who dies most.

use std::collections::{BTreeMap, BTreeSet};

use super::kill::{Holder, Kill};
use super::tally::Group;

/// Groups that are told apart; kills of more are added up as the rest.
const GROUPS_MAX: usize = 4096;

/// What kills are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Container, pod, unit or user that the victim belonged to, else its cgroup.
    Owner,
    /// The container's image, across all hosts.
    Image,
    /// The systemd unit.
    Unit,
    /// Whose limit it was.
    Limit,
}

/// Counts kills by what they have in common.
#[derive(Debug)]
pub struct Top {
    by: By,
    groups: BTreeMap<(String, Option<String>), Group>,
    hosts: BTreeSet<String>,
    all: Group,
    rest: Group,
}

impl Top {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(by: By) -> Self {
        Self {
            by,
            groups: BTreeMap::new(),
            hosts: BTreeSet::new(),
            all: Group::default(),
            rest: Group::default(),
        }
    }

    /// Counts a kill.
    pub fn add(&mut self, kill: &Kill) {
        self.all.add(kill);
        if let Some(host) = &kill.host
            && self.hosts.len() < GROUPS_MAX
        {
            self.hosts.insert(host.clone());
        }
        let Some(name) = self.name_of(kill) else {
            self.rest.add(kill);
            return;
        };
        let host = kill.host.clone().filter(|_| self.by != By::Image);
        let key = (name, host);
        let is_full = self.groups.len() == GROUPS_MAX;
        match self.groups.get_mut(&key) {
            Some(group) => group.add(kill),
            None if is_full => self.rest.add(kill),
            None => {
                let mut group = Group::new(Some(key.0.clone()), key.1.clone());
                group.add(kill);
                self.groups.insert(key, group);
            }
        }
    }

    /// The groups, the one with the most kills first; of equal ones the one that was killed last.
    #[must_use]
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.kills, group.last)));
        groups
    }

    /// All kills together.
    #[must_use]
    pub fn all(&self) -> &Group {
        &self.all
    }

    /// Kills that are in no group: of no known owner, image or unit, or because there are too many
    /// groups.
    #[must_use]
    pub fn rest(&self) -> &Group {
        &self.rest
    }

    /// The hosts that were seen.
    #[must_use]
    pub fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }

    fn name_of(&self, kill: &Kill) -> Option<String> {
        match self.by {
            By::Owner => kill.owner.clone(),
            By::Image => kill.image.clone(),
            By::Unit => kill.unit.clone(),
            By::Limit => match &kill.holder {
                Holder::Limit(words) => Some(words.clone()),
                Holder::Node => Some("the node".to_owned()),
                Holder::Unknown => None,
            },
        }
    }
}
