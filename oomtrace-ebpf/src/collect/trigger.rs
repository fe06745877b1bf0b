//! The task that asked for memory, which is current.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use oomtrace_common::record::{Kill, kill_flags, kill_valid};

use crate::memcg::Memcg;
use crate::task::{self, Task};

/// Fills in the trigger; gives its memory cgroup.
#[inline(always)]
pub fn fill(kill: &mut Kill) -> Option<Memcg> {
    let ids = bpf_get_current_pid_tgid();
    kill.trigger_tgid = (ids >> 32) as u32;
    kill.trigger_tid = ids as u32;
    if let Ok(comm) = bpf_get_current_comm() {
        kill.trigger_comm = comm;
        kill.trigger_uid = bpf_get_current_uid_gid() as u32;
        kill.valid |= kill_valid::TRIGGER;
    }
    let current = task::current();
    if current.is_some_and(|task| task.mm().is_none()) {
        kill.flags |= kill_flags::KERNEL_TRIGGER;
    }
    let memcg = current.and_then(Task::memcg);
    if let Some(id) = memcg.and_then(Memcg::id) {
        kill.trigger_memcg_id = id;
        kill.valid |= kill_valid::TRIGGER_MEMCG;
    }
    memcg
}
