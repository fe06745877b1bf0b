//! One sentence for each of the other events.

use std::fmt::Write as _;

use crate::model::{
    Event, Gap, GapReason, OomOutcome, OutcomeState, ReaperState, UserspaceOomKill,
};
use crate::words;

/// The sentence for `header.message` of any event.
#[must_use]
pub fn message(event: &Event) -> String {
    match event {
        Event::OomKill(event) => super::message::message(event),
        Event::OomOutcome(event) => message_for_outcome(event),
        Event::OomNoVictim(event) => super::no_victim::message(event),
        Event::Gap(event) => message_for_gap(event),
        Event::UserspaceOomKill(event) => message_for_userspace_kill(event),
    }
}

/// `java (pid 10831) was gone 12.3 ms after it was killed`
#[must_use]
pub fn message_for_outcome(event: &OomOutcome) -> String {
    let who = words::process(event.comm.as_deref(), Some(event.pid));
    if event.state == OutcomeState::StillAlive {
        let after = event
            .alive_after_us
            .map_or(String::new(), |us| format!(" {}", words::duration(us)));
        return format!(
            "{who} is still alive{after} after it was killed{}",
            reaped(event)
        );
    }
    let mut text = match event.exit_latency_us {
        Some(latency) => format!(
            "{who} was gone {} after it was killed",
            words::duration(latency)
        ),
        None => format!("{who} is gone"),
    };
    // 9 is what was to be expected.
    match event.exit_signal {
        Some(0) => text.push_str("; it had ended by itself"),
        Some(signal) if signal != 9 => {
            let _ = write!(text, "; it ended by signal {signal}");
        }
        _ => {}
    }
    text.push_str(&reaped(event));
    text
}

/// What the reaper did, which is rare enough to be said.
fn reaped(event: &OomOutcome) -> String {
    let Some(reaper) = &event.reaper else {
        return String::new();
    };
    match (reaper.state, reaper.freed_bytes) {
        (ReaperState::Finished, Some(bytes)) => {
            format!(
                "; the kernel's reaper had taken {} of it",
                words::size(bytes)
            )
        }
        (ReaperState::Finished, None) => "; the kernel's reaper had taken its memory".to_owned(),
        (ReaperState::Started, _) => "; the kernel's reaper was at it".to_owned(),
        (ReaperState::Skipped, _) => "; the kernel's reaper could not take its memory".to_owned(),
    }
}

/// `3 kills were missed: the ring was full`
#[must_use]
pub fn message_for_gap(event: &Gap) -> String {
    let (min, max) = (event.kills_missed_min, event.kills_missed_max);
    let many = if min == max {
        format!("{min} kill{}", if min == 1 { "" } else { "s" })
    } else {
        format!("{min} to {max} kills")
    };
    let were = if (min, max) == (1, 1) { "was" } else { "were" };
    let why = match event.reason {
        GapReason::Unknown => ", it is not known why".to_owned(),
        GapReason::Unrecognized => String::new(),
        reason => format!(": {}", reason.explanation()),
    };
    format!("{many} {were} missed{why}")
}

/// `systemd-oomd killed java (pid 7) in cgroup /a`
#[must_use]
pub fn message_for_userspace_kill(event: &UserspaceOomKill) -> String {
    let mut text = format!("{} killed", event.killer);
    let is_process = event.pid.is_some() || event.comm.is_some();
    if is_process || event.cgroup_path.is_none() {
        let _ = write!(
            text,
            " {}",
            words::process(event.comm.as_deref(), event.pid)
        );
    }
    match &event.cgroup_path {
        Some(path) if is_process => {
            let _ = write!(text, " in cgroup {path}");
        }
        Some(path) => {
            let _ = write!(text, " cgroup {path}");
        }
        None => {}
    }
    text
}
