//! The events themselves.

use serde::{Deserialize, Serialize};

use super::{
    Bytes, Candidate, CandidatesBasis, CgroupLevel, Finding, Gap, Incident, KernelReport, LimitHit,
    NodeMemory, OomNoVictim, OomOutcome, Owner, PageSize, Reason, Runtime, Trigger,
    UserspaceOomKill, Victim,
};

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
    /// [`OomKill`].
    OomKill,
    /// [`OomOutcome`].
    OomOutcome,
    /// [`OomNoVictim`].
    OomNoVictim,
    /// [`Gap`].
    Gap,
    /// [`UserspaceOomKill`].
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelInfo {
    /// `uname -r`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Identity of this boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Bytes of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header {
    /// When it happened: RFC 3339, UTC, nanoseconds. Absent where only the time since boot is
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Where `timestamp` comes from: `kernel_clock`; `carrier` (the log shows it); `derived` (from
    /// the time since boot of this host's own log, by what both clocks showed when it was read).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_basis: Option<String>,
    /// The time as the log shows it, where its zone or its year are not known: `2026-11-23 15:25:59`
    /// or `11-23 15:25:59`. Instead of `timestamp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_time: Option<String>,
    /// When oomtrace wrote the event.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Names the event, the same whoever reports it. Of a kill seen by the probe: boot id, start of
    /// the victim in microseconds since boot, thread id; of its outcome that and the state; of other
    /// events boot id, their own time and thread. The log does not know a victim's start, so a kill
    /// read from it has the time of its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Where the event comes from.
    pub source: Source,
    /// Microseconds between boot and the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_boot_us: Option<u64>,
    /// The kernel.
    pub kernel: KernelInfo,
    /// The tracer.
    pub tracer: TracerInfo,
}

/// How often the same owner was OOM-killed (its container or unit, else the cgroup
/// whose limit was hit) within the same capture or log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recurrence {
    /// Which time this is: 1 for the first.
    pub number: u32,
    /// How long ago the first time was.
    pub since_first_us: u64,
}

/// Why a field is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missing {
    /// The field, as a path of keys with dots.
    pub field: String,
    /// Why, as a stable word.
    pub reason: Reason,
    /// Why in words, where they say more than the word's own explanation, or that explanation the first
    /// time that the word stands in an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A process was killed by the OOM killer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomKill {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The invocation of the OOM killer that this kill belongs to.
    pub incident: Incident,
    /// Who asked for the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Who died.
    pub victim: Victim,
    /// Whom it belonged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// What its runtime was told about memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// Whose limit it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitHit>,
    /// The node's memory, for a global OOM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_memory: Option<NodeMemory>,
    /// The victim's cgroup and its ancestors, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hierarchy: Vec<CgroupLevel>,
    /// How many levels there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hierarchy_total: Option<u32>,
    /// The processes that the kernel looked at, worst first. In the event of an incident's first
    /// kill only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// How many there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates_total: Option<u32>,
    /// Where the list comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates_basis: Option<CandidatesBasis>,
    /// How long after the kill the list was read. For `survivors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates_delay_us: Option<u64>,
    /// How far off each counter may be that makes up a candidate's resident memory: the part that
    /// processors keep to themselves is not added up for every process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates_rss_error_max_bytes: Option<Bytes>,
    /// The rest of the kernel's own report (source `klog` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<KernelReport>>,
    /// How often this owner has been hit. Absent where neither owner nor time is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// What oomtrace concludes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is absent, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What was trimmed to keep the line short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<String>,
    /// Records lost so far: the probe's, or those of /dev/kmsg that were overwritten unread.
    pub lost_records: u64,
}

/// Any event. In JSON the `event` field tells which.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A process was killed.
    OomKill(Box<OomKill>),
    /// What became of a victim.
    OomOutcome(Box<OomOutcome>),
    /// Nothing could be killed.
    OomNoVictim(Box<OomNoVictim>),
    /// Kills were missed.
    Gap(Box<Gap>),
    /// A user-space OOM killer acted.
    UserspaceOomKill(Box<UserspaceOomKill>),
}

impl Event {
    /// What every event starts with.
    #[must_use]
    pub fn header(&self) -> &Header {
        match self {
            Self::OomKill(event) => &event.header,
            Self::OomOutcome(event) => &event.header,
            Self::OomNoVictim(event) => &event.header,
            Self::Gap(event) => &event.header,
            Self::UserspaceOomKill(event) => &event.header,
        }
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::OomKill(event) => event.serialize(serializer),
            Self::OomOutcome(event) => event.serialize(serializer),
            Self::OomNoVictim(event) => event.serialize(serializer),
            Self::Gap(event) => event.serialize(serializer),
            Self::UserspaceOomKill(event) => event.serialize(serializer),
        }
    }
}
