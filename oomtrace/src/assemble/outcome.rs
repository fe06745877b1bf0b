//! What became of a victim that was told of.

use super::{
    header::{Surroundings, micros},
    told::ToldVictim,
    victim::{Command, text},
};
use crate::{
    decode::Outcome,
    model::{EventKind, JSON_INTEGER_MAX, Level, OomOutcome},
};

/// The event of a victim's end. A command line that came too late for the kill's own event stands
/// here.
pub(super) fn event(
    around: &Surroundings<'_>,
    outcome: &Outcome,
    victim: &ToldVictim,
    incident_id: &str,
) -> OomOutcome {
    let (comm, comm_hex) = text(victim.comm.as_deref());
    let latency = outcome
        .meta
        .boot_ns
        .checked_sub(outcome.marked_boot_ns)
        .map(micros)
        .filter(|us| *us <= JSON_INTEGER_MAX);
    let cmdline = victim.late.as_ref().and_then(|context| {
        let bytes = context.cmdline.as_ref()?;
        Command::split(bytes, context.cmdline_total_bytes).arguments
    });
    OomOutcome {
        header: around.header(
            EventKind::OomOutcome,
            Level::Info,
            outcome.meta.boot_ns,
            Some(outcome.tgid),
        ),
        incident_id: incident_id.to_owned(),
        kill_event_id: victim.event_id.clone(),
        pid: outcome.tgid,
        comm,
        comm_hex,
        exit_latency_us: latency,
        exit_signal: signal(outcome.exit_code),
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
