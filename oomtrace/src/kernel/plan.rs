//! What to do with what the host offers: a pure function from facts to a plan.

use oomtrace_common::{
    field::{ABSENT, FIELDS, KernelField},
    switch::tracepoint_layout,
};

use super::Facts;
use crate::{
    btf::{Param, Resolved},
    model::{Bytes, Missing, PageSize},
};

/// How marks are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkHook {
    /// The raw tracepoint hands over the task.
    Task,
    /// Only the tracepoint's own record, laid out like this.
    Record([u32; tracepoint_layout::COUNT]),
}

/// How a kill is told from a mere mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillProof {
    /// The kernel prints the symbol of a return address.
    StackSymbol,
    /// The function's address range is known.
    StackRange {
        /// First address.
        start: u64,
        /// First address behind it.
        end: u64,
    },
    /// The signal that comes before it.
    Signal,
}

/// Where the victim's own context and its end are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitHook {
    /// The exit tracepoint still finds the address space.
    WithMm,
    /// It comes too late for that: the context is taken when the victim acts on its SIGKILL.
    SignalDeliver,
}

/// Something that this kernel or these privileges cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degradation {
    /// What is lost, in words.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Why nothing can be traced here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Privileges.
    #[error("missing {}: run as root, or grant them (setcap cap_bpf,cap_perfmon+ep, systemd AmbientCapabilities=, docker --cap-add); kernels before 5.8 need CAP_SYS_ADMIN", .0.join(" and "))]
    Capabilities(Vec<&'static str>),
    /// No offsets without BTF.
    #[error("{0}")]
    NoBtf(String),
    /// Fields without which a kill cannot be told at all.
    #[error("this kernel's BTF lacks what oomtrace must have: {}", .0.join("; "))]
    Fields(Vec<String>),
    /// The tracepoint has no task argument and its record's layout is not known.
    #[error("oom:mark_victim: {0}")]
    NoTracepoint(String),
}

/// What the loader is to do. It decides nothing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How marks are seen.
    pub mark: MarkHook,
    /// How a kill is told from a mere mark.
    pub proof: KillProof,
    /// Where the victim's context and end are seen.
    pub exit: ExitHook,
    /// One number per kernel field.
    pub fields: Vec<u32>,
    /// Whether the memory controller is on a cgroup v1 hierarchy.
    pub cgroup_v1: bool,
    /// Whether RSS lives in per-CPU counters.
    pub rss_percpu: bool,
    /// How far off each RSS figure may be, at most.
    pub rss_error_max: Bytes,
    /// Bytes of a page.
    pub page_size: PageSize,
    /// What is lost, for people.
    pub degradations: Vec<Degradation>,
    /// What is lost, for the events' `missing`.
    pub unavailable: Vec<Missing>,
}

/// Whether the tracepoint hands over the task.
pub(super) fn mark_has_task(btf: &Resolved) -> bool {
    btf.prototype("btf_trace_mark_victim")
        .and_then(<[Param]>::first)
        == Some(&Param::StructPointer("task_struct".into()))
}

/// Makes the plan.
///
/// # Errors
///
/// Nothing can be traced: the [`Refusal`] says why and what would help.
pub fn plan(facts: &Facts) -> Result<Plan, Refusal> {
    let missing = facts.capabilities.missing();
    if !missing.is_empty() {
        return Err(Refusal::Capabilities(missing));
    }
    let btf = facts
        .btf
        .as_ref()
        .map_err(|why| Refusal::NoBtf(why.clone()))?;
    let lacking: Vec<String> = FIELDS
        .iter()
        .filter(|spec| spec.required && btf.number(spec.field).is_none())
        .map(|spec| problem(btf, spec.field))
        .collect();
    if !lacking.is_empty() {
        return Err(Refusal::Fields(lacking));
    }

    let mut losses = Losses::default();
    let mark = if mark_has_task(btf) {
        MarkHook::Task
    } else {
        let layout = match &facts.mark_victim_record {
            Some(Ok(layout)) => *layout,
            Some(Err(why)) => return Err(Refusal::NoTracepoint(why.clone())),
            None => {
                return Err(Refusal::NoTracepoint(
                    "the layout of its record was not read".into(),
                ));
            }
        };
        losses.record_only(&layout);
        MarkHook::Record(layout)
    };
    let proof = match (btf.number(KernelField::HelperSnprintf), facts.kill_text) {
        (Some(_), _) => KillProof::StackSymbol,
        (None, Some((start, end))) => KillProof::StackRange { start, end },
        (None, None) => {
            losses.note(
                "some 200 ns are added to every signal sent on this machine",
                "__oom_kill_process is hidden in /proc/kallsyms (kernel.kptr_restrict), so a kill is told by its signal",
            );
            KillProof::Signal
        }
    };
    let exit = if exit_has_mm(btf) {
        ExitHook::WithMm
    } else {
        if proof != KillProof::Signal {
            losses.field(
                "kills of processes that share the victim's address space",
                "incident.shared_mm",
                "no_hook",
                "sched_process_exit of this kernel comes after the address space is gone",
            );
        }
        ExitHook::SignalDeliver
    };
    for spec in FIELDS
        .iter()
        .filter(|spec| btf.number(spec.field).is_none())
    {
        losses.kernel_field(spec.field, &problem(btf, spec.field), facts.cgroup_version);
    }
    losses.no_oom_control();

    let rss_percpu = btf.path_index(KernelField::MmRssStat) == Some(0);
    let rss_error_max = if rss_percpu {
        percpu_error_max(facts.possible_cpus, facts.page_size)
    } else {
        Bytes(0)
    };
    Ok(Plan {
        mark,
        proof,
        exit,
        fields: btf.numbers().to_vec(),
        cgroup_v1: facts.cgroup_version == 1,
        rss_percpu,
        rss_error_max,
        page_size: facts.page_size,
        degradations: losses.degradations,
        unavailable: losses.unavailable,
    })
}

