//! The events beside [`super::OomKill`].

use serde::{Deserialize, Serialize};

use super::{
    Bytes, Candidate, CandidatesBasis, Finding, Header, Incident, Invocation, KernelReport,
    LimitHit, Missing, NodeMemory, OomKill, Owner, Trigger, Victim,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reaper {
    /// How far it has come.
    pub state: ReaperState,
    /// From the mark to its first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_after_us: Option<u64>,
    /// From the mark to the end of its last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_after_us: Option<u64>,
    /// Resident memory that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freed_bytes: Option<Bytes>,
    /// What was left of anonymous memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_anon_bytes: Option<Bytes>,
    /// What was left of mapped file pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_file_bytes: Option<Bytes>,
    /// What was left of mapped shared memory.
    #[serde(skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomOutcome {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The incident the kill belongs to.
    pub incident: IncidentId,
    /// `event_id` of the kill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_event_id: Option<String>,
    /// The victim's process id.
    pub pid: u32,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// The name's original bytes, where they were no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm_hex: Option<String>,
    /// What is known of its end.
    pub state: OutcomeState,
    /// From the mark to the exit of its last thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_latency_us: Option<u64>,
    /// Signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_signal: Option<i32>,
    /// For `still_alive`: from the mark to this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive_after_us: Option<u64>,
    /// What the kernel's reaper did. Absent where it did nothing, which is the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaper: Option<Reaper>,
    /// Command line, where it came too late for the kill's own event; secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<Vec<String>>,
}

/// The OOM killer found nothing to kill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OomNoVictim {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// The invocation of the OOM killer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Invocation>,
    /// Who asked for the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Whose limit it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitHit>,
    /// What the cgroup that ran out belongs to, by its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The node's memory, where it was the node that ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_memory: Option<NodeMemory>,
    /// Why nothing was killed: `no_killable_process`, `panic`, `already_exiting`, or `not_shown`
    /// where the log does not show what came of it. Absent: there was nothing to kill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The tasks that were scored, worst first.
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
    /// Such invocations since the last one that was told of, which have no event of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats_total: Option<u32>,
    /// The rest of the kernel's own report (source `klog` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<KernelReport>>,
    /// Conclusions, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is absent, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Records lost so far: the probe's, or those of /dev/kmsg that were overwritten unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_records: Option<u64>,
}

impl OomNoVictim {
    /// The same facts as of a kill whose victim is not known, for what explains and shows both.
    #[must_use]
    pub fn as_kill(&self) -> OomKill {
        let invocation = self.incident.clone().unwrap_or_default();
        OomKill {
            header: self.header.clone(),
            incident: Incident {
                id: invocation.id,
                scope: invocation.scope,
                scope_basis: invocation.scope_basis,
                constraint: invocation.constraint,
                cause: invocation.cause,
                kill_kind: None,
                kill_index: 0,
                group_cgroup_path: None,
                chosen: None,
                total_pages: invocation.total_pages,
            },
            trigger: self.trigger.clone(),
            victim: Victim::default(),
            owner: self.owner.clone(),
            runtime: None,
            limit: self.limit.clone(),
            node_memory: self.node_memory.clone(),
            hierarchy: Vec::new(),
            hierarchy_total: None,
            candidates: self.candidates.clone(),
            candidates_total: self.candidates_total,
            candidates_basis: self.candidates_basis,
            candidates_delay_us: self.candidates_delay_us,
            candidates_rss_error_max_bytes: self.candidates_rss_error_max_bytes,
            report: self.report.clone(),
            recurrence: None,
            findings: self.findings.clone(),
            missing: self.missing.clone(),
            truncated: Vec::new(),
            lost_records: 0,
        }
    }
}

/// Kills are known to have been missed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// At least so many kills were missed.
    pub kills_missed_min: u64,
    /// At most so many.
    pub kills_missed_max: u64,
    /// Stable word for the reason: `ring_full`, `recursion`, `unknown`; of kills before the tracer
    /// started `log_overwritten`, `not_in_log`; of kills while it follows the log `log_overrun`; of kills
    /// whose events could not be delivered `output_failed` (an error, such as a full disk),
    /// `output_blocked` (the reader paused for too long).
    pub reason: String,
    /// What is still known of missed victims.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<Victim>,
}

/// A user-space OOM killer (systemd-oomd, earlyoom, oomd) killed something; from logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserspaceOomKill {
    /// What every event starts with.
    #[serde(flatten)]
    pub header: Header,
    /// Which killer.
    pub killer: String,
    /// Process id it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Task name it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// cgroup it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_path: Option<String>,
    /// Why it killed, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
