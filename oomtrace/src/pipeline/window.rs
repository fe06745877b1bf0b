//! `--since` and `--until`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::Moment;
use crate::model::Event;

/// The times between which events are shown.
#[derive(Debug, Default)]
pub(super) struct Window {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Events left out because their time is not known.
    timeless: u64,
}

impl Window {
    /// What the arguments ask for, as of now. Times without a zone are of `zone`, else local.
    pub(super) fn new(
        since: Option<Moment>,
        until: Option<Moment>,
        zone: Option<TimeZone>,
    ) -> Self {
        let now = Timestamp::now();
        let zone = zone.unwrap_or_else(TimeZone::system);
        let resolve = |moment: Option<Moment>| moment?.resolve(now, &zone);
        Self {
            since: resolve(since),
            until: resolve(until),
            timeless: 0,
        }
    }

    /// Whether an event is to be shown.
    pub(super) fn holds(&mut self, event: &Event) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let time = event.header().timestamp.as_deref();
        let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
            self.timeless = self.timeless.saturating_add(1);
            return false;
        };
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }

    /// Says what was left out for want of a time; `remedy` is a remark in brackets, or nothing.
    pub(super) fn remark(&self, remedy: &str) {
        if self.timeless > 0 {
            log::warn!(
                "{} events were left out by --since and --until because their time of day is not \
                 known{remedy}",
                self.timeless
            );
        }
    }
}
