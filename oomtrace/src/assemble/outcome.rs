//! What became of a victim that was told of.

use super::context::{CaptureContext, micros};
use super::missing::possible;
use super::recent::RecentVictim;
use super::victim::{Command, text};
use crate::decode::{KillRss, Outcome, Reaping, ReapingStep};
use crate::model::{
    EventKind, JSON_INTEGER_MAX, Level, OomOutcome, OutcomeState, PageSize, Pages, Reaper,
    ReaperState, id,
};

/// How long after the mark a victim that has not exited is told of.
pub(super) const ALIVE_NS: u64 = 10_000_000_000;

/// The event of a victim's end. A command line that came too late for the kill's own event stands
/// here.
pub(super) fn event(
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
pub(super) fn still_alive(
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
    let level = match state {
        OutcomeState::Exited => Level::Info,
        OutcomeState::StillAlive => Level::Warn,
    };
    let (comm, comm_hex) = text(victim.comm.as_deref());
    let cmdline = victim.late.as_ref().and_then(|context| {
        let bytes = context.cmdline.as_ref()?;
        Command::split(bytes, context.cmdline_total_bytes).arguments
    });
    OomOutcome {
        header: ctx.header(
            EventKind::OomOutcome,
            level,
            boot_ns,
            id::of_outcome(&victim.event_id, state),
        ),
        incident: crate::model::IncidentId {
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

/// What the reaper has done with one victim so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Reaped {
    /// Of its first attempt.
    first: Option<Reaping>,
    /// Of its last one.
    last: Option<Reaping>,
    /// What it last left.
    left: Option<KillRss>,
}

impl Reaped {
    /// Takes a step in; they come in their order.
    pub(super) fn take(&mut self, step: Reaping) {
        self.first.get_or_insert(step);
        self.last = Some(step);
        if step.step == ReapingStep::Finished {
            self.left = step.rss.or(self.left);
        }
    }

    fn shown(&self, page_size: PageSize) -> Option<Reaper> {
        let (first, last) = (self.first?, self.last?);
        let after = |step: Reaping| {
            let us = step
                .meta
                .boot_ns
                .checked_sub(step.marked_boot_ns)
                .map(micros);
            us.filter(|us| *us <= JSON_INTEGER_MAX)
        };
        let bytes = |pages: Pages| Some(pages.bytes(page_size)).filter(possible);
        let all = |rss: KillRss| {
            let sum = rss.anon.0.saturating_add(rss.file.0);
            sum.saturating_add(rss.shmem.0)
        };
        let freed = first
            .rss
            .zip(self.left)
            .map(|(had, left)| Pages(all(had).saturating_sub(all(left))));
        Some(Reaper {
            state: match last.step {
                ReapingStep::Started => ReaperState::Started,
                ReapingStep::Finished => ReaperState::Finished,
                ReapingStep::Skipped => ReaperState::Skipped,
            },
            started_after_us: after(first),
            finished_after_us: Some(last)
                .filter(|last| last.step != ReapingStep::Started)
                .and_then(after),
            freed_bytes: freed.and_then(bytes),
            left_anon_bytes: self.left.and_then(|left| bytes(left.anon)),
            left_file_bytes: self.left.and_then(|left| bytes(left.file)),
            left_shmem_bytes: self.left.and_then(|left| bytes(left.shmem)),
        })
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
