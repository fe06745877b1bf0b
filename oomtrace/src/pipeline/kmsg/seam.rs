//! Where the log ends and the live capture begins: every kill once.
//!
//! The log is read to its end before the probe is attached, so nothing in that part can have been
//! seen live. What is written after that may have been: the log is read on until no report in it is
//! open, while what the probe tells is held back. A kill in both is one.

use std::time::{Duration, Instant};

use super::{KernelLog, count};
use crate::{
    assemble::Tally,
    model::{Event, Header},
    pipeline::clock,
};

/// Two tellings of one kill are no further apart than this.
const APART_MAX_NS: u64 = 2_000_000_000;

/// How long an open report is waited for.
const OPEN_MAX: Duration = Duration::from_secs(2);

/// How long after its mark a kill is told of by the probe's side, at most.
const LIVE_DELAY_NS: u64 = 60_000_000;

/// A log whose end and the beginning of a live capture are being put together.
pub(in crate::pipeline) struct Backfill {
    log: KernelLog,
    logged: Vec<Event>,
    /// Time of the newest record before the probe was attached, microseconds of the log's clock.
    attached_us: u64,
    /// A report that is still open then is taken as it is.
    wait_until: Instant,
    /// Enough was read of the log. When all of that has come from the probe too, nanoseconds of
    /// `CLOCK_BOOTTIME`.
    live_until_ns: Option<u64>,
    /// What the probe told meanwhile.
    live: Vec<Event>,
}

impl Backfill {
    /// Reads what the log holds. To be called before the probe is attached.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(in crate::pipeline) fn before_attaching(mut log: KernelLog) -> anyhow::Result<Self> {
        Ok(Self {
            logged: log.read()?,
            attached_us: log.newest_us(),
            log,
            wait_until: Instant::now() + OPEN_MAX,
            live_until_ns: None,
            live: Vec::new(),
        })
    }

    /// The log.
    pub(in crate::pipeline) fn log(&self) -> &KernelLog {
        &self.log
    }

    /// Holds an event of the probe back.
    pub(in crate::pipeline) fn hold(&mut self, event: Event) {
        self.live.push(event);
    }

    /// When [`Self::is_over`] is to be asked, if the log does not become readable before.
    pub(in crate::pipeline) fn due(&self) -> Instant {
        let now = Instant::now();
        match self.live_until_ns {
            Some(until) => now + Duration::from_nanos(until.saturating_sub(clock::boot_ns())),
            None => self.log.due().map_or(now, |due| due.min(self.wait_until)),
        }
    }

    /// Reads on. Whether everything is there that belongs together; `now` takes what there is for it.
    ///
    /// # Errors
    ///
    /// The log can no longer be read.
    pub(in crate::pipeline) fn is_over(&mut self, now: bool) -> anyhow::Result<bool> {
        let until = match self.live_until_ns {
            Some(until) => until,
            None => {
                self.logged.extend(self.log.read()?);
                self.logged.extend(self.log.settled());
                if self.log.due().is_some() && Instant::now() < self.wait_until && !now {
                    return Ok(false);
                }
                // A report that is just being written will come from the probe.
                self.logged.extend(match self.log.due() {
                    Some(_) => self.log.paused(),
                    None => self.log.finished(),
                });
                *self
                    .live_until_ns
                    .insert(clock::boot_ns().saturating_add(LIVE_DELAY_NS))
            }
        };
        Ok(now || until <= clock::boot_ns())
    }

    /// What the log tells and the probe does not, and then what the probe told. `counted` is what the
    /// kernel had counted before and after the probe was attached.
    pub(in crate::pipeline) fn joined(self, counted: (Option<u64>, Option<u64>)) -> Joined {
        let newer_ns = self.log.boot_ahead_ns();
        let logged = without_seen(self.logged, &self.live, self.attached_us, newer_ns);
        let mut tally = Tally::default();
        count::add(&mut tally, &logged);
        let (before, after) = counted;
        let gap = self.log.gap_before(before.zip(after), tally);
        Joined {
            gap,
            logged,
            live: self.live,
        }
    }
}

/// Both sides of the seam, in their order.
pub(in crate::pipeline) struct Joined {
    /// Kills that neither shows.
    pub(in crate::pipeline) gap: Option<Event>,
    pub(in crate::pipeline) logged: Vec<Event>,
    pub(in crate::pipeline) live: Vec<Event>,
}

/// `logged` without what `live` tells too, matched one to one.
fn without_seen(
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

/// How far apart the two tell of what may be the same, nanoseconds.
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

/// What happened to which thread: kills, and allocations for which nothing could be killed.
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
    use crate::{
        klog::{
            line::Line,
            report::{KlogHost, Reports},
        },
        model::Source,
    };

    const ATTACHED_US: u64 = 1_000_000;

    /// A kill of `tid` at `ms`, as the log tells it.
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

    /// The same as the probe tells it.
    fn live(tid: u32, ms: u64) -> Event {
        let mut event = logged(tid, ms);
        if let Event::OomKill(kill) = &mut event {
            kill.header.source = Source::Bpf;
        }
        event
    }

    fn left(logged: Vec<Event>, live: &[Event], ahead_ms: Option<i64>) -> Vec<u64> {
        let ahead = ahead_ms.map(|ms| ms * 1_000_000);
        without_seen(logged, live, ATTACHED_US, ahead)
            .iter()
            .filter_map(|event| Some(event.header().since_boot_us? / 1000))
            .collect()
    }

    #[test]
    fn what_both_tell_is_told_once() {
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
