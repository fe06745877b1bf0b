//! Whether the same owner was OOM-killed before: the only memory from one event to
//! the next, so that `diagnose` stays pure.

use std::collections::VecDeque;

use crate::model::{OomKill, Owner, Recurrence};

/// Owners that are remembered; the one that was quiet longest goes first.
const OWNERS_MAX: usize = 256;

/// How often which owner was OOM-killed.
#[derive(Debug, Default)]
pub struct Recurrences {
    /// The last one that it came to is at the end.
    owners: VecDeque<Seen>,
}

#[derive(Debug)]
struct Seen {
    owner: String,
    number: u32,
    first_us: u64,
    /// The last incident; all of its kills count as one occurrence.
    incident: String,
}

impl Recurrences {
    /// Says in `kill` if it is not the first time.
    pub fn note(&mut self, kill: &mut OomKill) {
        // Without times there is nothing to say it is within.
        let (Some(now), Some(owner)) = (kill.header.since_boot_us, owner(kill)) else {
            return;
        };
        let known = self.owners.iter().position(|seen| seen.owner == owner);
        let mut seen = match known.and_then(|at| self.owners.remove(at)) {
            // Time that runs backwards is another boot's.
            Some(seen) if seen.first_us <= now => seen,
            _ => Seen {
                owner,
                number: 0,
                first_us: now,
                incident: String::new(),
            },
        };
        if seen.number == 0 || seen.incident != kill.incident.id {
            seen.number = seen.number.saturating_add(1);
            seen.incident.clone_from(&kill.incident.id);
        }
        kill.recurrence = Some(Recurrence {
            number: seen.number,
            since_first_us: now - seen.first_us,
        });
        if self.owners.len() == OWNERS_MAX {
            self.owners.pop_front();
        }
        self.owners.push_back(seen);
    }
}

/// By what stays the same when a container is started again.
fn owner(kill: &OomKill) -> Option<String> {
    let by_owner = kill.owner.as_ref().and_then(|owner: &Owner| {
        let name = owner
            .container_name
            .as_ref()
            .or(owner.container_id.as_ref())
            .or(owner.unit.as_ref())
            .or(owner.pod_uid.as_ref())?;
        let pod = owner.pod_uid.as_deref().or(owner.pod_name.as_deref());
        Some([pod.unwrap_or_default(), "\0", name].concat())
    });
    by_owner.or_else(|| kill.limit.as_ref()?.cgroup_path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::captured;

    fn counted(seen: &mut Recurrences, owner: &str, incident: &str, us: u64) -> Option<(u32, u64)> {
        let mut kill = captured();
        kill.header.since_boot_us = Some(us);
        kill.owner.as_mut().unwrap().container_name = Some(owner.to_owned());
        kill.incident.id = incident.to_owned();
        seen.note(&mut kill);
        kill.recurrence
            .map(|again| (again.number, again.since_first_us))
    }

    #[test]
    fn incidents_of_an_owner_are_counted() {
        let mut seen = Recurrences::default();
        assert_eq!(counted(&mut seen, "a", "1", 10), Some((1, 0)));
        assert_eq!(
            counted(&mut seen, "a", "1", 11),
            Some((1, 1)),
            "the same incident"
        );
        assert_eq!(counted(&mut seen, "b", "2", 12), Some((1, 0)));
        assert_eq!(counted(&mut seen, "a", "3", 110), Some((2, 100)));
        assert_eq!(counted(&mut seen, "a", "3", 111), Some((2, 101)));
        assert_eq!(counted(&mut seen, "a", "4", 120), Some((3, 110)));
        assert_eq!(
            counted(&mut seen, "a", "5", 5),
            Some((1, 0)),
            "another boot"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Recurrences::default();
        for number in 0..1000 {
            counted(&mut seen, &number.to_string(), "x", number);
        }
        assert_eq!(seen.owners.len(), OWNERS_MAX);
        assert_eq!(counted(&mut seen, "999", "y", 2000), Some((2, 1001)));
        assert_eq!(counted(&mut seen, "0", "y", 2000), Some((1, 0)));
    }

    #[test]
    fn without_owner_or_time_nothing_is_said() {
        let mut seen = Recurrences::default();
        let mut kill = captured();
        kill.header.since_boot_us = None;
        seen.note(&mut kill);
        kill.header.since_boot_us = Some(1);
        kill.owner = None;
        kill.limit = None;
        seen.note(&mut kill);
        assert_eq!((kill.recurrence, seen.owners.len()), (None, 0));
    }
}
