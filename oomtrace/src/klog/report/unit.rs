//! A kill of which the log has only what systemd says of it.

use super::draft::When;
use super::header::{About, header};
use super::stream::{At, Stream};
use super::values::{never_in_log, only_in_kernel_log};
use crate::model::{Event, EventKind, Incident, KernelInfo, OomKill, Victim};

/// What the log of a unit does not have, and the kernel's log does.
const NOT_SAID: [&str; 5] = [
    "victim.pid",
    "trigger",
    "limit",
    "incident.scope",
    "candidates",
];

impl Stream {
    /// Takes systemd's word for a kill in `unit`, unless the kernel's own report of it is in the log.
    pub(super) fn killed_in_unit(&mut self, unit: &str, at: &mut At<'_>) {
        // What is still open is finished first: it may be the report of this kill.
        self.idle(at);
        let is_open = self.draft.is_some() && self.may_go_on(&at.when);
        let is_reported = self.killed_in.iter().any(|(when, path)| {
            let is_there = |path: &String| path.split('/').any(|name| name == unit);
            !when.is_far_from(&at.when) && path.as_ref().is_none_or(is_there)
        });
        if is_open || is_reported {
            return;
        }
        let event = kill(unit, &at.when, &self.about(at.host));
        at.out.push(Event::OomKill(Box::new(event)));
    }
}

fn kill(unit: &str, when: &When, about: &About<'_>) -> OomKill {
    let id = about.id(when, None, unit);
    let kernel = KernelInfo {
        release: about.release.map(str::to_owned),
        boot_id: about.boot_id.map(str::to_owned),
        page_size_bytes: None,
    };
    let mut missing = Vec::new();
    for field in NOT_SAID {
        only_in_kernel_log(&mut missing, field);
    }
    never_in_log(&mut missing);
    let incident = Incident::new(id.clone());
    OomKill {
        owner: crate::cgroup::path::from_path(&format!("/{unit}")),
        missing,
        ..OomKill::new(
            header(about, EventKind::OomKill, when, id, kernel),
            incident,
            Victim::default(),
        )
    }
}
