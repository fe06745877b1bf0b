//! The events themselves.

use serde::{Deserialize, Serialize};

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
