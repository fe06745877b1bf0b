//! Any bytes for a log, in any settings.

#![no_main]

#[path = "klog/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;
use oomtrace::fuzz::TransportSettings;

fuzz_target!(|bytes: &[u8]| {
    let Some((flags, log)) = bytes.split_first() else {
        return;
    };
    let settings = || TransportSettings {
        year: (flags & 1 != 0).then_some(2024),
        trust_user_lines: flags & 2 != 0,
        live: flags & 4 != 0,
        ..TransportSettings::default()
    };
    let (mut events, text) = check::decode(log, usize::MAX, settings());
    // Where a log is cut while it is read makes no difference.
    let (pieces, _) = check::decode(log, 1 + usize::from(flags >> 3), settings());
    assert_eq!(events, pieces);
    check::check(&mut events, &text, true);
});
