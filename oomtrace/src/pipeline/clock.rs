//! The clocks.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_BOOTTIME`, nanoseconds.
pub(super) fn boot_ns() -> u64 {
    nanoseconds(ClockId::Boottime)
}

/// `CLOCK_MONOTONIC`, nanoseconds: as boot time, without what the host was suspended.
pub(super) fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// `CLOCK_REALTIME`, nanoseconds since 1970.
pub(super) fn realtime_ns() -> u64 {
    nanoseconds(ClockId::Realtime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}
