//! The kernel's own log, `/dev/kmsg`: what it still holds, and what comes.

mod backfill;
mod live;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

pub(super) use self::backfill::{Backfill, Joined};
pub(super) use self::live::{LogLive, named};
use super::decoder::Decoder;
use super::host;
use super::log_error::{KMSG, explained};
use crate::assemble::Observed;
use crate::diagnose;
use crate::klog::report::KlogHost;
use crate::klog::transport::TransportSettings;
use crate::model::{Event, GapReason, Level, Missing, Reason};
use crate::pipeline::stored::Stored;
use crate::process::{self, clock};

/// Longer than any record: `CONSOLE_EXT_LOG_MAX` of kernels that had the longest.
const RECORD_BYTES_MAX: usize = 8192;

/// The kernel prints a report in one go: after so long without a line, it is over.
const PATIENCE: Duration = Duration::from_millis(250);

/// The clocks are compared again after so long, if there is something to read: they drift, and a
/// suspended host stops one of them.
const CLOCK_AGE_MAX: Duration = Duration::from_secs(10);

/// The log's clock stops while the host is suspended; less than this may be rounding.
const SUSPENDED_NS_MIN: u64 = 1_000_000_000;

/// `/dev/kmsg`, read record by record and decoded.
pub(super) struct KernelLog {
    file: File,
    decoder: Decoder,
    /// The running number that the next record should have.
    next: Option<u64>,
    /// The oldest record that was there: its running number and time, microseconds.
    begins: Option<(u64, u64)>,
    newest_us: u64,
    /// Records that were overwritten before they were read.
    lost: u64,
    /// When the clocks were compared, and whether perf was there for it.
    compared: Option<(Instant, bool)>,
    /// `CLOCK_BOOTTIME` minus the log's clock.
    boot_ahead_ns: Option<i64>,
    /// What was there before this is history, whose times are not known on a host that was suspended.
    caught_up: bool,
}

/// /dev/kmsg, which never waits.
///
/// # Errors
///
/// It cannot be read here.
pub(super) fn file() -> anyhow::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
    File::options()
        .read(true)
        .custom_flags(flags)
        .open(KMSG)
        .map_err(|error| explained(KMSG, &error))
}

impl KernelLog {
    /// Opens the log at its oldest record.
    ///
    /// # Errors
    ///
    /// It cannot be read; the message says what would help.
    pub(super) fn open(hostname: Option<String>) -> anyhow::Result<Self> {
        Ok(Self::of(file()?, hostname))
    }

    /// The log that this gives record by record, without waiting.
    fn of(file: File, hostname: Option<String>) -> Self {
        let settings = TransportSettings {
            live: true,
            ..TransportSettings::default()
        };
        Self {
            file,
            decoder: Decoder::new(settings, this_host(hostname), PATIENCE),
            next: None,
            begins: None,
            newest_us: 0,
            lost: 0,
            compared: None,
            boot_ahead_ns: None,
            caught_up: false,
        }
    }

