//! An invocation of the OOM killer that killed nothing, or whose kill the log does not show.

use std::fmt::Write as _;

use super::code;
use super::draft::{self, Draft, Findings};
use super::share::is_half;
use crate::model::{Bytes, Candidate, OomKill, OomNoVictim};
use crate::words;

/// `oom_score_adj` of a process that is never killed.
const PROTECTED: i32 = -1000;

/// How the kernel came to panic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Panic {
    /// `vm.panic_on_oom` asks for it.
    Configured,
    /// Nothing could be killed.
    Deadlock,
}

/// Fills `findings` and `header.message`.
pub(super) fn diagnose(event: &mut OomNoVictim) {
    let kill = event.as_kill();
    let mut findings = Findings::new();
    findings.extend(panicked(event));
    super::limit::findings(&kill, &mut findings);
    super::node::findings(&kill, &mut findings);
    super::filled::findings(&kill, &mut findings);
    super::circumstances::of_the_invocation(&kill, &mut findings);
    if event.reason.as_deref() == Some("not_shown") {
        findings.extend(likely_victim(&kill));
    }
    event.findings = draft::in_order(findings);
    event.header.message = message(event);
}

fn panic(event: &OomNoVictim) -> Option<Panic> {
    let text = event.report.as_ref()?.panic.as_deref();
    match text {
        Some(text) if text.contains("panic_on_oom") => Some(Panic::Configured),
        Some(_) => Some(Panic::Deadlock),
        None => (event.reason.as_deref() == Some("panic")).then_some(Panic::Deadlock),
    }
}

fn panicked(event: &OomNoVictim) -> Option<Draft> {
    let draft = Draft::new(code::KERNEL_PANICKED);
    Some(match panic(event)? {
        Panic::Configured => draft
            .say(
                "vm.panic_on_oom is set: the kernel panicked instead of killing a process, and the \
                 machine was gone.",
            )
            .change_at_last("Turn vm.panic_on_oom off if a process is to be killed instead."),
        Panic::Deadlock => draft.say(
            "There was no process that the kernel may kill, and without one it cannot go on: it \
             panicked, and the machine was gone.",
        ),
    })
}

/// Whom the kernel would choose by what its table shows: who held most, where no other one is
/// likelier by its `oom_score_adj`. In pages where their size is not known.
fn likely_victim(kill: &OomKill) -> Option<Draft> {
    let total = kill.candidates_total.map_or(0, |total| total as usize);
    if total > kill.candidates.len() {
        return None;
    }
    let held = |candidate: &Candidate| {
        let swap = candidate.swap_pages.unwrap_or_default();
        match (candidate.rss_bytes, candidate.rss_pages) {
            (Some(rss), _) => Some(
                rss.saturating_add(candidate.swap_bytes.unwrap_or_default())
                    .0,
            ),
            (None, Some(rss)) => Some(rss.0.saturating_add(swap.0)),
            (None, None) => None,
        }
    };
    let adj = |candidate: &Candidate| candidate.oom_score_adj.unwrap_or_default();
    let may_die = |candidate: &&Candidate| adj(candidate) != PROTECTED;
    let mut killable = kill.candidates.iter().filter(may_die);
    let likely = killable.clone().max_by_key(|candidate| held(candidate))?;
    let is_beaten = |other: &Candidate| {
        other.pid != likely.pid && (held(other) >= held(likely) || adj(other) > adj(likely))
    };
    if killable.any(is_beaten) {
        return None;
    }
    let resident = |draft: Draft| match (likely.rss_bytes, likely.rss_pages) {
        (Some(rss), _) => Some(draft.bytes("likely_rss", rss)),
        (None, Some(rss)) => Some(draft.pages("likely_rss_pages", rss).say(" pages")),
        (None, None) => None,
    };
    let is_culprit = match (likely.rss_bytes, likely.rss_pages) {
        (Some(rss), _) => super::node_filled::is_culprit(kill, rss),
        (None, Some(rss)) => is_half(Bytes(rss.0), Bytes(all_pages(kill))),
        (None, None) => false,
    };
    if !is_culprit {
        return None;
    }
    let name = words::process(likely.comm.as_deref(), None);
    let draft = Draft::new(code::LIKELY_VICTIM)
        .say(&format!("The likeliest victim is {name} (pid "))
        .count("likely_pid", likely.pid.into())
        .say("): of those that may be killed it had most resident, ");
    let draft = resident(draft)?
        .say(".")
        .change_at_last(&format!("Find out what {name} (pid "))
        .count("likely_pid", likely.pid.into())
        .say(") keeps, or give it more room than the ");
    Some(resident(draft)?.say(" that it had resident."))
}

/// What all tasks of the table have resident, in pages.
fn all_pages(kill: &OomKill) -> u64 {
    let pages = kill.candidates.iter().filter_map(|one| one.rss_pages);
    pages.fold(0, |sum, pages| sum.saturating_add(pages.0))
}

/// `cgroup /a reached its 8 MiB limit, but there was nothing to kill`
#[must_use]
pub(super) fn message(event: &OomNoVictim) -> String {
    let kill = event.as_kill();
    let mut text = super::message::why(&kill).unwrap_or_else(|| "memory ran out".to_owned());
    if let Some(filled) = super::message::filled(&kill) {
        let _ = write!(text, "; {filled}");
    }
    text.push_str(match (panic(event), event.reason.as_deref()) {
        (Some(Panic::Configured), _) => ", and the kernel panicked, as vm.panic_on_oom tells it to",
        (Some(Panic::Deadlock), _) => "; nothing could be killed, and the kernel panicked",
        (None, Some("already_exiting")) => ", but the process that was chosen was exiting already",
        (None, Some("not_shown")) => "; the log does not show what was killed",
        (None, _) => ", but there was nothing to kill",
    });
    if let Some(trigger) = &event.trigger {
        let _ = write!(text, "; {} asked for the memory", words::trigger(trigger));
    }
    text
}
