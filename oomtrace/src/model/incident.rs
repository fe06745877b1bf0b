//! What the OOM killer was invoked for, and which kills belong together.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::report::ChosenProcess;
use super::{Basis, Pages};

/// What ran out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A memory cgroup reached its limit.
    Memcg,
    /// The node (or the allowed part of it) ran out.
    Global,
}

/// `enum oom_constraint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// `CONSTRAINT_NONE`.
    None,
    /// `CONSTRAINT_CPUSET`.
    Cpuset,
    /// `CONSTRAINT_MEMORY_POLICY`.
    Mempolicy,
    /// `CONSTRAINT_MEMCG`.
    Memcg,
}

/// What invoked the OOM killer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An allocation, or a charge to a memory cgroup, that could not be met. A limit that was
    /// lowered from inside the cgroup itself looks the same.
    Allocation,
    /// sysrq-f.
    Sysrq,
    /// A limit written below usage.
    LimitWrite,
    /// A page fault that no other part of the kernel had invoked it for.
    PageFault,
    /// Reclaim found the node thrashing.
    Thrashing,
}

/// Why this process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KillKind {
    /// It was chosen.
    Chosen,
    /// It was in a `memory.oom.group` cgroup of the chosen one.
    Group,
    /// It shared the chosen one's address space.
    SharedMm,
}

/// One invocation of the OOM killer and all it killed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Incident {
    /// The `event_id` of its first kill; from a log, boot id and time of the report.
    pub id: String,
    /// What ran out of memory.
    pub scope: Option<Scope>,
    /// How that is known.
    pub scope_basis: Option<Basis>,
    /// The kernel's own word for it.
    pub constraint: Option<Constraint>,
    /// What invoked the OOM killer.
    pub cause: Option<Cause>,
    /// Why this process was killed.
    pub kill_kind: Option<KillKind>,
    /// Position of this kill in the incident, from 0.
    pub kill_index: u32,
    /// The cgroup that was killed as a whole.
    pub group_cgroup_path: Option<String>,
    /// The process that was chosen, where this one died with it (`group`).
    pub chosen: Option<ChosenProcess>,
    /// `oom_control.totalpages`: limit plus usable swap, in pages.
    pub total_pages: Option<Pages>,
}

/// An invocation of the OOM killer that killed nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invocation {
    /// The `event_id` of its event; from a log, boot id and time of the report.
    pub id: String,
    /// What ran out of memory.
    pub scope: Option<Scope>,
    /// How that is known.
    pub scope_basis: Option<Basis>,
    /// The kernel's own word for it.
    pub constraint: Option<Constraint>,
    /// What invoked the OOM killer.
    pub cause: Option<Cause>,
    /// `oom_control.totalpages`: limit plus usable swap, in pages.
    pub total_pages: Option<Pages>,
}
