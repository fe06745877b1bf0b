//! A process as the kernel describes it: who it is, and what memory it has.

use oomtrace_common::field::KernelField;
use oomtrace_common::record::{Kill, kill_flags, kill_valid};

use crate::globals::RSS_PERCPU;
use crate::memcg::Memcg;
use crate::task::Task;

/// Fills in who a process is: also of one that shares a victim's address space.
#[inline(always)]
pub fn identity(kill: &mut Kill, task: Task) {
    if let Some(pid) = task.ns_pid() {
        kill.victim_ns_pid = pid;
        kill.valid |= kill_valid::NS_PID;
    }
    if let Some(uid) = task.uid() {
        kill.victim_uid = uid;
        kill.valid |= kill_valid::VICTIM_UID;
    }
    if let Some(parent) = task.parent()
        && let (Some(tgid), Some(comm)) = (parent.tgid(), parent.comm())
    {
        kill.parent_tgid = tgid;
        kill.parent_comm = comm;
        kill.valid |= kill_valid::PARENT;
    }
    if let Some(start) = task.leader().and_then(Task::start_boot_ns) {
        kill.victim_start_boot_ns = start;
        kill.valid |= kill_valid::START;
    }
    if let Some(adj) = task.oom_score_adj() {
        kill.oom_score_adj = adj;
        kill.valid |= kill_valid::ADJ;
    }
    if let Some(id) = task.memcg().and_then(Memcg::id) {
        kill.victim_memcg_id = id;
        kill.valid |= kill_valid::VICTIM_MEMCG;
    }
}

/// Fills in a victim's memory, and how many use it.
#[inline(always)]
pub fn memory(kill: &mut Kill, victim: Task) {
    // mark_oom_victim() runs under task_lock(victim), so the mm is there and stays.
    let Some(mm) = victim.mm() else { return };
    if let (Some(anon), Some(file), Some(shmem)) = (
        mm.rss_pages(KernelField::RssAnon),
        mm.rss_pages(KernelField::RssFile),
        mm.rss_pages(KernelField::RssShmem),
    ) {
        kill.anon_pages = anon;
        kill.file_pages = file;
        kill.shmem_pages = shmem;
        kill.valid |= kill_valid::RSS;
    }
    if RSS_PERCPU.load() != 0 {
        kill.flags |= kill_flags::RSS_APPROXIMATE;
    }
    if let Some(swap) = mm.rss_pages(KernelField::RssSwap) {
        kill.swap_entries_pages = swap;
        kill.valid |= kill_valid::SWAP;
    }
    if let Some(bytes) = mm.pgtables_bytes() {
        kill.pgtables_bytes = bytes;
        kill.valid |= kill_valid::PGTABLES;
    }
    if let Some(pages) = mm.total_vm_pages() {
        kill.total_vm_pages = pages;
        kill.valid |= kill_valid::TOTAL_VM;
    }
    if let (Some(users), Some(live)) = (mm.users(), victim.live_threads()) {
        kill.mm_users = users;
        kill.live_threads = live;
        kill.valid |= kill_valid::MM_USERS;
        if users > live {
            kill.flags |= kill_flags::MM_MAYBE_SHARED;
        }
    }
}
