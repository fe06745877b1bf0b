//! Everything that is not a kill: one line each, and what is known of an invocation without one.

use super::look::{Look, Shown};
use super::{head, limit, notes, path, who};
use crate::model::{Event, Gap, OomNoVictim, OomOutcome, OutcomeState, UserspaceOomKill};
use crate::render::escape::escape;
use crate::render::layout::Page;
use crate::render::style::Role;
use crate::words::grouped;

pub(super) fn render(page: &mut Page, look: &Look, shown: &mut Shown, event: &Event) {
    let header = event.header();
    let message = message(look, event);
    if let Event::OomOutcome(outcome) = event
        && shown.incident.as_ref() == Some(&outcome.incident.id)
    {
        // It belongs to the kill right above.
        page.label("outcome");
        page.prose(Role::Plain, &escape(&message), 0);
        late_cmdline(page, outcome);
        return;
    }
    head::day(page, look, shown, header);
    head::verdict(page, look, header, &message);
    match event {
        Event::OomOutcome(outcome) => late_cmdline(page, outcome),
        Event::OomNoVictim(none) => blocks(page, look, shown, none),
        _ => {}
    }
    shown.incident = None;
}

/// The event in a sentence.
pub(super) fn message(look: &Look, event: &Event) -> String {
    let message = &event.header().message;
    if message.is_empty() {
        words(look, event)
    } else {
        message.clone()
    }
}

/// The blocks of a kill, as far as they do not need a victim.
fn blocks(page: &mut Page, look: &Look, shown: &mut Shown, none: &OomNoVictim) {
    let kill = none.as_kill();
    notes::changes(page, look, &kill);
    who::owner(page, look, &kill);
    who::trigger(page, look, &kill);
    limit::render(page, look, &kill);
    notes::others(page, look, &kill);
    notes::findings(page, look, &kill);
    notes::missing(page, look, shown, &kill);
    notes::unparsed(page, look, none.report.as_deref());
}

fn late_cmdline(page: &mut Page, outcome: &OomOutcome) {
    if let Some(cmdline) = &outcome.cmdline {
        page.prose(Role::Plain, &escape(&cmdline.join(" ")), 2);
    }
}

/// What is said where no message came with the event.
fn words(look: &Look, event: &Event) -> String {
    match event {
        Event::OomKill(_) => String::new(),
        Event::OomOutcome(event) => outcome(look, event),
        Event::OomNoVictim(event) => no_victim(look, event),
        Event::Gap(event) => gap(event),
        Event::UserspaceOomKill(event) => userspace(look, event),
    }
}

fn process(comm: Option<&str>, pid: Option<u32>) -> String {
    match (comm, pid) {
        (Some(comm), Some(pid)) => format!("{comm} (pid {pid})"),
        (Some(comm), None) => comm.to_owned(),
        (None, Some(pid)) => format!("pid {pid}"),
        (None, None) => "a process".to_owned(),
    }
}

fn outcome(look: &Look, event: &OomOutcome) -> String {
    let who = process(event.comm.as_deref(), Some(event.pid));
    if event.state == OutcomeState::StillAlive {
        return format!("{who} is still alive");
    }
    let after = event.exit_latency_us.map_or(String::new(), |us| {
        format!(", {} after the kill", look.figures.duration(us))
    });
    let signal = match event.exit_signal {
        Some(9) | None => String::new(),
        Some(other) => format!(" (of signal {other})"),
    };
    format!("{who} is gone{after}{signal}")
}

fn no_victim(look: &Look, event: &OomNoVictim) -> String {
    let who = event.trigger.as_ref().map_or(String::new(), |trigger| {
        let who = process(trigger.comm.as_deref(), trigger.pid);
        format!("; {who} had asked for memory")
    });
    let whose = event
        .limit
        .as_ref()
        .and_then(|limit| limit.cgroup_path.as_deref())
        .map_or(String::new(), |cgroup| {
            format!(" in {}", path::shown(look, cgroup))
        });
    format!("the OOM killer found nothing to kill{whose}{who}")
}

fn gap(event: &Gap) -> String {
    let (min, max) = (event.kills_missed_min, event.kills_missed_max);
    let many = match (min, max) {
        (1, 1) => "1 kill was missed".to_owned(),
        _ if min == max => format!("{} kills were missed", grouped(min)),
        _ => format!("{} to {} kills were missed", grouped(min), grouped(max)),
    };
    let known: Vec<String> = event
        .victims
        .iter()
        .map(|victim| process(victim.comm.as_deref(), victim.pid))
        .collect();
    let known = if known.is_empty() {
        String::new()
    } else {
        format!("; known of them: {}", known.join(", "))
    };
    format!("{many} ({}){known}", event.reason.word())
}

fn userspace(look: &Look, event: &UserspaceOomKill) -> String {
    let who = process(event.comm.as_deref(), event.pid);
    let whose = event
        .cgroup_path
        .as_deref()
        .map_or(String::new(), |cgroup| {
            format!(" in {}", path::shown(look, cgroup))
        });
    format!("{} killed {who}{whose}, not the kernel", event.killer)
}
