//! Times on the command line, as `journalctl --since` takes them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time as it was typed. What it is depends on the time zone and on when now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A time whose zone is known.
    At(Timestamp),
    /// A date and a time of day of some zone.
    Local(DateTime),
    /// The beginning of the day that was so many days before today.
    DaysAgo(i8),
    /// So long before now.
    Ago(SignedDuration),
}

impl Moment {
    /// The time that is meant; `None` beyond the years that a clock can show.
    #[must_use]
    pub fn resolve(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Local(time) => zone.to_timestamp(time).ok(),
            Self::DaysAgo(days) => {
                let today = now.to_zoned(zone.clone()).date();
                let date = today
                    .checked_sub(SignedDuration::from_hours(24 * i64::from(days)))
                    .ok()?;
                zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
                    .ok()
            }
            Self::Ago(duration) => now.checked_sub(duration).ok(),
        }
    }
}

/// Reads a [`Moment`].
///
/// # Errors
///
/// It is written in none of the known ways.
pub(super) fn parse(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    let found = match text {
        "now" => Some(Moment::Ago(SignedDuration::ZERO)),
        "today" => Some(Moment::DaysAgo(0)),
        "yesterday" => Some(Moment::DaysAgo(1)),
        _ => absolute(text).or_else(|| ago(text)),
    };
    found.ok_or_else(|| {
        format!(
            "{text:?} is no time; write 2026-05-23, \"2026-05-23 06:17\", \
             2026-05-23T06:17:40+02:00, today, yesterday, 2h or @1779517060"
        )
    })
}

fn absolute(text: &str) -> Option<Moment> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?)
            .ok()
            .map(Moment::At);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Moment::At(time));
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(Moment::Local(time));
    }
    let date = text.parse::<Date>().ok()?;
    Some(Moment::Local(
        date.to_datetime(jiff::civil::Time::midnight()),
    ))
}

/// `2h`, `-2h`, `2 hours ago`.
fn ago(text: &str) -> Option<Moment> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_suffix("ago").unwrap_or(text).trim();
    let duration = text.parse::<SignedDuration>().ok().or_else(|| {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let days = match unit.trim() {
            "d" | "day" | "days" => 1,
            "w" | "week" | "weeks" => 7,
            _ => return None,
        };
        let hours = number.parse::<i64>().ok()?.checked_mul(24 * days)?;
        (hours <= 24 * 36_500).then(|| SignedDuration::from_hours(hours))
    })?;
    (!duration.is_negative()).then_some(Moment::Ago(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now: Timestamp = "2026-05-23T12:00:00Z".parse().unwrap();
        for (text, wanted) in [
            ("2026-05-22", "2026-05-22T00:00:00Z"),
            ("2026-05-22 06:17", "2026-05-22T06:17:00Z"),
            ("2026-05-22T06:17:40+02:00", "2026-05-22T04:17:40Z"),
            ("today", "2026-05-23T00:00:00Z"),
            ("yesterday", "2026-05-22T00:00:00Z"),
            ("now", "2026-05-23T12:00:00Z"),
            ("2h", "2026-05-23T10:00:00Z"),
            ("-90m", "2026-05-23T10:30:00Z"),
            ("2 hours ago", "2026-05-23T10:00:00Z"),
            ("3d", "2026-05-20T12:00:00Z"),
            ("@1779517060", "2026-05-23T06:17:40Z"),
        ] {
            let found = parse(text).unwrap().resolve(now, &TimeZone::UTC);
            assert_eq!(found, Some(wanted.parse().unwrap()), "{text}");
        }
        for no in ["", "soon", "2026-13-01", "99999999999d", "h"] {
            assert!(parse(no).is_err(), "{no}");
        }
    }
}
