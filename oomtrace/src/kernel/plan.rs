//! What to do with what the host offers: a pure function from facts to a plan.

mod losses;

pub use losses::{Loss, Losses};
use oomtrace_common::field::{ABSENT, FIELDS, KernelField};
use oomtrace_common::limits::{CPUS_SUMMED_MAX, ESSENTIAL_RING_BYTES};
use oomtrace_common::switch::tracepoint_layout;

use super::hooks::functions;
use super::{Cpus, Facts, HOOKS, Hook, Lockdown, Unavailable, When};
use crate::btf::{Param, Resolved};
use crate::model::{Bytes, GfpFlag, PageSize};

/// How marks are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkHook {
    /// The raw tracepoint hands over the task.
    Task,
    /// Only the tracepoint's own record, laid out like this.
    Record([u32; tracepoint_layout::COUNT]),
    /// The record's layout cannot be read: a hook on `mark_oom_victim()` has to do, which needs
    /// kprobes or fentry.
    Function,
}

/// How a kill is distinguished from a mere mark.
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

/// Why nothing can be traced here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Privileges.
    #[error("missing {}: run as root, or grant them (setcap cap_bpf,cap_perfmon+ep, systemd AmbientCapabilities=, docker run --cap-add BPF --cap-add PERFMON; Docker 20.10 and earlier know neither: --cap-add SYS_ADMIN)", .0.join(" and "))]
    Capabilities(Vec<&'static str>),
    /// The kernel lets no BPF program read its memory.
    #[error(
        "kernel lockdown is in confidentiality mode, in which no BPF program may read the kernel's memory: boot with lockdown=integrity, or without it"
    )]
    Lockdown,
    /// No offsets without BTF.
    #[error("{0}")]
    NoBtf(String),
    /// Fields without which no kill can be reported.
    #[error("this kernel's BTF lacks what oomtrace must have: {}", .0.join("; "))]
    Fields(Vec<String>),
    /// The tracepoint has no task argument and its record's layout is not known.
    #[error("cannot learn the layout of oom:mark_victim, and this kernel has no function hooks in its place: {}{}", .0.why, .0.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    NoTracepoint(Unavailable),
    /// sysfs, which says how many processors there may be, is not visible.
    #[error(
        "/sys/devices/system/cpu/possible: not visible here; mount sysfs (mount -t sysfs sysfs /sys), or give the container the host's (--volume /sys:/sys:ro)"
    )]
    NoCpus,
}

/// What the loader is to do. It decides nothing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How marks are seen.
    pub mark: MarkHook,
    /// How a kill is distinguished from a mere mark.
    pub proof: KillProof,
    /// Where the victim's context and end are seen.
    pub exit: ExitHook,
    /// One number per kernel field.
    pub fields: Vec<u32>,
    /// Whether the memory controller is on a cgroup v1 hierarchy.
    pub cgroup_v1: bool,
    /// Whether RSS lives in per-CPU counters.
    pub rss_percpu: bool,
    /// Processors whose parts of the RSS counters can be added up; 0 where they cannot be.
    pub cpus_summed: u32,
    /// The OOM killer's arguments can be found on the trigger's kernel stack. It is done where no
    /// function hook works.
    pub stack_searched: bool,
    /// How far off each RSS figure may be, at most, where they are not added up.
    pub rss_error_max: Bytes,
    /// The same for each thread of a process, where threads keep counts of their own.
    pub rss_error_per_thread: Bytes,
    /// Bytes of a page.
    pub page_size: PageSize,
    /// Bytes of the ring of kill records: a power of two, at least a page.
    pub essential_ring_bytes: u32,
    /// The kernel's names of allocation flags; empty where they cannot be read.
    pub gfp_flags: Vec<GfpFlag>,
    /// Ways to see the OOM killer's functions, the preferred one first; empty where the kernel
    /// offers none. Only an attempt shows whether one works.
    pub functions: Vec<FunctionHook>,
    /// What is lost whatever can be attached.
    base: Losses,
    /// Why `gfp_flags` is empty.
    no_gfp_flags: Option<Unavailable>,
}

