//! Times of events, in a column.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Columns of a relative time, or of the time of a log.
pub(super) const RELATIVE_COLUMNS: usize = 14;

/// Columns of a time in UTC.
pub(super) const UTC_COLUMNS: usize = 19;

/// How times are written.
#[derive(Clone, Copy, Debug)]
pub enum Times {
    /// `3 h ago`, as of this time.
    Relative(Timestamp),
    /// `2026-11-28 11:14:58`, in UTC.
    Utc,
}

impl Times {
    /// Columns that a time takes.
    pub(super) const fn columns(self) -> usize {
        match self {
            Self::Relative(_) => RELATIVE_COLUMNS,
            Self::Utc => UTC_COLUMNS,
        }
    }

    /// A time whose zone is known.
    pub(super) fn of(self, time: Timestamp) -> String {
        match self {
            Self::Relative(now) => relative(now, time),
            Self::Utc => utc(time),
        }
    }

    /// The best that an event has: its time, the time as its log shows it, or that since boot.
    pub(super) fn best(
        self,
        time: Option<Timestamp>,
        log_time: Option<&str>,
        since_boot_us: Option<u64>,
    ) -> String {
        match (time, log_time, since_boot_us) {
            (Some(time), _, _) => self.of(time),
            // 2026-11-23 15:25:59, without its year where that does not fit.
            (None, Some(text), _) if text.chars().count() > self.columns() => {
                text.chars().skip(5).take(self.columns()).collect()
            }
            (None, Some(text), _) => text.to_owned(),
            (None, None, Some(us)) => format!("boot +{}", coarse(us / 1_000_000)),
            (None, None, None) => "?".to_owned(),
        }
    }
}

/// `2026-11-28 11:14:58`.
pub(super) fn utc(time: Timestamp) -> String {
    let zoned = time.to_zoned(TimeZone::UTC);
    zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn relative(now: Timestamp, time: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second());
    match u64::try_from(seconds) {
        Ok(seconds) => format!("{} ago", coarse(seconds)),
        Err(_) => format!("in {}", coarse(seconds.unsigned_abs())),
    }
}

/// In one unit: `41 s`, `59 min`, `47 h`, `12 d`.
fn coarse(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fit_their_column() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        for (time, relative, absolute) in [
            ("2026-11-28T11:59:19Z", "41 s ago", "2026-11-28 11:59:19"),
            ("2026-11-28T11:01:00Z", "59 min ago", "2026-11-28 11:01:00"),
            ("2026-11-27T08:00:00Z", "28 h ago", "2026-11-27 08:00:00"),
            ("2026-11-01T08:00:00Z", "27 d ago", "2026-11-01 08:00:00"),
            ("2026-11-28T12:03:20Z", "in 3 min", "2026-11-28 12:03:20"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!(Times::Relative(now).of(time), relative);
            assert_eq!(Times::Utc.of(time), absolute);
        }
        let times = Times::Relative(now);
        let log = "2026-11-23 15:25:59";
        assert_eq!(times.best(None, Some(log), Some(1)), "11-23 15:25:59");
        assert_eq!(times.best(None, None, Some(1_241_551_893)), "boot +20 min");
        assert_eq!(times.best(None, None, None), "?");
    }
}
