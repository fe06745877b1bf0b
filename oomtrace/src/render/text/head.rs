//! When and where: the day, the time, the verdict.

use jiff::Timestamp;

use super::{Look, Page, Role, Shown};
use crate::model::Header;
use crate::render::escape::escape;

/// A line with host, day and time zone, where it is not the one that was shown last.
pub(super) fn day(page: &mut Page, look: &Look, shown: &mut Shown, header: &Header) {
    let zoned = instant(header).map(|at| at.to_zoned(look.time_zone.clone()));
    let date = zoned.as_ref().map(jiff::Zoned::date);
    let now = (header.hostname.clone(), date);
    if shown.day.as_ref() == Some(&now) {
        return;
    }
    let mut parts = Vec::new();
    if let Some(hostname) = &header.hostname {
        parts.push(escape(hostname).into_owned());
    }
    match &zoned {
        Some(zoned) => parts.push(zoned.strftime("%a %Y-%m-%d, UTC%:z").to_string()),
        None => parts.push("time since boot".to_owned()),
    }
    page.bare(Role::Dim, &parts.join(", "));
    shown.day = Some(now);
}

/// The time and the verdict.
pub(super) fn verdict(page: &mut Page, look: &Look, header: &Header, message: &str) {
    let time = time(look, header);
    let columns = time.chars().count() + 1;
    let first = format!("{} ", page.style().paint(Role::Dim, &time));
    page.headline(&first, columns, &escape(message));
}

/// `15:25:59` local time, or the kernel log's `[ 1241.551893]` where only that is known.
fn time(look: &Look, header: &Header) -> String {
    if let Some(at) = instant(header) {
        let zoned = at.to_zoned(look.time_zone.clone());
        return zoned.strftime("%H:%M:%S").to_string();
    }
    match header.since_boot_us {
        Some(us) => format!("[{:>5}.{:06}]", us / 1_000_000, us % 1_000_000),
        None => "[time not known]".to_owned(),
    }
}

fn instant(header: &Header) -> Option<Timestamp> {
    header.timestamp.as_deref()?.parse().ok()
}