/// A way to put a hook on a kernel function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionHook {
    /// A kprobe. Takes no type information at run time; needs `perf_event_open`.
    Kprobe,
    /// fentry and fexit. aya reads the whole BTF again for them, some 20 ms.
    Fentry {
        /// BTF id of one of the functions, to find out cheaply whether the kernel lets us.
        probe_id: u32,
    },
}

/// Result of applying a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The OOM killer's invocations and candidates are seen.
    pub invocations: bool,
    /// `mark_oom_victim()` itself is seen, with its task.
    pub marks_by_function: bool,
}

impl Plan {
    /// The hooks of [`HOOKS`] that are wanted, in the same order; those on functions in every way
    /// that the kernel may allow.
    pub fn hooks(&self) -> impl Iterator<Item = &'static Hook> {
        HOOKS.iter().filter(|hook| match hook.when {
            When::Always | When::Offered => true,
            When::LateExit => self.exit == ExitHook::SignalDeliver,
            When::SignalProof => self.proof == KillProof::Signal,
            When::Functions => !self.functions.is_empty(),
            When::MarkFunction => !self.functions.is_empty() && self.mark != MarkHook::Task,
            When::MarkTask => self.mark == MarkHook::Task,
            When::MarkRecord => matches!(self.mark, MarkHook::Record(_)),
        })
    }

    /// What is lost, given what could be attached.
    #[must_use]
    pub fn losses(&self, applied: Applied) -> Losses {
        let mut losses = self.base.clone();
        if let MarkHook::Record(layout) = &self.mark
            && !applied.marks_by_function
        {
            losses.record_only(layout);
        }
        if !applied.invocations {
            losses.no_invocations(self.stack_searched);
        }
        // Without the mask its names are of no use.
        if let Some(unavailable) = &self.no_gfp_flags
            && (applied.invocations || self.stack_searched)
        {
            losses.no_gfp_table(unavailable);
        }
        losses
    }
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
    // Where it is not known, loading shows it.
    if facts.lockdown == Some(Lockdown::Confidentiality) {
        return Err(Refusal::Lockdown);
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

    let cpus = facts.cpus.ok_or(Refusal::NoCpus)?;

    let mut losses = Losses::default();
    let function_hooks = function_hooks(facts, btf);
    let mark = if super::facts::mark_has_task(btf) {
        MarkHook::Task
    } else {
        match &facts.mark_victim_record {
            Some(Ok(layout)) => MarkHook::Record(*layout),
            _ if !function_hooks.is_empty() && btf.function("mark_oom_victim").is_some() => {
                MarkHook::Function
            }
            Some(Err(unavailable)) => return Err(Refusal::NoTracepoint(unavailable.clone())),
            None => {
                return Err(Refusal::NoTracepoint(Unavailable {
                    why: "it was not read".into(),
                    remedy: None,
                }));
            }
        }
    };
    let proof = match (btf.number(KernelField::HelperSnprintf), facts.kill_text) {
        (Some(_), _) => KillProof::StackSymbol,
        (None, Some((start, end))) => KillProof::StackRange { start, end },
        (None, None) => {
            losses.signals_are_hooked();
            KillProof::Signal
        }
    };
    let exit = if exit_has_mm(btf) {
        ExitHook::WithMm
    } else {
        ExitHook::SignalDeliver
    };
    for spec in FIELDS
        .iter()
        .filter(|spec| btf.number(spec.field).is_none())
    {
        losses.kernel_field(spec.field, &problem(btf, spec.field), facts.cgroup_version);
    }
    let rss_percpu = btf.path_index(KernelField::MmRssStat) == Some(0);
    let rss_error_max = if rss_percpu {
        percpu_error_max(cpus.possible, facts.page_size)
    } else {
        Bytes(0)
    };
    let rss_error_per_thread = match btf.number(KernelField::TaskRssStat) {
        Some(_) => Bytes(RSS_CACHED_PAGES_MAX * facts.page_size.0),
        None => Bytes(0),
    };
    let stack_searched = stack_searched(&mark, btf);
    let mut fields = btf.numbers().to_vec();
    if facts.cgroup_version.is_none() {
        losses.no_memory_controller();
        // The root cgroup that the kernel shows for every task is not where the task is.
        if let Some(number) = fields.get_mut(KernelField::TaskCgroups as usize) {
            *number = ABSENT;
        }
    }
    Ok(Plan {
        mark,
        proof,
        exit,
        fields,
        cgroup_v1: facts.cgroup_version == Some(1),
        rss_percpu,
        cpus_summed: if rss_percpu {
            cpus_summed(cpus, btf)
        } else {
            0
        },
        stack_searched,
        rss_error_max,
        rss_error_per_thread,
        page_size: facts.page_size,
        essential_ring_bytes: ESSENTIAL_RING_BYTES,
        functions: function_hooks,
        gfp_flags: facts.gfp_flags.clone().unwrap_or_default(),
        no_gfp_flags: facts.gfp_flags.clone().err(),
        base: losses,
    })
}

