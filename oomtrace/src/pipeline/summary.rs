//! The line on standard error with which a capture ends.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::model::{Event, KillKind};

/// Cgroups that are counted; beyond, the line says "at least".
const CGROUPS_MAX: usize = 4096;

/// What a capture has seen, whatever the filters show of it.
pub(super) struct Summary {
    since: Instant,
    kills: u64,
    sharers: u64,
    cgroups: HashSet<String>,
}

impl Summary {
    /// A capture that begins now.
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            kills: 0,
            sharers: 0,
            cgroups: HashSet::new(),
        }
    }

    /// Counts an event in.
    pub(super) fn add(&mut self, event: &Event) {
        let Event::OomKill(kill) = event else {
            return;
        };
        if kill.incident.kill_kind == Some(KillKind::SharedMm) {
            self.sharers += 1;
            return;
        }
        self.kills += 1;
        let limit = kill.limit.as_ref();
        let path = limit.and_then(|limit| limit.cgroup_path.as_ref());
        if let Some(path) = path.or(kill.victim.cgroup_path.as_ref())
            && self.cgroups.len() < CGROUPS_MAX
            && !self.cgroups.contains(path)
        {
            self.cgroups.insert(path.clone());
        }
    }

    /// `1 m 12 s: 50 kills in 1 cgroup; the kernel counted 50; lost 0`. `counted`: how far the
    /// kernel's count has grown meanwhile. `missed`: kills lost, at least and at most.
    pub(super) fn line(&self, counted: Option<u64>, missed: (u64, u64)) -> String {
        self.line_after(self.since.elapsed(), counted, missed)
    }

    fn line_after(&self, time: Duration, counted: Option<u64>, missed: (u64, u64)) -> String {
        let mut line = format!("{}: {}", duration(time), number(self.kills, "kill"));
        let cgroups = u64::try_from(self.cgroups.len()).unwrap_or(u64::MAX);
        if cgroups > 0 {
            let at_least = if self.cgroups.len() == CGROUPS_MAX {
                "at least "
            } else {
                ""
            };
            line.push_str(&format!(" in {at_least}{}", number(cgroups, "cgroup")));
        }
        if self.sharers > 0 {
            let processes = match self.sharers {
                1 => "1 process that shared its victim's memory".to_owned(),
                many => format!("{many} processes that shared their victims' memory"),
            };
            line.push_str(&format!(", and {processes}"));
        }
        line.push_str(&match counted {
            Some(counted) => format!("; the kernel counted {counted}"),
            None => "; this kernel does not count kills".to_owned(),
        });
        line.push_str(&match missed {
            (min, max) if min == max => format!("; lost {min}"),
            (min, max) => format!("; lost {min} to {max}"),
        });
        line
    }
}

/// A sentence for kills that are known to be missed, at least and at most so many.
pub(super) fn missed((min, max): (u64, u64)) -> Option<String> {
    let number = match (min, max) {
        (0, _) => return None,
        (1, 1) => "1 kill was".to_owned(),
        _ if min == max => format!("{min} kills were"),
        _ => format!("{min} to {max} kills were"),
    };
    Some(format!("{number} missed; the gap events say when and why"))
}

fn number(many: u64, thing: &str) -> String {
    let plural = if many == 1 { "" } else { "s" };
    format!("{many} {thing}{plural}")
}

/// The two largest units: `45 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} m {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} m", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture;

    #[test]
    fn the_line_adds_up() {
        let mut summary = Summary::new();
        let after = |summary: &Summary, seconds, counted, missed| {
            summary.line_after(Duration::from_secs(seconds), counted, missed)
        };
        assert_eq!(
            after(&summary, 45, Some(0), (0, 0)),
            "45 s: 0 kills; the kernel counted 0; lost 0"
        );
        let mut kill = fixture::founding();
        summary.add(&Event::OomKill(Box::new(kill.clone())));
        summary.add(&Event::OomKill(Box::new(kill.clone())));
        assert_eq!(
            after(&summary, 72, Some(3), (1, 1)),
            "1 m 12 s: 2 kills in 1 cgroup; the kernel counted 3; lost 1"
        );
        kill.incident.kill_kind = Some(KillKind::SharedMm);
        summary.add(&Event::OomKill(Box::new(kill)));
        assert_eq!(
            after(&summary, 7500, None, (1, 2)),
            "2 h 5 m: 2 kills in 1 cgroup, and 1 process that shared its victim's memory; \
             this kernel does not count kills; lost 1 to 2"
        );
    }

    #[test]
    fn two_units_are_enough() {
        for (seconds, text) in [(0, "0 s"), (3600, "1 h 0 m"), (90_000, "1 d 1 h")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
