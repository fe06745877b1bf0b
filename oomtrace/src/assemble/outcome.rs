//! The end of a victim whose kill was emitted.

use super::context::{CaptureContext, micros};
use super::recent::{RecentKills, RecentVictim};
use super::text::text;
use super::victim::Command;
use crate::decode::Outcome;
use crate::model::{EventKind, IncidentId, JSON_INTEGER_MAX, Level, OomOutcome, OutcomeState, id};

/// The event of an observed exit, which it records; nothing where the kill is not
/// remembered or its end was reported already.
pub(super) fn ended(
    ctx: &CaptureContext<'_>,
    recent: &mut RecentKills,
    outcome: &Outcome,
) -> Option<OomOutcome> {
    let sequence = outcome.meta.sequence;
    let start = Some(outcome.start_boot_ns).filter(|ns| *ns != 0);
    let incident = recent.incident(recent.kill(sequence)?.incident)?.id.clone();
    let victim = recent
        .victim_mut(sequence, outcome.tgid, start)
        .filter(|victim| !victim.gone)?;
    victim.gone = true;
    let victim = RecentVictim {
        late: victim.late.take(),
        ..victim.clone()
    };
    let victims = &recent.kill(sequence)?.victims;
    if victims.first().is_some_and(|first| first.gone) {
        recent.has_ended(sequence);
    }
    Some(event(ctx, outcome, &victim, &incident))
}

/// The event of a victim that was found alive at `now_boot_ns`; nothing where its end was seen.
pub(super) fn found_alive(
    ctx: &CaptureContext<'_>,
    recent: &RecentKills,
    sequence: u32,
    now_boot_ns: u64,
) -> Option<OomOutcome> {
    let kill = recent.kill(sequence)?;
    let incident = recent.incident(kill.incident)?;
    let victim = kill.victims.first().filter(|victim| !victim.gone)?;
    still_alive(ctx, now_boot_ns, kill.mark.boot_ns, victim, &incident.id)
}

/// The event of a victim's end. A command line that came too late for the kill's own event is
/// in it.
fn event(
    ctx: &CaptureContext<'_>,
    outcome: &Outcome,
    victim: &RecentVictim,
    incident_id: &str,
) -> OomOutcome {
    let latency = outcome
        .meta
        .boot_ns
        .checked_sub(outcome.marked_boot_ns)
        .map(micros)
        .filter(|us| *us <= JSON_INTEGER_MAX);
    OomOutcome {
        exit_latency_us: latency,
        exit_signal: signal(outcome.exit_code),
        ..event_of(
            ctx,
            victim,
            incident_id,
            (OutcomeState::Exited, outcome.meta.boot_ns, outcome.tgid),
        )
    }
}

/// The event of a victim that has not exited by the time of the latest clock reading. Nothing if
/// its process is not known.
fn still_alive(
    ctx: &CaptureContext<'_>,
    now_boot_ns: u64,
    marked_boot_ns: u64,
    victim: &RecentVictim,
    incident_id: &str,
) -> Option<OomOutcome> {
    let alive = micros(now_boot_ns.saturating_sub(marked_boot_ns));
    Some(OomOutcome {
        alive_after_us: Some(alive).filter(|us| *us <= JSON_INTEGER_MAX),
        ..event_of(
            ctx,
            victim,
            incident_id,
            (OutcomeState::StillAlive, now_boot_ns, victim.tgid?),
        )
    })
}

fn event_of(
    ctx: &CaptureContext<'_>,
    victim: &RecentVictim,
    incident_id: &str,
    (state, boot_ns, tgid): (OutcomeState, u64, u32),
) -> OomOutcome {
    let id = id::of_outcome(&victim.event_id, state);
    let mut header = ctx.header(EventKind::OomOutcome, boot_ns, id);
    if state == OutcomeState::StillAlive {
        header.level = Level::Warn;
    }
    let (comm, comm_hex) = text(victim.comm.as_deref());
    let cmdline = victim.late.as_ref().and_then(|context| {
        let bytes = context.cmdline.as_ref()?;
        Command::split(bytes, context.cmdline_total_bytes).arguments
    });
    OomOutcome {
        header,
        incident: IncidentId {
            id: incident_id.to_owned(),
        },
        kill_event_id: Some(victim.event_id.clone()),
        pid: tgid,
        comm,
        comm_hex,
        state,
        exit_latency_us: None,
        exit_signal: None,
        alive_after_us: None,
        reaper: victim.reaped.shown(ctx.host.page_size_bytes),
        cmdline,
    }
}

/// The signal in an exit status of the kernel's making; 0 means that it exited by itself.
fn signal(exit_code: u32) -> Option<i32> {
    i32::try_from(exit_code & 0x7f)
        .ok()
        .filter(|signal| *signal != 0)
}

#[cfg(test)]
mod tests {
    use super::signal;

    #[test]
    fn the_signal_is_the_low_seven_bits() {
        assert_eq!(signal(9), Some(9));
        assert_eq!(signal(0x80 | 11), Some(11), "with a core dump");
        assert_eq!(signal(1 << 8), None, "exit(1)");
        assert_eq!(signal(0), None);
    }
}
