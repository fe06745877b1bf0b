//! One line of kernel-log text, freed of its carrier: the contract between `carrier` and `report`.

use std::fmt;

/// Date and time of day as a carrier shows them, without their zone, or without the year, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownTime {
    /// The year, where it is shown.
    pub year: Option<i16>,
    /// The month, from 1.
    pub month: i8,
    /// The day of the month, from 1.
    pub day: i8,
    /// Hour, minute and second.
    pub time: (i8, i8, i8),
}

impl ShownTime {
    /// Seconds since the beginning of the year, roughly: enough to tell how far apart two times of
    /// one month are.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        let (hour, minute, second) = self.time;
        let days = i64::from(self.month) * 31 + i64::from(self.day);
        let of_day = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        u64::try_from(days * 86_400 + of_day).ok()
    }
}

impl fmt::Display for ShownTime {
    /// `2024-03-13 11:16:48`, or `03-13 11:16:48`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            time: (hour, minute, second),
        } = self;
        if let Some(year) = year {
            write!(f, "{year:04}-")?;
        }
        write!(f, "{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// A line of a kernel's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The message, without prefix, level, timestamp or line end; any bytes. A record with
    /// embedded newlines becomes one line each (with the same time).
    pub text: Vec<u8>,
    /// Name of the host the carrier gives, which tells interleaved logs apart.
    pub host: Option<Vec<u8>>,
    /// Microseconds since boot, where the carrier or the kernel's own timestamp shows it.
    pub since_boot_us: Option<u64>,
    /// Wall clock time in nanoseconds since 1970 (UTC), where the carrier shows one whose zone and
    /// year are known.
    pub realtime_ns: Option<i64>,
    /// What the carrier shows instead, where zone or year are not known.
    pub shown_time: Option<ShownTime>,
    /// Identity of the boot (journald's `_BOOT_ID`).
    pub boot_id: Option<String>,
    /// `Some(true)`: the carrier says that the kernel wrote it; `Some(false)`: that something else
    /// did, so that it is not to be believed; `None`: the carrier does not say.
    pub from_kernel: Option<bool>,
    /// Name of the program that wrote it, where the carrier gives one that is not the kernel:
    /// `systemd-oomd`, `earlyoom`.
    pub program: Option<Vec<u8>>,
    /// Who relays what the kernel said, where the transport shows it: a Kubernetes component.
    pub relayed_by: Option<String>,
    /// syslog severity 0–7.
    pub severity: Option<u8>,
    /// Caller (`T123`, `C0`) as the kernel or the carrier shows it.
    pub caller: Option<String>,
    /// Number of the line in its input, from 1, for messages.
    pub number: u64,
}