    /// Becomes readable when there is more.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Reads what is there now; gives the events that are complete.
    ///
    /// # Errors
    ///
    /// The log can no longer be read.
    pub(super) fn read(&mut self) -> anyhow::Result<Vec<Event>> {
        self.compare_clocks();
        let mut record = [0; RECORD_BYTES_MAX];
        loop {
            match self.file.read(&mut record) {
                Ok(0) => break,
                Ok(read) => {
                    let bytes = record.get(..read).unwrap_or_default();
                    self.note(bytes);
                    self.decoder.feed(bytes);
                }
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN) => break,
                    // Overwritten before they were read: the next one's number shows how many.
                    Some(Errno::PIPE | Errno::INTR) => {}
                    _ => return Err(explained(KMSG, &error)),
                },
            }
        }
        let events = self.take();
        self.caught_up = true;
        Ok(events)
    }

    /// What is complete once it is time to show it, though more may come.
    pub(super) fn settled(&mut self) -> Vec<Event> {
        self.decoder.pause_if_due();
        self.take()
    }

    /// What is complete if nothing more comes for the moment.
    pub(super) fn paused(&mut self) -> Vec<Event> {
        self.decoder.pause();
        self.take()
    }

    /// What is there at the end.
    pub(super) fn finished(&mut self) -> Vec<Event> {
        self.decoder.finish();
        self.take()
    }

    /// When [`Self::settled`] has something to say.
    pub(super) fn due(&self) -> Option<Instant> {
        self.decoder.due()
    }

    /// Says what the reader of an empty output should know.
    pub(super) fn remark(&self) {
        self.decoder.remark(KMSG);
    }

    /// A gap in this log.
    pub(super) fn gap(&self, min: u64, max: u64, reason: GapReason, at_us: Option<u64>) -> Event {
        self.decoder.gap(min, max, reason, at_us)
    }

    /// The kills that this log no longer shows: the kernel had counted `counted` (not less than the
    /// first and not more than the second) when the log was read, and `seen` are in it.
    fn gap_before(&self, counted: Option<(u64, u64)>, seen: Observed) -> Option<Event> {
        let (number, us) = self.begins.unwrap_or_default();
        let Some((least, most)) = counted else {
            if number > 0 {
                log::warn!(
                    "the kernel log begins {} s after boot, and this kernel does not count \
                     kills: whether there were any before that is not known",
                    us / 1_000_000
                );
            }
            return None;
        };
        let min = seen.missed_of(least).0;
        let max = seen.missed_of(most).1;
        let reason = if number > 0 {
            GapReason::LogOverwritten
        } else {
            GapReason::NotInLog
        };
        (min > 0).then(|| self.gap(min, max, reason, self.begins.map(|(_, us)| us)))
    }

    /// What is to be shown of `events`, the log's history: those that are not stored, and a gap for kills
    /// that are known from nowhere. The kernel had counted `counted` kills, at least and at most.
    fn history(
        &self,
        events: Vec<Event>,
        counted: Option<(u64, u64)>,
        stored: Option<Stored>,
    ) -> (Option<Event>, Vec<Event>) {
        let mut seen = Observed::default();
        seen.add_events(&events);
        let gap = self.gap_before(counted, seen);
        let Some(stored) = stored else {
            return (gap, events);
        };
        let added = stored.add_history(events, counted, self.boot_ahead_ns);
        let gap = if added.is_first_start {
            gap.map(before_start)
        } else {
            let at_us = Some(self.newest_us);
            added
                .missed
                .map(|(min, max, reason)| self.gap(min, max, reason, at_us))
        };
        (gap, added.events)
    }

    /// Time of the newest record, microseconds of the log's clock.
    pub(super) fn newest_us(&self) -> u64 {
        self.newest_us
    }

    /// Records that were overwritten before they were read.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// `CLOCK_BOOTTIME` minus the log's clock, nanoseconds, where it is known.
    pub(super) fn boot_ahead_ns(&self) -> Option<i64> {
        self.boot_ahead_ns
    }

    /// Takes notice of a record: `priority,sequence,microseconds,flags;text`.
    fn note(&mut self, record: &[u8]) {
        let mut fields = record.split(|byte| *byte == b',').skip(1).map(|field| {
            let text = std::str::from_utf8(field).ok()?;
            text.parse::<u64>().ok()
        });
        let (Some(Some(number)), Some(Some(us))) = (fields.next(), fields.next()) else {
            return;
        };
        self.newest_us = us;
        match self.next {
            None => self.begins = Some((number, us)),
            Some(next) => {
                let lost = number.saturating_sub(next);
                if lost > 0 {
                    log::warn!(
                        "{KMSG}: {lost} messages were overwritten before they were read; what \
                         they said is not known"
                    );
                }
                self.lost = self.lost.saturating_add(lost);
            }
        }
        self.next = Some(number.saturating_add(1));
        // A record that has just come bounds the log's clock where perf does not give it.
        if self.caught_up && !self.clock_is_exact() {
            let ahead = i128::from(clock::boot_ns()) - i128::from(us) * 1000;
            let ahead = i64::try_from(ahead).ok();
            self.boot_ahead_ns = match (self.boot_ahead_ns, ahead) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            };
            self.pass_clock_on();
        }
    }

    fn clock_is_exact(&self) -> bool {
        self.compared.is_some_and(|(_, exact)| exact)
    }

    fn compare_clocks(&mut self) {
        if self
            .compared
            .is_some_and(|(compared, _)| compared.elapsed() < CLOCK_AGE_MAX)
        {
            return;
        }
        let ahead = process::boot_ahead_ns();
        if let Err(error) = &ahead {
            log::debug!("the log's clock cannot be read: {error}");
        }
        self.compared = Some((Instant::now(), ahead.is_ok()));
        self.boot_ahead_ns = ahead.ok();
        self.pass_clock_on();
    }

    fn pass_clock_on(&mut self) {
        let known = self.caught_up || !was_suspended();
        let realtime = i128::from(clock::realtime_ns()) - i128::from(clock::boot_ns());
        let ahead = self
            .boot_ahead_ns
            .filter(|_| known)
            .and_then(|ahead| i64::try_from(realtime + i128::from(ahead)).ok());
        self.decoder.set_realtime_ahead(ahead);
    }

    fn take(&mut self) -> Vec<Event> {
        let mut events = self.decoder.take();
        let observed = jiff::Timestamp::now();
        let clock = self.boot_ahead_ns.is_some();
        for event in &mut events {
            let (header, missing, lost) = match event {
                Event::OomKill(kill) => (
                    &mut kill.header,
                    Some(&mut kill.missing),
                    Some(&mut kill.lost_records),
                ),
                Event::OomNoVictim(none) => {
                    none.lost_records = Some(self.lost);
                    (&mut none.header, Some(&mut none.missing), None)
                }
                Event::UserspaceOomKill(kill) => (&mut kill.header, None, None),
                Event::OomOutcome(_) | Event::Gap(_) => continue,
            };
            header.observed_timestamp = Some(format!("{observed:.9}"));
            if let Some(lost) = lost {
                *lost = self.lost;
            }
            if let (None, Some(missing)) = (&header.timestamp, missing) {
                missing.push(no_timestamp(clock));
            }
        }
        events
    }
}

