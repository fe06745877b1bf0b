//! Real reports, damaged, mixed and carried in all ways; who dies must be named by a line that is
//! whole.

#![no_main]

#[path = "klog/check.rs"]
mod check;
#[path = "klog/mutate.rs"]
mod mutate;

use libfuzzer_sys::fuzz_target;
use oomtrace::fuzz::{Event, TransportSettings};

fuzz_target!(|bytes: &[u8]| {
    let log = mutate::log(bytes);
    let (mut events, text) = check::decode(&log, usize::MAX, TransportSettings::default());
    // Where a log is cut while it is read makes no difference; now and then is often enough.
    if bytes.len() % 8 == 3 {
        let (pieces, _) = check::decode(&log, 61, TransportSettings::default());
        assert_eq!(events, pieces);
    }
    let kills = events
        .iter()
        .filter(|event| matches!(event, Event::OomKill(_)));
    // Each kill has a line of its own that names it.
    let lines = log.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(kills.count() <= lines);
    check::check(&mut events, &text, bytes.len() % 8 == 5);
});
