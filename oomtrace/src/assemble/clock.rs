//! Times: the kernel's clock since boot, as wall-clock time.

use jiff::Timestamp;

/// What is known of the relation between `CLOCK_BOOTTIME` and `CLOCK_REALTIME`, and how late it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Realtime minus boottime, nanoseconds.
    offset_ns: Option<i128>,
    /// The latest moment heard of, nanoseconds of `CLOCK_BOOTTIME`.
    now_boot_ns: u64,
}

impl Clock {
    /// Takes a reading of both clocks.
    pub(super) fn set(&mut self, boot_ns: u64, realtime_ns: u64) {
        self.offset_ns = Some(i128::from(realtime_ns) - i128::from(boot_ns));
        self.advance(boot_ns);
    }

    /// Takes notice that it is `boot_ns` now.
    pub(super) fn advance(&mut self, boot_ns: u64) {
        self.now_boot_ns = self.now_boot_ns.max(boot_ns);
    }

    /// A moment since boot as RFC 3339 with nanoseconds, UTC; nothing before the first reading.
    pub(super) fn timestamp(&self, boot_ns: u64) -> Option<String> {
        let realtime_ns = i128::from(boot_ns) + self.offset_ns?;
        let timestamp = Timestamp::from_nanosecond(realtime_ns).ok()?;
        Some(format!("{timestamp:.9}"))
    }

    /// Now, where that is not before `boot_ns`: an event was not observed before it happened.
    pub(super) fn observed(&self, boot_ns: u64) -> Option<String> {
        if self.now_boot_ns < boot_ns {
            return None;
        }
        self.timestamp(self.now_boot_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_becomes_wall_time() {
        let mut clock = Clock::default();
        assert_eq!(clock.timestamp(5), None, "no reading, no time");
        clock.set(1_000, 1_795_447_559_551_893_123);
        assert_eq!(
            clock.timestamp(1_000).as_deref(),
            Some("2026-11-23T15:25:59.551893123Z")
        );
        assert_eq!(
            clock.timestamp(0).as_deref(),
            Some("2026-11-23T15:25:59.551892123Z")
        );
        assert_eq!(
            clock.timestamp(u64::MAX),
            Some("2611-06-14T15:00:33.261443738Z".into())
        );
    }

    #[test]
    fn nothing_is_observed_before_it_happened() {
        let mut clock = Clock::default();
        clock.set(1_000, 1_000);
        assert_eq!(clock.observed(1_001), None);
        clock.advance(2_000);
        clock.advance(1_500);
        assert_eq!(
            clock.observed(1_001).as_deref(),
            Some("1970-01-01T00:00:00.000002000Z")
        );
    }
}
