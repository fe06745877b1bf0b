//! Gap events that the daemon itself makes.

use crate::diagnose;
use crate::model::{Event, EventKind, Gap, GapReason, Header, Source};
use crate::pipeline::host;
use crate::sink::Loss;

/// Kills whose events could not be stored. `header` is that of a neighbour.
pub(super) fn lost(header: &Header, lost: Loss) -> Event {
    let kills = (lost.kills_min, lost.kills_max);
    explained(Gap::beside(
        header,
        GapReason::StoreFailed,
        kills,
        lost.events,
    ))
}

/// Events that the store removed before a sink took them: `count` from number `first` on, of which any
/// may have been a kill.
pub(super) fn removed(first: u64, count: u64) -> Event {
    let id = format!("store:{first}:{count}");
    let version = env!("CARGO_PKG_VERSION");
    let header = Header {
        observed_timestamp: Some(format!("{:.9}", jiff::Timestamp::now())),
        hostname: Some(host::name()),
        ..Header::new(EventKind::Gap, Source::Bpf, id, version)
    };
    explained(Gap::of(header, GapReason::StoreRemoved, (0, count)))
}

fn explained(gap: Gap) -> Event {
    let mut event = Event::Gap(Box::new(gap));
    diagnose::explain(&mut event);
    event
}
