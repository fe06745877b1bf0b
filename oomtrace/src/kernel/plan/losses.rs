//! What a plan, as far as it could be applied, leaves uncaptured.

use oomtrace_common::field::{ABSENT, KernelField};
use oomtrace_common::switch::tracepoint_layout;

use crate::kernel::Unavailable;
use crate::kernel::hooks::{CANDIDATES, Lack, MARKED_TASK, OOM_CONTROL};
use crate::model::{Missing, Reason};

/// Something that this kernel or these privileges cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What is lost, in words.
    pub what: &'static str,
    /// The fields of an event that are absent for it; none where it costs something else.
    pub fields: &'static [&'static str],
    /// The reason that `missing` gives for those fields; absent where there are none.
    pub reason: Option<Reason>,
    /// Why, in words.
    pub why: String,
    /// Which capability, mount or setting gives it back, where one does.
    pub remedy: Option<String>,
}

/// What is lost on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    list: Vec<Loss>,
}

impl Losses {
    /// Each loss.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.list.iter()
    }

    /// Whether nothing is lost.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds what another part of the program found.
    pub fn push(&mut self, loss: Loss) {
        self.list.push(loss);
    }

    /// The same as `missing` of every event says it.
    #[must_use]
    pub fn unavailable(&self) -> Vec<Missing> {
        let of = |loss: &Loss, field: &str| {
            Some(Missing {
                field: field.to_owned(),
                reason: loss.reason?,
                why: Some(match &loss.remedy {
                    Some(remedy) => format!("{}; {remedy}", loss.why),
                    None => loss.why.clone(),
                }),
            })
        };
        self.list
            .iter()
            .flat_map(|loss| loss.fields.iter().filter_map(move |field| of(loss, field)))
            .collect()
    }

    fn add(
        &mut self,
        what: &'static str,
        fields: &'static [&'static str],
        reason: Reason,
        why: &str,
    ) {
        self.list.push(Loss {
            what,
            fields,
            reason: Some(reason),
            why: why.to_owned(),
            remedy: None,
        });
    }

    fn lack(&mut self, lack: &Lack, reason: Reason, why: &str) {
        self.add(lack.what, lack.fields, reason, why);
    }

    /// Kills are proved by their signal, which every signal of the host pays for.
    pub(super) fn signals_are_hooked(&mut self) {
        self.list.push(Loss {
            what: "some 200 ns are added to every signal sent on this machine",
            fields: &[],
            reason: None,
            why:
                "__oom_kill_process is hidden in /proc/kallsyms, so a kill is proved by its signal"
                    .to_owned(),
            remedy: Some("sysctl kernel.kptr_restrict=1, and CAP_SYSLOG".to_owned()),
        });
    }

    /// The memory controller is switched off: the kernel puts every task into its root cgroup.
    pub(super) fn no_memory_controller(&mut self) {
        self.list.push(Loss {
            what: "the victim's cgroup and owner; no cgroup has a limit of memory",
            fields: &["victim.cgroup_path", "trigger.cgroup_path"],
            reason: Some(Reason::NoMemoryController),
            why: "the kernel was booted with cgroup_disable=memory".to_owned(),
            remedy: Some("boot without it".to_owned()),
        });
    }

    /// The kernel's names of allocation flags cannot be read.
    pub(super) fn no_gfp_table(&mut self, unavailable: &Unavailable) {
        self.list.push(Loss {
            what: "names of the allocation's flags (the mask is there)",
            fields: &["trigger.gfp_flags"],
            reason: Some(Reason::NoGfpTable),
            why: unavailable.why.clone(),
            remedy: unavailable.remedy.clone(),
        });
    }

    /// The tracepoint's record is all there is of the victim.
    pub(super) fn record_only(&mut self, layout: &[u32; tracepoint_layout::COUNT]) {
        self.lack(
            &MARKED_TASK,
            Reason::NoTask,
            "oom:mark_victim of this kernel hands over no task",
        );
        if layout.get(tracepoint_layout::ANON_RSS) == Some(&ABSENT) {
            self.add(
                "the victim's memory",
                &["victim.memory"],
                Reason::NoTask,
                "oom:mark_victim of this kernel has only a pid",
            );
        }
    }

    /// No hook sees the OOM killer's invocations; its arguments may be found all the same.
    pub(super) fn no_invocations(&mut self, are_found: bool) {
        self.lack(
            &CANDIDATES,
            Reason::NoHook,
            "no hook that sees it is attached",
        );
        if !are_found {
            self.lack(
                &OOM_CONTROL,
                Reason::NoHook,
                "only oom_control has it, and no hook that sees it is attached",
            );
        }
    }

    /// A field that this kernel's BTF lacks. One that events do without is no loss:
    /// `mem_cgroup.oom_lock` is one of several ways to find the limit.
    pub(super) fn kernel_field(
        &mut self,
        field: KernelField,
        why: &str,
        cgroup_version: Option<u8>,
    ) {
        let (what, path): (_, &'static [&'static str]) = match field {
            // cgroup v2 counts kernel memory in the statistics, so nothing is lost there.
            KernelField::MemcgKmemUsage if cgroup_version == Some(1) => {
                ("kernel memory of a cgroup", &["limit.kmem_usage_bytes"])
            }
            KernelField::MemcgOomGroup => ("memory.oom.group", &["limit.oom_group"]),
            KernelField::MemcgWatermark => ("the highest usage of a cgroup", &["limit.peak_bytes"]),
            KernelField::MemcgSwapUsage | KernelField::MemcgSwapMax => {
                ("swap of a cgroup", &["limit.swap_usage_bytes"])
            }
            KernelField::TaskStartBoottime => ("the victim's start", &["victim.start_timestamp"]),
            KernelField::TaskRealCred | KernelField::CredUid => {
                ("the victim's user", &["victim.uid"])
            }
            KernelField::MmArgStart | KernelField::MmArgEnd => {
                ("the command line", &["victim.cmdline"])
            }
            KernelField::MmPgtablesBytes => ("page tables", &["victim.memory.pgtables_bytes"]),
            KernelField::MmTotalVm => ("mapped memory", &["victim.memory.virtual_bytes"]),
            KernelField::SignalOomScoreAdj => ("the badness adjustment", &["victim.oom_score_adj"]),
            _ => return,
        };
        if !self.list.iter().any(|loss| loss.fields == path) {
            self.add(what, path, Reason::NoKernelField, why);
        }
    }
}
