//! When and where: the day, the time, the verdict.

use jiff::Timestamp;

use super::look::{Look, Shown};
use crate::model::Header;
use crate::render::escape::escape;
use crate::render::layout::{Page, columns_of};
use crate::render::style::Role;

/// A line with host, day and time zone, where it is not the one that was shown last.
pub(super) fn day(page: &mut Page, look: &Look, shown: &mut Shown, header: &Header) {
    let zoned = instant(header).map(|at| at.to_zoned(look.time_zone.clone()));
    let when = match (&zoned, &header.log_time, header.since_boot_us) {
        (Some(zoned), _, _) => zoned.strftime("%a %Y-%m-%d, UTC%:z").to_string(),
        (None, Some(time), _) => format!("{}, in the log's own time zone", date_of(time)),
        (None, None, Some(_)) => "time since boot".to_owned(),
        (None, None, None) => "time not in the log".to_owned(),
    };
    let now = match &header.hostname {
        Some(hostname) => format!("{}, {when}", escape(hostname)),
        None => when,
    };
    if shown.day.as_ref() != Some(&now) {
        page.bare(Role::Dim, &now);
        shown.day = Some(now);
    }
}

/// The day of a time as the log shows it: `2026-11-23`, or `Nov 23` where there is no year.
fn date_of(time: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = time.split(' ').next().unwrap_or(time);
    let named = date.split_once('-').and_then(|(month, day)| {
        let month = month.parse::<usize>().ok()?.checked_sub(1)?;
        Some(format!("{} {day}", MONTHS.get(month)?))
    });
    named.unwrap_or_else(|| escape(date).into_owned())
}

/// The time and the verdict.
pub(super) fn verdict(page: &mut Page, look: &Look, header: &Header, message: &str) {
    let time = time(look, header);
    let columns = columns_of(&time) + 1;
    let first = format!("{} ", page.style().paint(Role::Dim, &time));
    page.headline(&first, columns, &escape(message));
}

/// `15:25:59` local time, or as the log shows it, or its `[ 1241.551893]` where only that is known.
fn time(look: &Look, header: &Header) -> String {
    if let Some(at) = instant(header) {
        let zoned = at.to_zoned(look.time_zone.clone());
        return zoned.strftime("%H:%M:%S").to_string();
    }
    if let Some((_, time)) = header.log_time.as_deref().and_then(|at| at.split_once(' ')) {
        return escape(time).into_owned();
    }
    match header.since_boot_us {
        Some(us) => format!("[{:>5}.{:06}]", us / 1_000_000, us % 1_000_000),
        None => "[time not known]".to_owned(),
    }
}

/// `11-28 15:25:59`, or what is known of it.
pub(super) fn short_time(look: &Look, header: &Header) -> String {
    if let Some(at) = instant(header) {
        let zoned = at.to_zoned(look.time_zone.clone());
        return zoned.strftime("%m-%d %H:%M:%S").to_string();
    }
    match header.log_time.as_deref() {
        // `2026-11-23 15:25:59`: the year has no room.
        Some(time) => {
            let from = time.len().saturating_sub("11-23 15:25:59".len());
            escape(time.get(from..).unwrap_or(time)).into_owned()
        }
        None => time(look, header),
    }
}

fn instant(header: &Header) -> Option<Timestamp> {
    header.timestamp.as_deref()?.parse().ok()
}
