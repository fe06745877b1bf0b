//! Gap events that the daemon itself makes.

use crate::diagnose;
use crate::model::{
    Event, EventKind, Gap, GapReason, Header, KernelInfo, Level, SCHEMA_VERSION, Source, TracerInfo,
};
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
    let header = Header {
        timestamp: None,
        timestamp_basis: None,
        log_time: None,
        observed_timestamp: Some(format!("{:.9}", jiff::Timestamp::now())),
        level: Level::Warn,
        event: EventKind::Gap,
        schema_version: SCHEMA_VERSION,
        message: String::new(),
        hostname: Some(host::name()),
        event_id: Some(format!("store:{first}:{count}")),
        source: Source::Bpf,
        since_boot_us: None,
        kernel: KernelInfo::default(),
        tracer: TracerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    };
    explained(Gap::of(header, GapReason::StoreRemoved, (0, count)))
}

fn explained(gap: Gap) -> Event {
    let mut event = Event::Gap(Box::new(gap));
    diagnose::explain(&mut event);
    event
}
