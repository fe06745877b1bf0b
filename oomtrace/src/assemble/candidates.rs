//! The tasks that an invocation of the OOM killer looked at, while they stream in.
//!
//! Badness depends on `totalpages`, which comes only with the kill. Among tasks of the same
//! `oom_score_adj` it does not: so the worst of each adjustment are kept, and those contain the
//! worst of all, whatever `totalpages` will be. Most invocations end without a kill (the last
//! victim is still dying); what was kept for them goes after a second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::badness::{Figures, PROTECTED};
use super::missing::{MissingFields, Reason, possible};
use super::text::text;
use crate::decode::{Candidate, Kill};
use crate::model::{self, JSON_INTEGER_MAX, PageSize, Pages};

/// Tasks that an event shows at most, and that are kept of each adjustment.
pub(super) const SHOWN_MAX: usize = 100;

/// Invocations that are kept at any one time.
pub(super) const INVOCATIONS_MAX: usize = 64;

/// Tasks that are kept at any one time, of all invocations: with their names about 3 MiB.
pub(super) const KEPT_MAX: usize = 16_384;

/// How long after its last task an invocation is kept: well past the time that a kill may wait.
const KEPT_NS: u64 = 1_000_000_000;

/// Worst last: unadjusted badness, then the smaller process id.
type Rank = (Option<i64>, Reverse<u32>);

/// What has come of one invocation.
#[derive(Debug, Default)]
struct Gathered {
    /// Tasks that came, those of the same process and those that were not kept included.
    received: u32,
    /// There was no room for a task that may be among the worst.
    overflowed: bool,
    tasks: BTreeMap<u32, Candidate>,
    /// The same by adjustment.
    worst: BTreeMap<Option<i32>, BTreeSet<Rank>>,
    /// The first record of the essential ring that waits for these.
    waiter: Option<u32>,
    newest_boot_ns: u64,
}

/// What became of a task's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was there already.
    Known,
    /// It is kept for a record that has yet to come.
    Kept,
    /// The record of the essential ring with this running number waits for it.
    For(u32),
}

/// What is kept of all invocations.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    invocations: BTreeMap<u32, Gathered>,
    kept: usize,
}

impl Candidates {
    /// Takes a task in.
    pub(super) fn take(&mut self, candidate: Candidate, page_size: PageSize) -> Taken {
        let oom_sequence = candidate.meta.sequence;
        let gathered = self.invocations.entry(oom_sequence).or_default();
        // The kernel may look at a process twice, but not at the same moment: then it is the same
        // record, and would hide that another is lost.
        let known = candidate.tgid.and_then(|tgid| gathered.tasks.get(&tgid));
        if known == Some(&candidate) {
            return Taken::Known;
        }
        gathered.newest_boot_ns = gathered.newest_boot_ns.max(candidate.meta.boot_ns);
        gathered.received = gathered.received.saturating_add(1);
        let waiter = gathered.waiter;
        let before = gathered.tasks.len();
        gathered.keep(candidate, page_size);
        self.kept = self.kept + gathered.tasks.len() - before;
        self.bound(oom_sequence);
        waiter.map_or(Taken::Kept, Taken::For)
    }

    /// Takes notice that the record `sequence` is of this invocation.
    pub(super) fn awaited(&mut self, kill: &Kill) {
        let (Some(oom_sequence), sequence) = (kill.oom_sequence, kill.meta.sequence) else {
            return;
        };
        let gathered = self.invocations.entry(oom_sequence).or_default();
        gathered.waiter = Some(
            gathered
                .waiter
                .map_or(sequence, |waiter| waiter.min(sequence)),
        );
        gathered.newest_boot_ns = gathered.newest_boot_ns.max(kill.meta.boot_ns);
        self.bound(oom_sequence);
    }

    /// How many records of an invocation have come.
    pub(super) fn received(&self, oom_sequence: u32) -> u32 {
        self.invocations
            .get(&oom_sequence)
            .map_or(0, |gathered| gathered.received)
    }

    #[cfg(test)]
    pub(super) fn invocations(&self) -> usize {
        self.invocations.len()
    }

    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.kept
    }

    /// Forgets invocations that nothing can refer to any more.
    pub(super) fn forget(&mut self, now_boot_ns: u64) {
        let kept = &mut self.kept;
        self.invocations.retain(|_, gathered| {
            let keep = gathered.newest_boot_ns.saturating_add(KEPT_NS) >= now_boot_ns;
            if !keep {
                *kept = kept.saturating_sub(gathered.tasks.len());
            }
            keep
        });
    }

    /// The worst of the invocation that `kill` belongs to, and no more than `max` of them. They
    /// are not kept any longer.
    pub(super) fn listed(&mut self, kill: &Kill, page_size: PageSize, max: usize) -> Listed {
        let (Some(oom_sequence), Some(scored)) = (kill.oom_sequence, kill.scored) else {
            return Listed::none(Reason::NoOomControl);
        };
        if scored == 0 {
            return Listed::none(Reason::NothingScored);
        }
        let gathered = self.invocations.remove(&oom_sequence).unwrap_or_default();
        self.kept = self.kept.saturating_sub(gathered.tasks.len());
        let whole = gathered.received >= scored && !gathered.overflowed;
        Listed::Here {
            list: gathered.shown(kill, page_size, max),
            total: Some(scored),
            missing: (!whole).then_some(Reason::CandidatesLost),
        }
    }

    /// Keeps to the bounds; the oldest goes first, of those that no kill waits for if there are
    /// any, and `latest` stays. Who writes a limit below what is used invokes the OOM killer over and
    /// over until the first victim has gone.
    fn bound(&mut self, latest: u32) {
        while self.invocations.len() > INVOCATIONS_MAX || self.kept > KEPT_MAX {
            let others = || self.invocations.iter().filter(|(key, _)| **key != latest);
            let oldest = others()
                .find(|(_, gathered)| gathered.waiter.is_none())
                .or_else(|| others().next())
                .map(|(key, _)| *key);
            if let Some(gathered) = oldest.and_then(|oldest| self.invocations.remove(&oldest)) {
                self.kept = self.kept.saturating_sub(gathered.tasks.len());
                continue;
            }
            let Some(gathered) = self.invocations.get_mut(&latest) else {
                break;
            };
            gathered.overflowed = true;
            if !gathered.drop_one() {
                break;
            }
            self.kept = self.kept.saturating_sub(1);
        }
    }
}