/// Whether the exit tracepoint fires while the address space is still there. The kernels that
/// moved it there gave it the `group_dead` argument in the same series.
fn exit_has_mm(btf: &Resolved) -> bool {
    btf.prototype("btf_trace_sched_process_exit")
        .and_then(|params| params.get(1))
        .is_some_and(|param| matches!(param, Param::Integer(1)))
}

/// `percpu_counter_batch` is max(32, 2 × online CPUs); each CPU may hold one less than that.
fn percpu_error_max(cpus: u32, page_size: PageSize) -> Bytes {
    let batch = u64::from(cpus).saturating_mul(2).max(32);
    Bytes(
        (batch - 1)
            .saturating_mul(u64::from(cpus))
            .saturating_mul(page_size.0),
    )
}

fn problem(btf: &Resolved, field: KernelField) -> String {
    btf.problems()
        .iter()
        .find(|(candidate, _)| *candidate == field)
        .map_or_else(|| format!("{field:?}"), |(_, why)| why.clone())
}

/// Collects what is lost.
#[derive(Default)]
struct Losses {
    degradations: Vec<Degradation>,
    unavailable: Vec<Missing>,
}

impl Losses {
    fn note(&mut self, what: &str, why: &str) {
        self.degradations.push(Degradation {
            what: what.into(),
            why: why.into(),
        });
    }

    fn field(&mut self, what: &str, field: &str, reason: &str, why: &str) {
        self.note(what, why);
        self.unavailable.push(Missing {
            field: field.into(),
            reason: reason.into(),
            why: Some(why.into()),
        });
    }

    /// The tracepoint's record is all there is of the victim.
    fn record_only(&mut self, layout: &[u32; tracepoint_layout::COUNT]) {
        let why = "oom:mark_victim of this kernel hands over no task";
        self.field(
            "the victim's cgroup, parent, age, threads, command line",
            "victim.cgroup_path",
            "no_task",
            why,
        );
        if layout.get(tracepoint_layout::ANON_RSS) == Some(&ABSENT) {
            self.field(
                "the victim's memory",
                "victim.memory",
                "no_task",
                "oom:mark_victim of this kernel has only a pid",
            );
        }
    }

    /// Only `oom_control` has these.
    fn no_oom_control(&mut self) {
        let why = "only oom_control has it, and no hook that sees it is attached";
        self.note(
            "the allocation's flags and order, the kernel's own constraint, the candidates",
            why,
        );
        for field in [
            "trigger.gfp_mask",
            "trigger.order",
            "incident.constraint",
            "incident.cause",
            "incident.totalpages_pages",
            "candidates",
        ] {
            self.unavailable.push(Missing {
                field: field.into(),
                reason: "no_hook".into(),
                why: Some(why.into()),
            });
        }
    }

    fn kernel_field(&mut self, field: KernelField, why: &str, cgroup_version: u8) {
        let (what, path) = match field {
            // cgroup v2 counts kernel memory in the statistics, so nothing is lost there.
            KernelField::MemcgKmemUsage if cgroup_version == 1 => {
                ("kernel memory of a cgroup", "limit.kmem_usage_bytes")
            }
            KernelField::MemcgOomLock => (
                "the kernel's own mark on cgroups under OOM",
                "hierarchy.oom_lock",
            ),
            KernelField::MemcgOomGroup => ("memory.oom.group", "limit.oom_group"),
            KernelField::MemcgWatermark => ("the highest usage of a cgroup", "limit.peak_bytes"),
            KernelField::MemcgSwapUsage | KernelField::MemcgSwapMax => {
                ("swap of a cgroup", "limit.swap_usage_bytes")
            }
            KernelField::TaskStartBoottime => ("the victim's start", "victim.start_timestamp"),
            KernelField::TaskRealCred | KernelField::CredUid => ("the victim's user", "victim.uid"),
            KernelField::MmArgStart | KernelField::MmArgEnd => {
                ("the command line", "victim.cmdline")
            }
            KernelField::MmPgtablesBytes => ("page tables", "victim.memory.pgtables_bytes"),
            KernelField::MmTotalVm => ("mapped memory", "victim.memory.virtual_bytes"),
            KernelField::SignalOomScoreAdj => ("the badness adjustment", "victim.oom_score_adj"),
            _ => return,
        };
        if !self.unavailable.iter().any(|missing| missing.field == path) {
            self.field(what, path, "no_kernel_field", why);
        }
    }
}

#[cfg(test)]
mod tests;
