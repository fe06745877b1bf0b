//! The events themselves.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{
    Bytes, Candidate, CandidatesBasis, CgroupLevel, Finding, Gap, Header, Incident, KernelReport,
    LimitHit, Missing, NodeMemory, OomNoVictim, OomOutcome, Owner, Runtime, Trigger,
    UserspaceOomKill, Victim,
};

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

/// A process was killed by the OOM killer.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomKill {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The invocation of the OOM killer that this kill belongs to.
    pub incident: Incident,
    /// Who asked for the memory.
    pub trigger: Option<Trigger>,
    /// Who died.
    pub victim: Victim,
    /// Whom it belonged to.
    pub owner: Option<Owner>,
    /// The memory settings of its runtime.
    pub runtime: Option<Runtime>,
    /// Whose limit it was.
    pub limit: Option<LimitHit>,
    /// The node's memory, for a global OOM.
    pub node_memory: Option<NodeMemory>,
    /// The victim's cgroup and its ancestors, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hierarchy: Vec<CgroupLevel>,
    /// How many levels there are.
    pub hierarchy_total: Option<u32>,
    /// The processes that the kernel looked at, worst first. In the event of an incident's first
    /// kill only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// How many there were.
    pub candidates_total: Option<u32>,
    /// Where the list comes from.
    pub candidates_basis: Option<CandidatesBasis>,
    /// How long after the kill the list was read. For `survivors`.
    pub candidates_delay_us: Option<u64>,
    /// How far off each counter may be that makes up a candidate's resident memory: the part that
    /// processors keep to themselves is not added up for every process.
    pub candidates_rss_error_max_bytes: Option<Bytes>,
    /// The rest of the kernel's own report (source `klog` only).
    pub report: Option<Box<KernelReport>>,
    /// How often this owner has been hit. Absent where neither owner nor time is known.
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
