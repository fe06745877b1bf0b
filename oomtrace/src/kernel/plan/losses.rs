//! What a plan, as far as it could be carried out, leaves uncaptured.

use oomtrace_common::{
    field::{ABSENT, KernelField},
    switch::tracepoint_layout,
};

use crate::model::{Missing, Reason};

/// Something that this kernel or these privileges cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degradation {
    /// What is lost, in words.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What is lost on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// For people.
    pub degradations: Vec<Degradation>,
    /// For the events' `missing`.
    pub unavailable: Vec<Missing>,
}

impl Losses {
    pub(super) fn note(&mut self, what: &str, why: &str) {
        self.degradations.push(Degradation {
            what: what.into(),
            why: why.into(),
        });
    }

    pub(super) fn field(&mut self, what: &str, field: &str, reason: Reason, why: &str) {
        self.note(what, why);
        self.unavailable.push(Missing {
            field: field.into(),
            reason,
            why: Some(why.into()),
        });
    }

    /// The tracepoint's record is all there is of the victim.
    pub(super) fn record_only(&mut self, layout: &[u32; tracepoint_layout::COUNT]) {
        let why = "oom:mark_victim of this kernel hands over no task";
        self.field(
            "the victim's cgroup, parent, age, threads, command line",
            "victim.cgroup_path",
            Reason::NoTask,
            why,
        );
        if layout.get(tracepoint_layout::ANON_RSS) == Some(&ABSENT) {
            self.field(
                "the victim's memory",
                "victim.memory",
                Reason::NoTask,
                "oom:mark_victim of this kernel has only a pid",
            );
        }
    }

    /// No hook sees the OOM killer's invocations; its arguments may be found all the same.
    pub(super) fn no_invocations(&mut self, are_found: bool) {
        self.lost(
            "which tasks the OOM killer looked at, and whether it found none to kill",
            "no hook that sees it is attached",
            &["candidates"],
        );
        if !are_found {
            self.lost(
                "the allocation's flags and order, the kernel's own constraint",
                "only oom_control has it, and no hook that sees it is attached",
                &[
                    "trigger.gfp_mask",
                    "trigger.order",
                    "incident.constraint",
                    "incident.cause",
                    "incident.total_pages",
                ],
            );
        }
    }

    fn lost(&mut self, what: &'static str, why: &str, fields: &[&str]) {
        self.note(what, why);
        for &field in fields {
            self.unavailable.push(Missing {
                field: field.into(),
                reason: Reason::NoHook,
                why: Some(why.into()),
            });
        }
    }

    pub(super) fn kernel_field(&mut self, field: KernelField, why: &str, cgroup_version: u8) {
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
            self.field(what, path, Reason::NoKernelField, why);
        }
    }
}
