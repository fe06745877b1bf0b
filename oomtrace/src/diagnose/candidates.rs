//! Findings on the other processes: who held the memory, and why it was this one that was killed.

use std::collections::BTreeMap;

use super::code;
use super::draft::{Draft, Findings};
use super::share::is_half;
use crate::model::{Bytes, Candidate, CandidatesBasis, Cause, KillKind, OomKill, RuntimeKind};
use crate::words;

/// `oom_score_adj` of a process that is never killed.
const PROTECTED: i32 = -1000;
/// Another process held much more if it held so many times what the victim did.
const MUCH_MORE: u64 = 2;
/// So many processes of one name are many.
const MANY: usize = 8;
/// So many of a Python program are: each worker holds a heap of its own.
const MANY_WORKERS: usize = 3;
/// The processes that are named, and what their figures are called.
const NAMED: [&str; 3] = ["first", "second", "third"];

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    let Some(others) = Others::of(event) else {
        return;
    };
    // Nothing is compared where the kernel did not compare: in a group, or by hand.
    if event.incident.kill_kind == Some(KillKind::Group) {
        return;
    }
    let many = others.many_processes();
    let largest = others.larger_process_survived();
    if many.is_none() {
        out.extend(others.top_consumers());
    }
    out.extend(largest);
    out.extend(many);
    if event.incident.cause != Some(Cause::Sysrq) {
        out.extend(others.victim_chosen());
    }
    out.extend(others.larger_process_protected());
}

/// The candidates of an incident, the victim apart from the others.
struct Others<'a> {
    event: &'a OomKill,
    victim: Candidate,
    victim_rss: Bytes,
    /// The others, largest first.
    others: Vec<(&'a Candidate, Bytes)>,
    /// Whether some are not listed.
    is_cut: bool,
}

impl<'a> Others<'a> {
    fn of(event: &'a OomKill) -> Option<Self> {
        let pid = event.victim.pid?;
        // What was read after the kill is of no use to say why it happened: who asked for the
        // memory has got it since.
        if event.candidates_basis == Some(CandidatesBasis::Survivors) {
            return None;
        }
        let listed = event.candidates.iter().find(|other| other.pid == pid);
        let victim = listed.cloned().unwrap_or_else(|| Candidate {
            pid,
            comm: event.victim.comm.clone(),
            rss_bytes: event.victim.memory.as_ref().and_then(|m| m.rss_bytes),
            oom_score_adj: event.victim.oom_score_adj,
            badness_pages: event.victim.badness_pages,
            ..Candidate::default()
        });
        let victims = usize::from(listed.is_some());
        let mut others: Vec<_> = event
            .candidates
            .iter()
            .filter(|other| other.pid != pid)
            .filter_map(|other| Some((other, other.rss_bytes?)))
            .collect();
        others.sort_by_key(|(other, rss)| (std::cmp::Reverse(*rss), other.pid));
        Some(Self {
            event,
            victim_rss: victim.rss_bytes?,
            is_cut: event
                .candidates_total
                .is_some_and(|total| total as usize > others.len() + victims),
            victim,
            others,
        })
    }

    fn name(&self) -> &str {
        words::victim_again(&self.event.victim)
    }

    /// The largest of the others that could be killed.
    fn next(&self) -> Option<(&'a Candidate, Bytes)> {
        let may = |(other, _): &&(&Candidate, Bytes)| other.oom_score_adj != Some(PROTECTED);
        self.others.iter().find(may).copied()
    }

    fn larger_process_survived(&self) -> Option<Draft> {
        let (other, rss) = self.others.first().copied()?;
        let is_much = rss.0 >= self.victim_rss.0.saturating_mul(MUCH_MORE);
        if !is_much || !super::node_filled::is_culprit(self.event, rss) {
            return None;
        }
        let mut draft = Draft::new(code::LARGER_PROCESS_SURVIVED)
            .say(&format!("Not {} but {} (pid ", self.name(), called(other)))
            .count("largest_pid", other.pid.into())
            .say(") had most resident: ")
            .bytes("largest_rss", rss)
            .say(" against ")
            .bytes("victim_rss", self.victim_rss)
            .say(".");
        if let Some(adj) = self.victim.oom_score_adj.filter(|&adj| adj > 0) {
            draft = draft
                .say(&format!(
                    " {} was killed before it for its oom_score_adj of ",
                    self.name()
                ))
                .signed("oom_score_adj", adj.into())
                .say(".");
        } else if let Some(adj) = other.oom_score_adj.filter(|&adj| adj < 0) {
            draft = draft
                .say(&format!(
                    " {} was spared for its oom_score_adj of ",
                    called(other)
                ))
                .signed("largest_oom_score_adj", adj.into())
                .say(".");
        }
        draft = draft
            .change(&format!("Find out what {} (pid ", called(other)))
            .count("largest_pid", other.pid.into())
            .say(&format!(
                ") keeps, not {}: this kill gave back at most ",
                self.name()
            ))
            .bytes("victim_rss", self.victim_rss)
            .say(".");
        Some(draft.weighing(rss))
    }

