//! What every event starts with, and why fields are absent.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{PageSize, Reason};

/// How bad an event is, in the words log shippers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something was killed.
    Error,
    /// Something was missed.
    Warn,
    /// Something is worth knowing.
    Info,
}

/// The name of an event, the `event` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// [`super::OomKill`].
    OomKill,
    /// [`super::OomOutcome`].
    OomOutcome,
    /// [`super::OomNoVictim`].
    OomNoVictim,
    /// [`super::Gap`].
    Gap,
    /// [`super::UserspaceOomKill`].
    UserspaceOomKill,
}

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The live probe.
    Bpf,
    /// The kernel's log.
    Klog,
}

/// The kernel an event comes from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelInfo {
    /// `uname -r`.
    pub release: Option<String>,
    /// Identity of this boot.
    pub boot_id: Option<String>,
    /// Bytes of a page.
    pub page_size_bytes: Option<PageSize>,
}

/// The oomtrace that wrote an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TracerInfo {
    /// Its version.
    pub version: String,
}

/// What every event starts with. `timestamp`, `level`, `message` and `hostname` are the names log
/// shippers look for.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header {
    /// When it happened: RFC 3339, UTC, nanoseconds. Absent where only the time since boot is
    /// known.
    pub timestamp: Option<String>,
    /// Where `timestamp` comes from: `kernel_clock`; `carrier` (the log shows it); `derived` (from
    /// the time since boot of this host's own log, by what both clocks showed when it was read).
    pub timestamp_basis: Option<String>,
    /// The time as the log shows it, where its zone or its year are not known: `2026-11-23 15:25:59`
    /// or `11-23 15:25:59`. Instead of `timestamp`.
    pub log_time: Option<String>,
    /// When oomtrace wrote the event.
    pub observed_timestamp: Option<String>,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub event: EventKind,
    /// Version of this schema.
    pub schema_version: u32,
    /// The event in one sentence.
    pub message: String,
    /// Name of the host.
    pub hostname: Option<String>,
    /// Names the event, the same whoever reports it. Of a kill seen by the probe: boot id, start of
    /// the victim in microseconds since boot, thread id; of its outcome that and the state; of other
    /// events boot id, their own time and thread. The log does not know a victim's start, so a kill
    /// read from it has the time of its line.
    pub event_id: Option<String>,
    /// Where the event comes from.
    pub source: Source,
    /// Microseconds between boot and the event.
    pub since_boot_us: Option<u64>,
    /// The kernel.
    pub kernel: KernelInfo,
    /// The tracer.
    pub tracer: TracerInfo,
}

/// Why a field is absent.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missing {
    /// The field, as a path of keys with dots.
    pub field: String,
    /// Why, as a stable word.
    pub reason: Reason,
    /// Why in words, where they say more than the word's own explanation, or that explanation the first
    /// time that the word occurs in an event.
    pub why: Option<String>,
}
