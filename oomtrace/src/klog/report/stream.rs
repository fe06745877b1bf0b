//! The lines of one host: which report each belongs to, and when a report is over.

use std::collections::VecDeque;

use super::draft::{Draft, When};
use super::{KlogHost, build, header};
use crate::klog::grammar::kill::Killed;
use crate::klog::grammar::whole::Kind;
use crate::model::Event;

/// Kills that are remembered, to know one that is printed again.
pub(super) const RECENT_MAX: usize = 256;

/// Places of kills that are remembered.
const KILLED_IN_MAX: usize = 64;

/// A line that may go on.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) kind: Kind,
    pub(super) text: Vec<u8>,
    pub(super) when: When,
    pub(super) caller: Option<String>,
    pub(super) parts: u8,
}

/// Where and when a line was written, and where events go.
pub(super) struct At<'a> {
    pub(super) when: When,
    pub(super) caller: Option<&'a str>,
    pub(super) relayed_by: Option<&'a str>,
    pub(super) host: &'a KlogHost,
    pub(super) out: &'a mut Vec<Event>,
}

/// The lines of one host and boot.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) host: Option<Vec<u8>>,
    pub(super) boot_id: Option<String>,
    pub(super) last_used: u64,
    pub(super) release: Option<String>,
    /// The command line is that of a kernel that starts after a crash.
    pub(super) is_crash_kernel: bool,
    pub(super) draft: Option<Draft>,
    pub(super) suppressed: Option<u64>,
    pub(super) recent: VecDeque<(When, Killed)>,
    /// Processes that were killed lately; what the reaper says of them belongs to their reports.
    pub(super) to_be_reaped: VecDeque<u32>,
    pub(super) pending: Option<Pending>,
    /// Where processes were killed lately by the kernel's own word, so that
    /// systemd's line on it is no kill of its own.
    pub(super) killed_in: VecDeque<(When, Option<String>)>,
}

impl Stream {
    pub(super) const fn new(host: Option<Vec<u8>>, boot_id: Option<String>) -> Self {
        Self {
            host,
            boot_id,
            last_used: 0,
            release: None,
            is_crash_kernel: false,
            draft: None,
            suppressed: None,
            recent: VecDeque::new(),
            to_be_reaped: VecDeque::new(),
            pending: None,
            killed_in: VecDeque::new(),
        }
    }

    pub(super) fn is_concluded(&self) -> bool {
        self.draft.as_ref().is_some_and(Draft::is_concluded)
    }

    pub(super) fn columns(&self) -> &[String] {
        self.draft.as_ref().map_or(&[], |draft| &draft.columns)
    }

    /// The open report, or a new one if there is none or `over` says that it is over.
    pub(super) fn open_unless(
        &mut self,
        over: impl FnOnce(&Draft) -> bool,
        at: &mut At<'_>,
    ) -> &mut Draft {
        if self.draft.as_ref().is_some_and(over) {
            self.close(at);
        }
        let suppressed = &mut self.suppressed;
        self.draft
            .get_or_insert_with(|| Draft::new(at.when, at.caller, suppressed.take()))
    }

    /// A new report.
    pub(super) fn begin(&mut self, at: &mut At<'_>) -> &mut Draft {
        self.open_unless(|_| true, at)
    }

    /// Emits the open report.
    pub(super) fn close(&mut self, at: &mut At<'_>) {
        if let Some(draft) = self.draft.take()
            && draft.is_report()
        {
            let before = at.out.len();
            build::events(&draft, self.about(at.host), at.out);
            for event in at.out.get(before..).unwrap_or_default() {
                remember(&mut self.killed_in, draft.last, event);
            }
        }
    }

    /// What the events take from around the report.
    pub(super) fn about<'a>(&'a self, host: &'a KlogHost) -> header::About<'a> {
        header::About {
            hostname: self.host.as_deref(),
            boot_id: self.boot_id.as_deref().or(host.boot_id.as_deref()),
            release: self.release.as_deref(),
            is_crash_kernel: self.is_crash_kernel,
            host,
        }
    }

    /// Whether a line at `when` may go on with the open report, for a line that does not say whose
    /// it is.
    pub(super) fn may_go_on(&self, when: &When) -> bool {
        self.draft
            .as_ref()
            .is_none_or(|draft| !draft.last.is_far_from(when))
    }
}

/// Remembers where the kernel killed a process.
fn remember(killed_in: &mut VecDeque<(When, Option<String>)>, when: When, event: &Event) {
    let Event::OomKill(kill) = event else {
        return;
    };
    let path = kill.victim.cgroup_path.as_ref().or_else(|| {
        let limit = kill.limit.as_ref()?;
        limit.cgroup_path.as_ref()
    });
    if killed_in.len() == KILLED_IN_MAX {
        killed_in.pop_front();
    }
    killed_in.push_back((when, path.cloned()));
}
