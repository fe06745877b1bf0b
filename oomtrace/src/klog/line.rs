//! One line of kernel-log text, freed of its carrier: the contract between `carrier` and `report`.

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
    /// Identity of the boot (journald's `_BOOT_ID`).
    pub boot_id: Option<String>,
    /// `Some(true)`: the carrier says that the kernel wrote it; `Some(false)`: that something else
    /// did, so that it is not to be believed; `None`: the carrier does not say.
    pub from_kernel: Option<bool>,
    /// Name of the program that wrote it, where the carrier gives one that is not the kernel:
    /// `systemd-oomd`, `earlyoom`.
    pub program: Option<Vec<u8>>,
    /// syslog severity 0–7.
    pub severity: Option<u8>,
    /// Caller (`T123`, `C0`) as the kernel or the carrier shows it.
    pub caller: Option<String>,
    /// Number of the line in its input, from 1, for messages.
    pub number: u64,
}
