//! `struct task_struct`, `struct signal_struct`, `struct cred`, `struct pid`.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use oomtrace_common::field::KernelField;
use oomtrace_common::limits::TASK_COMM_LEN;

use crate::field::{element, member, number, pointer, read};
use crate::memcg::Memcg;
use crate::mm::Mm;

/// A `struct task_struct` of the running kernel.
#[derive(Clone, Copy)]
pub struct Task(u64);

/// The task that runs this program.
#[inline(always)]
pub fn current() -> Option<Task> {
    // SAFETY: the helper has no preconditions.
    Task::new(unsafe { bpf_get_current_task() } as *const u8)
}

impl Task {
    /// Refuses NULL.
    #[inline(always)]
    pub fn new(address: *const u8) -> Option<Self> {
        if address.is_null() {
            None
        } else {
            Some(Self(address as u64))
        }
    }

    /// `task_struct.pid`.
    #[inline(always)]
    pub fn tid(self) -> Option<u32> {
        member(self.0, KernelField::TaskPid)
    }

    /// `task_struct.tgid`.
    #[inline(always)]
    pub fn tgid(self) -> Option<u32> {
        member(self.0, KernelField::TaskTgid)
    }

    /// `task_struct.comm`.
    #[inline(always)]
    pub fn comm(self) -> Option<[u8; TASK_COMM_LEN]> {
        member(self.0, KernelField::TaskComm)
    }

    /// `task_struct.mm`.
    #[inline(always)]
    pub fn mm(self) -> Option<Mm> {
        pointer(self.0, KernelField::TaskMm).map(Mm)
    }

    /// `task_struct.group_leader`.
    #[inline(always)]
    pub fn leader(self) -> Option<Self> {
        pointer(self.0, KernelField::TaskGroupLeader).map(Self)
    }

    /// `task_struct.stack`: the lowest address of its kernel stack.
    #[inline(always)]
    pub fn stack(self) -> Option<u64> {
        pointer(self.0, KernelField::TaskStack)
    }

    /// Where the `task_struct` lies.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0
    }

    /// `task_struct.real_parent`.
    #[inline(always)]
    pub fn parent(self) -> Option<Self> {
        pointer(self.0, KernelField::TaskRealParent).map(Self)
    }

    /// `task_struct.start_boottime`, nanoseconds.
    #[inline(always)]
    pub fn start_boot_ns(self) -> Option<u64> {
        member(self.0, KernelField::TaskStartBoottime)
    }

    /// `task_struct.exit_code`.
    #[inline(always)]
    pub fn exit_code(self) -> Option<u32> {
        member(self.0, KernelField::TaskExitCode)
    }

    /// `task_struct.real_cred->uid`: real uid in the initial user namespace.
    #[inline(always)]
    pub fn uid(self) -> Option<u32> {
        member(
            pointer(self.0, KernelField::TaskRealCred)?,
            KernelField::CredUid,
        )
    }

    #[inline(always)]
    fn signal(self) -> Option<u64> {
        pointer(self.0, KernelField::TaskSignal)
    }

    /// `signal_struct.oom_score_adj`.
    #[inline(always)]
    pub fn oom_score_adj(self) -> Option<i16> {
        member(self.signal()?, KernelField::SignalOomScoreAdj)
    }

    /// `signal_struct.nr_threads`.
    #[inline(always)]
    pub fn threads(self) -> Option<u32> {
        member(self.signal()?, KernelField::SignalNrThreads)
    }

    /// `signal_struct.live`: threads that have not begun to exit. 0 in the exit hook of the last
    /// thread.
    #[inline(always)]
    pub fn live_threads(self) -> Option<u32> {
        member(self.signal()?, KernelField::SignalLive)
    }

    /// `signal_struct.group_exit_code`.
    #[inline(always)]
    pub fn group_exit_code(self) -> Option<u32> {
        member(self.signal()?, KernelField::SignalGroupExitCode)
    }

    /// The process id in the process's own pid namespace:
    /// `signal->pids[PIDTYPE_TGID]->numbers[level].nr`.
    #[inline(always)]
    pub fn ns_pid(self) -> Option<u32> {
        let pid: u64 = element(
            self.signal()?,
            KernelField::SignalPids,
            KernelField::SignalPidsStride,
            KernelField::PidTypeTgid,
        )?;
        if pid == 0 {
            return None;
        }
        let level: u32 = member(pid, KernelField::PidLevel)?;
        let upid = pid
            + number(KernelField::PidNumbers)?
            + level as u64 * number(KernelField::PidNumbersStride)?;
        read(upid + number(KernelField::UpidNr)?)
    }

    /// `task->cgroups->subsys[memory_cgrp_id]`, the task's memory cgroup.
    #[inline(always)]
    pub fn memcg(self) -> Option<Memcg> {
        let css_set = pointer(self.0, KernelField::TaskCgroups)?;
        let css: u64 = read(
            css_set
                + number(KernelField::CssSetSubsys)?
                + number(KernelField::MemoryCgrpId)? * size_of::<u64>() as u64,
        )?;
        if css == 0 {
            None
        } else {
            Some(Memcg::from_css(css))
        }
    }
}