/// A gap of what was before anything was captured: no loss, and no reason to warn.
fn before_start(mut gap: Event) -> Event {
    if let Event::Gap(gap) = &mut gap {
        gap.header.level = Level::Info;
        gap.reason = GapReason::BeforeStart;
    }
    diagnose::explain(&mut gap);
    gap
}

/// Why a time of day is absent.
fn no_timestamp(clock: bool) -> Missing {
    let (reason, why) = if clock {
        (
            Reason::Suspended,
            "the host was suspended since boot, and the log's clock stops meanwhile",
        )
    } else {
        (
            Reason::NoClock,
            "the log's clock cannot be read here (perf; kernel.perf_event_paranoid)",
        )
    };
    Missing {
        field: "timestamp".to_owned(),
        reason,
        why: Some(why.to_owned()),
    }
}

fn was_suspended() -> bool {
    clock::boot_ns().saturating_sub(clock::monotonic_ns()) >= SUSPENDED_NS_MIN
}

/// This host, whose own log is read.
fn this_host(hostname: Option<String>) -> KlogHost {
    let uname = rustix::system::uname();
    KlogHost {
        hostname: Some(hostname.unwrap_or_else(host::name)),
        release: Some(uname.release().to_string_lossy().into_owned()),
        boot_id: host::boot_id().ok(),
        tracer_version: env!("CARGO_PKG_VERSION").to_owned(),
        realtime_ahead_ns: None,
    }
}
