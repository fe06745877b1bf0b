//! Kills that both the kernel log and the probe report: each is kept once.
//!
//! The log has neither the probe's clock nor its running numbers, so events are matched by boot,
//! thread and time, one to one, the nearest first. The probe's event stays, as it holds more.

use crate::model::{Event, Header};

/// Two reports of one kill are at most this far apart.
const APART_MAX_NS: u64 = 2_000_000_000;

/// Removes from `logged` the kills that `live` reports too.
///
/// Nothing up to `attached_us`, by the log's clock, can have been seen live. `boot_ahead_ns` is
/// `CLOCK_BOOTTIME` minus the log's clock; without it, time is not compared.
#[must_use]
pub fn without_live(
    mut logged: Vec<Event>,
    live: &[Event],
    attached_us: u64,
    boot_ahead_ns: Option<i64>,
) -> Vec<Event> {
    for event in live {
        let nearest = logged
            .iter()
            .enumerate()
            .filter_map(|(index, other)| {
                let apart = apart(other, event, attached_us, boot_ahead_ns)?;
                (apart <= APART_MAX_NS).then_some((apart, index))
            })
            .min();
        if let Some((_, index)) = nearest {
            logged.remove(index);
        }
    }
    logged
}

/// How far apart two reports are that may be of the same kill, nanoseconds; nothing if they cannot be.
fn apart(
    logged: &Event,
    live: &Event,
    attached_us: u64,
    boot_ahead_ns: Option<i64>,
) -> Option<u64> {
    let ((one, tid), (two, other_tid)) = (identity(logged)?, identity(live)?);
    let us = one.since_boot_us.filter(|us| *us > attached_us)?;
    let same_boot = match (&one.kernel.boot_id, &two.kernel.boot_id) {
        (Some(one), Some(two)) => one == two,
        // Both are this host's, and it has not been restarted meanwhile.
        _ => true,
    };
    if tid != other_tid || !same_boot {
        return None;
    }
    // Where the log's clock is not known, both are at least from the same two seconds.
    let Some(ahead_ns) = boot_ahead_ns else {
        return Some(0);
    };
    let logged_ns = i128::from(us) * 1000 + i128::from(ahead_ns);
    let live_ns = i128::from(two.since_boot_us?) * 1000;
    u64::try_from(logged_ns.abs_diff(live_ns)).ok()
}

/// The thread an event is about, and whether it was killed (or found nothing to kill).
fn identity(event: &Event) -> Option<(&Header, (bool, u32))> {
    match event {
        Event::OomKill(kill) => Some((&kill.header, (true, kill.victim.tid?))),
        Event::OomNoVictim(none) => {
            let trigger = none.trigger.as_ref()?;
            Some((&none.header, (false, trigger.tid?)))
        }
        Event::OomOutcome(_) | Event::Gap(_) | Event::UserspaceOomKill(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::klog::line::Line;
    use crate::klog::report::{KlogHost, Reports};
    use crate::model::Source;

    const ATTACHED_US: u64 = 1_000_000;

    /// The log's event of a kill of `tid` at `ms`.
    fn logged(tid: u32, ms: u64) -> Event {
        let mut reports = Reports::new(KlogHost {
            boot_id: Some("b".to_owned()),
            ..KlogHost::default()
        });
        let mut out = Vec::new();
        let line = Line {
            text: format!(
                "Out of memory: Killed process {tid} (a) total-vm:4kB, anon-rss:4kB, \
                 file-rss:0kB, shmem-rss:0kB"
            )
            .into_bytes(),
            since_boot_us: Some(ms * 1000),
            ..Line::default()
        };
        reports.line(&line, &mut out);
        reports.finish(&mut out);
        out.pop().unwrap()
    }

    /// The probe's event of the same.
    fn live(tid: u32, ms: u64) -> Event {
        let mut event = logged(tid, ms);
        if let Event::OomKill(kill) = &mut event {
            kill.header.source = Source::Bpf;
        }
        event
    }

    fn left(logged: Vec<Event>, live: &[Event], ahead_ms: Option<i64>) -> Vec<u64> {
        let ahead = ahead_ms.map(|ms| ms * 1_000_000);
        without_live(logged, live, ATTACHED_US, ahead)
            .iter()
            .filter_map(|event| Some(event.header().since_boot_us? / 1000))
            .collect()
    }

    #[test]
    fn a_kill_in_both_sources_is_kept_once() {
        let log = || vec![logged(7, 500), logged(7, 1500), logged(8, 1600)];
        // The log's clock is 20 s behind.
        let seen = [live(7, 21_501), live(9, 21_700)];
        assert_eq!(left(log(), &seen, Some(20_000)), [500, 1600]);
        assert_eq!(left(log(), &seen, None), [500, 1600], "clock not known");
        assert_eq!(left(log(), &seen, Some(0)), [500, 1500, 1600], "far apart");
        assert_eq!(left(log(), &[], Some(0)), [500, 1500, 1600]);
    }

    #[test]
    fn one_to_one_and_the_nearest() {
        let log = vec![logged(7, 1100), logged(7, 2000), logged(7, 2900)];
        assert_eq!(left(log, &[live(7, 2010)], Some(0)), [1100, 2900]);
        let log = vec![logged(7, 1100), logged(7, 2000)];
        let twice = [live(7, 1990), live(7, 1110), live(7, 1120)];
        assert_eq!(left(log, &twice, Some(0)), [0_u64; 0]);
    }

    #[test]
    fn before_attaching_nothing_was_seen() {
        assert_eq!(
            left(vec![logged(7, 1000)], &[live(7, 1001)], Some(0)),
            [1000]
        );
    }

    #[test]
    fn another_boot_is_another_kill() {
        let mut other = live(7, 1500);
        if let Event::OomKill(kill) = &mut other {
            kill.header.kernel.boot_id = Some("c".to_owned());
        }
        assert_eq!(left(vec![logged(7, 1500)], &[other], Some(0)), [1500]);
    }
}