impl Gathered {
    fn keep(&mut self, candidate: Candidate, page_size: PageSize) {
        // A task without a process id could not be distinguished from another.
        let Some(tgid) = candidate.tgid else { return };
        let rank = (figures(&candidate).pages(page_size), Reverse(tgid));
        if let Some(known) = self.tasks.get(&tgid) {
            // The same process twice: whatever the order they came in, the larger is kept.
            let known_rank = (figures(known).pages(page_size), Reverse(tgid));
            let (known_adj, adj) = (known.oom_score_adj, candidate.oom_score_adj);
            if (known_rank, known_adj) >= (rank, adj) {
                return;
            }
            if let Some(group) = self.worst.get_mut(&known_adj) {
                group.remove(&known_rank);
            }
        }
        let group = self.worst.entry(candidate.oom_score_adj).or_default();
        group.insert(rank);
        self.tasks.insert(tgid, candidate);
        if group.len() > SHOWN_MAX
            && let Some((_, Reverse(tgid))) = group.pop_first()
        {
            self.tasks.remove(&tgid);
        }
    }

    /// Gives up the least bad task of the largest group.
    fn drop_one(&mut self) -> bool {
        let largest = self.worst.values_mut().max_by_key(|group| group.len());
        let Some((_, Reverse(tgid))) = largest.and_then(BTreeSet::pop_first) else {
            return false;
        };
        self.tasks.remove(&tgid).is_some()
    }

    fn shown(self, kill: &Kill, page_size: PageSize, max: usize) -> Vec<model::Candidate> {
        let totalpages = kill.oom_control.map(|control| control.totalpages);
        let mut shown: Vec<_> = self
            .tasks
            .into_iter()
            .map(|(tgid, task)| {
                let figures = figures(&task);
                let badness = task
                    .oom_score_adj
                    .filter(|adj| *adj != PROTECTED)
                    .and_then(|adj| figures.badness(adj, totalpages, page_size));
                // Of two that are equal the kernel takes the one that comes later in its list.
                let chosen = kill.victim.tgid == Some(tgid);
                let key = (badness, chosen, figures.pages(page_size), Reverse(tgid));
                (key, tgid, task, badness)
            })
            .collect();
        shown.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        shown.truncate(max);
        shown
            .into_iter()
            .map(|(_, tgid, task, badness)| show(tgid, &task, badness, page_size))
            .collect()
    }
}

fn figures(candidate: &Candidate) -> Figures {
    Figures {
        rss: candidate.rss,
        swap: candidate.swap,
        pgtables: candidate.pgtables,
    }
}

fn show(
    tgid: u32,
    task: &Candidate,
    badness_pages: Option<i64>,
    page_size: PageSize,
) -> model::Candidate {
    let (comm, comm_hex) = text(task.comm.as_deref());
    let rss = task.rss.map(|rss| {
        let pages = rss.anon.0.saturating_add(rss.file.0);
        Pages(pages.saturating_add(rss.shmem.0))
    });
    let bytes = |pages: Option<Pages>| pages.map(|pages| pages.bytes(page_size)).filter(possible);
    model::Candidate {
        pid: tgid,
        comm,
        comm_hex,
        uid: task.uid,
        rss_bytes: bytes(rss),
        rss_pages: rss.filter(|pages| pages.0 <= JSON_INTEGER_MAX),
        swap_bytes: bytes(task.swap),
        pgtables_bytes: task.pgtables.filter(possible),
        badness_pages,
        oom_score_adj: task.oom_score_adj,
        ..model::Candidate::default()
    }
}

/// The candidates of one event.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    /// They are in the event of the incident's first kill.
    Elsewhere,
    /// They are in this event.
    Here {
        list: Vec<model::Candidate>,
        /// How many the kernel looked at.
        total: Option<u32>,
        /// Why the list is not what it should be.
        missing: Option<Reason>,
    },
}

impl Listed {
    const fn none(reason: Reason) -> Self {
        Self::Here {
            list: Vec::new(),
            total: None,
            missing: Some(reason),
        }
    }

    /// What an event says of them.
    pub(super) fn put(
        self,
        missing_fields: &mut MissingFields<'_>,
    ) -> (Vec<model::Candidate>, Option<u32>) {
        match self {
            Self::Elsewhere => {
                missing_fields.inapplicable("candidates");
                missing_fields.inapplicable("candidates_total");
                (Vec::new(), None)
            }
            Self::Here {
                list,
                total,
                missing,
            } => {
                match missing {
                    Some(reason) => missing_fields.absent("candidates", reason),
                    None => missing_fields.inapplicable("candidates"),
                }
                (list, total)
            }
        }
    }
}
