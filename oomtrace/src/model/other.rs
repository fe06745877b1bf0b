//! The events beside [`super::OomKill`].

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::{
    Bytes, Candidate, CandidatesBasis, Finding, GapReason, Header, Invocation, KernelReport,
    LimitHit, Missing, NodeMemory, Owner, Trigger, Victim,
};

/// What is known of a victim's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutcomeState {
    /// Its last thread has exited.
    #[default]
    Exited,
    /// It has not, 10 s after the kill. Another event tells when it has.
    StillAlive,
}

/// How far the kernel's reaper has come with a victim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReaperState {
    /// It has begun to take the memory.
    #[default]
    Started,
    /// It took what it could.
    Finished,
    /// It left the victim alone: its address space was busy, or empty already.
    Skipped,
}

/// What the kernel's `oom_reaper` did, which takes the memory of a victim that has not exited two
/// seconds after the kill. Source: the tracepoints `oom:*_task_reaping`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reaper {
    /// How far it has come.
    pub state: ReaperState,
    /// From the mark to its first attempt.
    pub started_after_us: Option<u64>,
    /// From the mark to the end of its last attempt.
    pub finished_after_us: Option<u64>,
    /// Resident memory that it took.
    pub freed_bytes: Option<Bytes>,
    /// What was left of anonymous memory.
    pub left_anon_bytes: Option<Bytes>,
    /// What was left of mapped file pages.
    pub left_file_bytes: Option<Bytes>,
    /// What was left of mapped shared memory.
    pub left_shmem_bytes: Option<Bytes>,
}

/// Names an incident that another event describes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IncidentId {
    /// `incident.id` of that event.
    pub id: String,
}

/// What became of a victim.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomOutcome {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The incident the kill belongs to.
    pub incident: IncidentId,
    /// `event_id` of the kill.
    pub kill_event_id: Option<String>,
    /// The victim's process id.
    pub pid: u32,
    /// Its name.
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    pub comm_hex: Option<String>,
    /// What is known of its end.
    pub state: OutcomeState,
    /// From the mark to the exit of its last thread.
    pub exit_latency_us: Option<u64>,
    /// Signal that ended it.
    pub exit_signal: Option<i32>,
    /// For `still_alive`: from the mark to this event.
    pub alive_after_us: Option<u64>,
    /// What the kernel's reaper did. Absent where it did nothing, which is the rule.
    pub reaper: Option<Reaper>,
    /// Command line, where it came too late for the kill's own event; secrets masked.
    pub cmdline: Option<Vec<String>>,
}

/// The OOM killer found nothing to kill.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomNoVictim {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The invocation of the OOM killer.
    pub incident: Option<Invocation>,
    /// Who asked for the memory.
    pub trigger: Option<Trigger>,
    /// Whose limit it was.
    pub limit: Option<LimitHit>,
    /// What the cgroup that ran out belongs to, by its path.
    pub owner: Option<Owner>,
    /// The node's memory, where it was the node that ran out.
    pub node_memory: Option<NodeMemory>,
    /// Why nothing was killed: `no_killable_process`, `panic`, `already_exiting`, or `not_shown`
    /// where the log does not show what came of it. Absent: there was nothing to kill.
    pub reason: Option<String>,
    /// The tasks that were scored, worst first.
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
    /// Such invocations since the last one that was reported, which have no event of their own.
    pub repeats_total: Option<u32>,
    /// The rest of the kernel's own report (source `klog` only).
    pub report: Option<Box<KernelReport>>,
    /// Conclusions, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is absent, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Records lost so far: the probe's, or those of /dev/kmsg that were overwritten unread.
    pub lost_records: Option<u64>,
}

/// Kills are known to have been missed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// Lower bound on the kills that were missed.
    pub kills_missed_min: u64,
    /// Upper bound on them.
    pub kills_missed_max: u64,
    /// Why.
    pub reason: GapReason,
    /// What is still known of missed victims.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<Victim>,
}

/// A user-space OOM killer (systemd-oomd, earlyoom, oomd) killed something; from logs.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserspaceOomKill {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// Which killer.
    pub killer: String,
    /// Process id it names.
    pub pid: Option<u32>,
    /// Task name it names.
    pub comm: Option<String>,
    /// cgroup it names.
    pub cgroup_path: Option<String>,
    /// Why it killed, in its own words.
    pub reason: Option<String>,
}
