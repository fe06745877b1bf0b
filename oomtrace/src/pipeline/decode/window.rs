//! `--since` and `--until`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::args::DecodeArgs;
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
    /// What the arguments ask for, as of now.
    pub(super) fn new(args: &DecodeArgs) -> Self {
        let now = Timestamp::now();
        let zone = args.time_zone.clone().unwrap_or_else(TimeZone::system);
        let resolve = |moment: Option<crate::cli::Moment>| moment?.resolve(now, &zone);
        Self {
            since: resolve(args.since),
            until: resolve(args.until),
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

    /// Says what was left out for want of a time.
    pub(super) fn remark(&self) {
        if self.timeless > 0 {
            log::warn!(
                "{} events were left out by --since and --until because their time of day is not \
                 known (--time-zone and --year may tell it)",
                self.timeless
            );
        }
    }
}
