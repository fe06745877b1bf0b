//! A task that the OOM killer is about to score.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use oomtrace_common::field::KernelField;
use oomtrace_common::record::{Candidate, KIND_CANDIDATE, candidate_valid, counter};

use crate::emit;
use crate::maps::count;
use crate::state::state;
use crate::task::Task;

/// Process id of the initial pid namespace's first process.
const GLOBAL_INIT: u32 = 1;

/// Handles `oom_evaluate_task(task, oc)`. Runs in the trigger's context with `oom_lock` held.
#[inline(always)]
pub fn evaluated(task: Task) {
    let Some(state) = state() else { return };
    if state.oom_control == 0 || state.oom_tid != bpf_get_current_pid_tgid() as u32 {
        return;
    }
    // Kernel threads are looked at too and have nothing to give.
    let (Some(mm), Some(tgid)) = (task.mm(), task.tgid()) else {
        return;
    };
    // So is the init process, which `oom_unkillable_task()` then spares.
    if tgid == GLOBAL_INIT {
        return;
    }
    state.oom_scored += 1;
    let mut candidate = Candidate {
        header: emit::header(
            KIND_CANDIDATE,
            size_of::<Candidate>() as u32,
            emit::now_boot_ns(),
            state.oom_sequence,
        ),
        tgid,
        ..Candidate::default()
    };
    if let Some(comm) = task.comm() {
        candidate.comm = comm;
        candidate.valid |= candidate_valid::COMM;
    }
    if let Some(uid) = task.uid() {
        candidate.uid = uid;
        candidate.valid |= candidate_valid::UID;
    }
    if let Some(adj) = task.oom_score_adj() {
        candidate.oom_score_adj = adj;
        candidate.valid |= candidate_valid::ADJ;
    }
    if let (Some(anon), Some(file), Some(shmem)) = (
        mm.rss_pages(KernelField::RssAnon),
        mm.rss_pages(KernelField::RssFile),
        mm.rss_pages(KernelField::RssShmem),
    ) {
        candidate.anon_pages = anon;
        candidate.file_pages = file;
        candidate.shmem_pages = shmem;
        candidate.valid |= candidate_valid::RSS;
    }
    if let Some(swap) = mm.rss_pages(KernelField::RssSwap) {
        candidate.swap_entries_pages = swap;
        candidate.valid |= candidate_valid::SWAP;
    }
    if let Some(bytes) = mm.pgtables_bytes() {
        candidate.pgtables_bytes = bytes;
        candidate.valid |= candidate_valid::PGTABLES;
    }
    if !emit::candidate(&candidate) {
        count(counter::LOST_CANDIDATES);
    }
}
