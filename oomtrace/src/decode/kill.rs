//! A kill: who was killed, who asked for the memory, what the victim held.

use oomtrace_common::record::{self, kill_flags, kill_valid as valid};

use super::header::{counter, fixed, id, name, when};
use super::{DecodeError, Meta, Part};
use crate::model::{Bytes, PageSize, Pages};

/// A kill, at the moment of `mark_oom_victim()`; or an invocation without a victim, at the moment
/// when `out_of_memory()` returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kill {
    /// When, where, which; for a shared kill the running number is the victim's.
    pub meta: Meta,
    /// See [`kill_flags`]; asked with [`Kill::has`].
    pub flags: u32,
    /// The allocating task.
    pub trigger: KillTrigger,
    /// The process that was killed.
    pub victim: KillVictim,
    /// The OOM killer's own arguments, where a hook shows them.
    pub oom_control: Option<OomControl>,
    /// `oom_control.chosen_points`: badness of the chosen victim in pages.
    pub chosen_points: Option<i64>,
    /// Which invocation of the OOM killer it belongs to; absent where no hook counts them.
    pub oom_sequence: Option<u32>,
    /// Tasks that were looked at in this invocation so far; absent where no hook counts them. 0
    /// also where no hook sees them.
    pub scored: Option<u32>,
    /// For an invocation without a victim: how many like it came since the last that was reported.
    pub repeats: u32,
}

/// The task whose allocation invoked the OOM killer. All absent in a shared kill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillTrigger {
    /// Thread group.
    pub tgid: Option<u32>,
    /// Thread.
    pub tid: Option<u32>,
    /// Name, any bytes.
    pub comm: Option<Vec<u8>>,
    /// Real uid in the initial user namespace.
    pub uid: Option<u32>,
    /// kernfs id of its memory cgroup.
    pub memcg_id: Option<u64>,
}

/// The process that was killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillVictim {
    /// Thread group; absent where only the tracepoint's own fields were at hand.
    pub tgid: Option<u32>,
    /// The thread that was marked.
    pub tid: Option<u32>,
    /// Name of that thread, any bytes.
    pub comm: Option<Vec<u8>>,
    /// Process id in its own pid namespace.
    pub ns_pid: Option<u32>,
    /// Real uid in the initial user namespace.
    pub uid: Option<u32>,
    /// Its real parent.
    pub parent: Option<KillParent>,
    /// Start of the thread group leader, nanoseconds of `CLOCK_BOOTTIME`.
    pub start_boot_ns: Option<u64>,
    /// `signal_struct.nr_threads`.
    pub threads: Option<u32>,
    /// `signal_struct.oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// kernfs id of its memory cgroup.
    pub memcg_id: Option<u64>,
    /// Resident pages.
    pub rss: Option<KillRss>,
    /// Swap entries.
    pub swap: Option<Pages>,
    /// Page tables.
    pub pgtables: Option<Bytes>,
    /// Mapped address space.
    pub total_vm: Option<Bytes>,
}

/// The parent of a victim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillParent {
    /// Thread group.
    pub tgid: u32,
    /// Name, any bytes.
    pub comm: Vec<u8>,
}

/// `mm_struct.rss_stat`. The kernel's counters can be negative for a moment; as in the kernel's
/// own `get_mm_counter()` they are then zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KillRss {
    /// `MM_ANONPAGES`.
    pub anon: Pages,
    /// `MM_FILEPAGES`.
    pub file: Pages,
    /// `MM_SHMEMPAGES`.
    pub shmem: Pages,
}

/// `struct oom_control`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomControl {
    /// `gfp_mask`, bits of the running kernel.
    pub gfp_mask: u32,
    /// `order`; -1 for sysrq-f.
    pub order: i32,
    /// `constraint`, value of `enum oom_constraint`.
    pub constraint: u32,
    /// `totalpages`: limit plus usable swap.
    pub totalpages: Pages,
    /// kernfs id of `memcg`; absent for a global OOM.
    pub memcg_id: Option<u64>,
}

impl Kill {
    /// Whether a bit of [`kill_flags`] is set.
    #[must_use]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn decode(
        bytes: &[u8],
        kind: Part,
        page_size: PageSize,
    ) -> Result<Self, DecodeError> {
        let (raw, _) = fixed::<record::Kill>(bytes, kind)?;
        let when = |bit| raw.valid & bit != 0;
        let has_comm = when(valid::VICTIM)
            || (raw.flags & kill_flags::TRACEPOINT_ONLY != 0 && raw.victim_comm[0] != 0);
        Ok(Self {
            meta: Meta::of(&raw.header),
            flags: raw.flags,
            trigger: KillTrigger {
                tgid: id(raw.trigger_tgid),
                tid: id(raw.trigger_tid),
                comm: when(valid::TRIGGER).then(|| name(&raw.trigger_comm)),
                uid: when(valid::TRIGGER).then_some(raw.trigger_uid),
                memcg_id: when(valid::TRIGGER_MEMCG).then_some(raw.trigger_memcg_id),
            },
            victim: victim(&raw, has_comm, page_size),
            oom_control: when(valid::OOM_CONTROL).then(|| OomControl {
                gfp_mask: raw.gfp_mask,
                order: raw.order,
                constraint: raw.constraint,
                totalpages: Pages(raw.totalpages),
                memcg_id: (raw.oc_memcg_id != 0).then_some(raw.oc_memcg_id),
            }),
            chosen_points: when(valid::POINTS).then_some(raw.chosen_points),
            oom_sequence: id(raw.oom_sequence),
            scored: id(raw.oom_sequence).map(|_| raw.scored),
            repeats: raw.repeats,
        })
    }
}

fn victim(raw: &record::Kill, has_comm: bool, page_size: PageSize) -> KillVictim {
    let mask = raw.valid;
    KillVictim {
        tgid: id(raw.victim_tgid),
        tid: id(raw.victim_tid),
        comm: has_comm.then(|| name(&raw.victim_comm)),
        ns_pid: when(mask, valid::NS_PID, raw.victim_ns_pid).and_then(id),
        uid: when(mask, valid::VICTIM_UID, raw.victim_uid),
        parent: (mask & valid::PARENT != 0).then(|| KillParent {
            tgid: raw.parent_tgid,
            comm: name(&raw.parent_comm),
        }),
        start_boot_ns: when(mask, valid::START, raw.victim_start_boot_ns),
        threads: when(mask, valid::THREADS, raw.threads),
        oom_score_adj: when(mask, valid::ADJ, i32::from(raw.oom_score_adj)),
        memcg_id: when(mask, valid::VICTIM_MEMCG, raw.victim_memcg_id),
        rss: when(
            mask,
            valid::RSS,
            KillRss {
                anon: counter(raw.anon_pages),
                file: counter(raw.file_pages),
                shmem: counter(raw.shmem_pages),
            },
        ),
        swap: when(mask, valid::SWAP, counter(raw.swap_entries_pages)),
        pgtables: when(mask, valid::PGTABLES, Bytes(counter(raw.pgtables_bytes).0)),
        total_vm: when(
            mask,
            valid::TOTAL_VM,
            Pages(raw.total_vm_pages).bytes(page_size),
        ),
    }
}