fn function_hooks(facts: &Facts, btf: &Resolved) -> Vec<FunctionHook> {
    let mut hooks = Vec::new();
    let ids: Option<Vec<u32>> = functions(|hook| hook.when == When::Functions)
        .into_iter()
        .map(|name| btf.function(name))
        .collect();
    if let Some(probe_id) = ids.and_then(|ids| ids.first().copied()) {
        // A kprobe's registers differ from architecture to architecture; BTF has them. Where it is
        // not known whether there are kprobes, an attempt shows.
        if facts.kprobes != Some(false) && btf.number(KernelField::RegsFirstArgument).is_some() {
            hooks.push(FunctionHook::Kprobe);
        }
        hooks.push(FunctionHook::Fentry { probe_id });
    }
    hooks
}

/// Whether the exit tracepoint fires while the address space is still there. The kernels that
/// moved it there gave it the `group_dead` argument in the same series.
fn exit_has_mm(btf: &Resolved) -> bool {
    btf.prototype("btf_trace_sched_process_exit")
        .and_then(|params| params.get(1))
        .is_some_and(|param| matches!(param, Param::Integer(1)))
}

/// Whether the `oom_control` that points to a marked task can be recognised on a kernel stack.
fn stack_searched(mark: &MarkHook, btf: &Resolved) -> bool {
    let needed = [
        KernelField::TaskStack,
        KernelField::OomChosen,
        KernelField::OomMemcg,
        KernelField::OomOrder,
        KernelField::OomTotalpages,
        KernelField::OomConstraint,
        KernelField::OomGfpMask,
        KernelField::OomChosenPoints,
        KernelField::OomZonelist,
        KernelField::ZonelistZones,
        KernelField::ZonerefZone,
        KernelField::ZonePgdat,
    ];
    *mark == MarkHook::Task && needed.iter().all(|field| btf.number(*field).is_some())
}

/// How many processors the kernel side can ask for their part of a per-CPU counter: all, or none.
fn cpus_summed(cpus: Cpus, btf: &Resolved) -> u32 {
    let needed = [
        KernelField::HelperPercpuElem,
        KernelField::BpfArrayPptrs,
        KernelField::MmRssStatPercpu,
    ];
    let able = needed.iter().all(|field| btf.number(*field).is_some())
        && cpus.numbers == cpus.possible
        && cpus.possible <= CPUS_SUMMED_MAX;
    if able { cpus.possible } else { 0 }
}

/// `TASK_RSS_EVENTS_THRESH`: page faults after which a thread adds its own counts to the process's.
const RSS_CACHED_PAGES_MAX: u64 = 64;

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

#[cfg(test)]
mod host_tests;
#[cfg(test)]
mod tests;