    /// Processes of one name that are many, and together the most.
    fn many_processes(&self) -> Option<Draft> {
        let mut by_name: BTreeMap<&str, (usize, Bytes, Bytes)> = BTreeMap::new();
        let all = self.others.iter().copied();
        for (candidate, rss) in all.chain([(&self.victim, self.victim_rss)]) {
            let Some(comm) = candidate.comm.as_deref() else {
                continue;
            };
            let (count, sum, most) = by_name.entry(comm).or_default();
            *count += 1;
            *sum = sum.saturating_add(rss);
            *most = (*most).max(rss);
        }
        let total = by_name
            .values()
            .fold(Bytes(0), |total, (_, sum, _)| total.saturating_add(*sum));
        let (name, (count, sum, most)) = by_name.into_iter().max_by_key(|(_, (_, sum, _))| *sum)?;
        let runtime = self.event.runtime.as_ref().map(|runtime| runtime.kind);
        let is_python =
            runtime == Some(RuntimeKind::Python) && self.victim.comm.as_deref() == Some(name);
        let many = if is_python { MANY_WORKERS } else { MANY };
        if count < many || !is_half(sum, total) || is_half(most, sum) {
            return None;
        }
        let at_least = if self.is_cut { "At least " } else { "" };
        Some(
            Draft::new(code::MANY_PROCESSES)
                .say(at_least)
                .count("processes", count as u64)
                .say(&format!(" processes are called {name} and have "))
                .bytes("processes_rss", sum)
                .say(" resident together (what they share counted for each), none of them more than ")
                .bytes("largest_rss", most)
                .say(".")
                .weighing(sum)
                .change(if is_python {
                    "Start fewer workers, or let them start anew after some requests: "
                } else {
                    "Bound how many there may be, where they are started or by pids.max: "
                })
                .count("processes", count as u64)
                .say(match self.event.limit {
                    Some(_) => " are too many for the limit.",
                    None => " are too many for this node.",
                }),
        )
    }

    /// Where it was not the victim alone.
    fn top_consumers(&self) -> Option<Draft> {
        let (_, most) = self.others.first().copied()?;
        let largest = most.max(self.victim_rss);
        let is_culprit = super::node_filled::is_culprit(self.event, largest);
        if most.0 < self.victim_rss.0 / 8 || !is_culprit {
            return None;
        }
        let mut draft = Draft::new(code::TOP_CONSUMERS)
            .detail_if(true)
            .say("Most resident had ");
        let mut all = vec![(&self.victim, self.victim_rss)];
        all.extend(self.others.iter().copied());
        all.sort_by_key(|(other, rss)| (std::cmp::Reverse(*rss), other.pid));
        for (at, ((candidate, rss), rank)) in all.iter().zip(NAMED).enumerate() {
            draft = draft
                .say(if at > 0 { ", " } else { "" })
                .say(&format!("{} (pid ", called(candidate)))
                .count(&format!("{rank}_pid"), candidate.pid.into())
                .say(") ")
                .bytes(&format!("{rank}_rss"), *rss);
        }
        let rest = all.iter().skip(NAMED.len());
        let count = rest.len() as u64;
        if count > 0 && !self.is_cut {
            let sum = rest.fold(Bytes(0), |sum, (_, rss)| sum.saturating_add(*rss));
            draft = draft
                .say("; ")
                .count("other_processes", count)
                .say(if count == 1 {
                    " other had "
                } else {
                    " others had "
                })
                .bytes("other_processes_rss", sum)
                .say(if count == 1 { "" } else { " together" });
        }
        Some(draft.say("."))
    }

    /// By what the kernel compares where it is known (live), else by what the table shows.
    fn victim_chosen(&self) -> Option<Draft> {
        let draft = Draft::new(code::VICTIM_CHOSEN);
        let by_badness = self
            .others
            .iter()
            .filter_map(|(other, _)| Some((*other, other.badness_pages?)))
            .max_by_key(|(other, badness)| (*badness, std::cmp::Reverse(other.pid)));
        let (ours, (next, theirs)) = match self.victim.badness_pages.zip(by_badness) {
            Some(both) => both,
            None => return self.largest(draft),
        };
        if theirs > ours {
            // It was not chosen by its badness (vm.oom_kill_allocating_task, or it was dying).
            return None;
        }
        Some(
            draft
                .say(&format!("{} had the highest badness, ", self.name()))
                .signed("victim_badness", ours)
                .say(&format!(" pages; next was {} (pid ", called(next)))
                .count("next_pid", next.pid.into())
                .say(") with ")
                .signed("next_badness", theirs)
                .say("."),
        )
    }

    fn largest(&self, draft: Draft) -> Option<Draft> {
        let (next, next_rss) = self.next()?;
        if next_rss >= self.victim_rss {
            return None;
        }
        Some(
            draft
                .say(&format!(
                    "{} had most resident of those that may be killed, ",
                    self.name()
                ))
                .bytes("victim_rss", self.victim_rss)
                .say(&format!("; next was {} (pid ", called(next)))
                .count("next_pid", next.pid.into())
                .say(") with ")
                .bytes("next_rss", next_rss)
                .say("."),
        )
    }

    fn larger_process_protected(&self) -> Option<Draft> {
        let (other, rss) = self
            .others
            .iter()
            .find(|(other, _)| other.oom_score_adj == Some(PROTECTED))?;
        if *rss <= self.victim_rss || !super::node_filled::is_culprit(self.event, *rss) {
            return None;
        }
        Some(
            Draft::new(code::LARGER_PROCESS_PROTECTED)
                .say(&format!("{} (pid ", called(other)))
                .count("protected_pid", other.pid.into())
                .say(") had ")
                .bytes("protected_rss", *rss)
                .say(" resident, but its oom_score_adj of ")
                .signed("protected_oom_score_adj", PROTECTED.into())
                .say(" protects it from being killed.")
                .change("Protect it less, or bound it: while it is protected others are killed for its ")
                .bytes("protected_rss", *rss)
                .say("."),
        )
    }
}

fn called(candidate: &Candidate) -> &str {
    match candidate.comm.as_deref() {
        Some(comm) if !comm.is_empty() => comm,
        _ => "a process",
    }
}
