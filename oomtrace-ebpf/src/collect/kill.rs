//! A mark: whether it is a kill, and everything that is known of it at that moment.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid},
    programs::TracePointContext,
};
use aya_log_ebpf::debug;
use oomtrace_common::{
    field::{ABSENT, KernelField},
    record::{KIND_KILL, Kill, counter, kill_flags, kill_valid},
    switch::tracepoint_layout,
};

use crate::{
    collect::{chain, exe, follow, invocation, node_memory, on_stack, summed_rss, victim_context},
    emit,
    globals::{PAGE_SIZE, RSS_PERCPU, TRACEPOINT_LAYOUT},
    maps::{KILL_SCRATCH, SCRATCH_MARK, STATE, State, VICTIMS, count},
    memcg::Memcg,
    oom_control::OomControl,
    proof,
    task::{self, Task},
};

/// Handles `mark_oom_victim(task)`, on kernels whose tracepoint does not hand over the task. The
/// function is also called for threads that bear the mark already; those are passed over.
#[inline(always)]
pub fn marking<C: EbpfContext>(ctx: &C, victim: Task) {
    let (Some(tgid), Some(state)) = (victim.tgid(), state()) else {
        return;
    };
    if state.armed_tgid == tgid || VICTIMS.get_ptr(&tgid).is_none() {
        marked(ctx, victim);
    }
}

/// Handles a mark of which the task is known.
#[inline(always)]
pub fn marked<C: EbpfContext>(ctx: &C, victim: Task) {
    let (Some(tgid), Some(tid), Some(state)) = (victim.tgid(), victim.tid(), state()) else {
        return;
    };
    // Before the proof, which looks through the stack: the SIGKILL was sent, and on another CPU the
    // victim is on its way.
    let late = state.armed_tgid != tgid;
    if late {
        follow::arm(victim);
    }
    let Some(begun) = begin(ctx, tgid, Some(victim)) else {
        follow::disarm(state);
        return;
    };
    let kill = begun.kill;
    kill.victim_tgid = tgid;
    kill.victim_tid = tid;
    if let Some(comm) = victim.comm() {
        kill.victim_comm = comm;
        kill.valid |= kill_valid::VICTIM;
    }
    identity(kill, victim);
    memory(kill, victim);

    let victim_memcg = victim.memcg();
    if let Some(id) = victim_memcg.and_then(Memcg::id) {
        kill.victim_memcg_id = id;
        kill.valid |= kill_valid::VICTIM_MEMCG;
    }
    if let Some(memcg) = victim_memcg {
        chain::send_both(kill, memcg, begun.trigger_memcg);
    }
    if let Some(mm) = victim.mm() {
        exe::send(kill, mm);
        summed_rss::send(kill, mm);
    }
    if let Some(oc) = begun.oom_control {
        node_memory::send(kill, oc);
    }
    follow::marked(kill, victim, late);
    if kill.trigger_tgid == tgid {
        // The victim itself asked for the memory: its own is at hand here and now.
        victim_context::take(victim);
    }
    debug!(
        ctx,
        "kill {} of process {} thread {}", kill.header.sequence, tgid, tid
    );
    emit::kill(kill);
}

/// Handles a mark of which only the tracepoint's own record is known.
#[inline(always)]
pub fn marked_by_record(ctx: &TracePointContext) {
    let Some(tid) = record_field::<u32>(ctx, tracepoint_layout::PID) else {
        return;
    };
    // The record names a thread; without the task, whose group it is stays unknown. The proof by
    // signal needs the group, the proof by stack does not.
    let Some(begun) = begin(ctx, tid, None) else {
        return;
    };
    let kill = begun.kill;
    kill.flags |= kill_flags::TRACEPOINT_ONLY;
    kill.victim_tid = tid;
    kib_to_pages(ctx, tracepoint_layout::ANON_RSS, &mut kill.anon_pages);
    kib_to_pages(ctx, tracepoint_layout::FILE_RSS, &mut kill.file_pages);
    if kib_to_pages(ctx, tracepoint_layout::SHMEM_RSS, &mut kill.shmem_pages) {
        kill.valid |= kill_valid::RSS;
    }
    if kib_to_pages(ctx, tracepoint_layout::TOTAL_VM, &mut kill.total_vm_pages) {
        kill.valid |= kill_valid::TOTAL_VM;
    }
    if let Some(uid) = record_field::<u32>(ctx, tracepoint_layout::UID) {
        kill.victim_uid = uid;
        kill.valid |= kill_valid::VICTIM_UID;
    }
    if let Some(kib) = record_field::<u64>(ctx, tracepoint_layout::PGTABLES) {
        kill.pgtables_bytes = kib << 10;
        kill.valid |= kill_valid::PGTABLES;
    }
    if let Some(adj) = record_field::<i16>(ctx, tracepoint_layout::OOM_SCORE_ADJ) {
        kill.oom_score_adj = adj;
        kill.valid |= kill_valid::ADJ;
    }
    if let Some(location) = record_field::<u32>(ctx, tracepoint_layout::COMM) {
        // __data_loc: the low half is the offset inside the record.
        // SAFETY: the helper behind read_at checks the address.
        if let Ok(comm) = unsafe { ctx.read_at((location & 0xffff) as usize) } {
            kill.victim_comm = comm;
        }
    }
    if let Some(memcg) = begun.trigger_memcg {
        chain::send_trigger(kill, memcg);
    }
    if let Some(oc) = begun.oom_control {
        node_memory::send(kill, oc);
    }
    emit::kill(kill);
}

/// A field of the tracepoint's record, where the `format` file names it.
#[inline(always)]
fn record_field<T>(ctx: &TracePointContext, which: usize) -> Option<T> {
    let element = &raw const TRACEPOINT_LAYOUT[which];
    // SAFETY: the element is inside a static; volatile, because user space has replaced the value
    // that the compiler sees.
    let offset = unsafe { core::ptr::read_volatile(element) };
    if offset == ABSENT {
        return None;
    }
    // SAFETY: the helper behind read_at checks the address; every T used here is an integer.
    unsafe { ctx.read_at(offset as usize) }.ok()
}

#[inline(always)]
fn kib_to_pages(ctx: &TracePointContext, which: usize, pages: &mut u64) -> bool {
    let page_kib = PAGE_SIZE.load() >> 10;
    match record_field::<u64>(ctx, which) {
        Some(kib) if page_kib != 0 => {
            *pages = kib / page_kib;
            true
        }
        _ => false,
    }
}

/// A kill that is being put together.
struct Begun {
    kill: &'static mut Kill,
    trigger_memcg: Option<Memcg>,
    oom_control: Option<OomControl>,
}

/// What every kill has: its proof, its number, and the trigger, which is current. Nothing for a
/// mere mark.
#[inline(always)]
fn begin<C: EbpfContext>(ctx: &C, victim_tgid: u32, victim: Option<Task>) -> Option<Begun> {
    let trigger_tid = bpf_get_current_pid_tgid() as u32;
    let Some(proof) = proof::is_kill(ctx, trigger_tid, victim_tgid) else {
        count(counter::MERE_MARKS);
        debug!(
            ctx,
            "mark of {} by thread {} is no kill", victim_tgid, trigger_tid
        );
        return None;
    };
    let kill = scratch(SCRATCH_MARK)?;
    *kill = Kill {
        header: emit::header(
            KIND_KILL,
            size_of::<Kill>() as u32,
            emit::now_boot_ns(),
            next_sequence(),
        ),
        flags: proof,
        ..Kill::default()
    };
    let mut oom_control = None;
    if let Some(state) = state()
        && let Some(oc) = invocation::of_current(state, trigger_tid)
    {
        kill.oom_sequence = state.oom_sequence;
        kill.scored = state.oom_scored;
        oom_control = Some(oc);
    } else if let Some(victim) = victim {
        oom_control = on_stack::find(victim);
    }
    if let Some(oc) = oom_control {
        oc.fill(kill);
    }
    let trigger_memcg = trigger(kill);
    Some(Begun {
        kill,
        trigger_memcg,
        oom_control,
    })
}

/// Fills in the trigger, which is current; its memory cgroup.
#[inline(always)]
pub fn trigger(kill: &mut Kill) -> Option<Memcg> {
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

/// An empty record to fill; see [`KILL_SCRATCH`].
#[inline(always)]
pub fn scratch(which: u32) -> Option<&'static mut Kill> {
    // SAFETY: the element is this CPU's own, programs do not migrate while they run, and the
    // kernel does not run a program again that it has interrupted.
    KILL_SCRATCH
        .get_ptr_mut(which)
        .map(|kill| unsafe { &mut *kill })
}

/// What outlives a program run.
#[inline(always)]
pub fn state() -> Option<&'static mut State> {
    // SAFETY: an element of a map lives as long as the program; marks are serialised by the
    // kernel's oom_lock.
    STATE.get_ptr_mut(0).map(|state| unsafe { &mut *state })
}

/// The next running number.
#[inline(always)]
pub fn next_sequence() -> u32 {
    let Some(state) = state() else { return 0 };
    state.sequence += 1;
    state.sequence
}

#[inline(always)]
fn identity(kill: &mut Kill, victim: Task) {
    if let Some(pid) = victim.ns_pid() {
        kill.victim_ns_pid = pid;
        kill.valid |= kill_valid::NS_PID;
    }
    if let Some(uid) = victim.uid() {
        kill.victim_uid = uid;
        kill.valid |= kill_valid::VICTIM_UID;
    }
    if let Some(parent) = victim.parent()
        && let (Some(tgid), Some(comm)) = (parent.tgid(), parent.comm())
    {
        kill.parent_tgid = tgid;
        kill.parent_comm = comm;
        kill.valid |= kill_valid::PARENT;
    }
    if let Some(start) = victim.leader().and_then(Task::start_boot_ns) {
        kill.victim_start_boot_ns = start;
        kill.valid |= kill_valid::START;
    }
    if let Some(threads) = victim.threads() {
        kill.threads = threads;
        kill.valid |= kill_valid::THREADS;
    }
    if let Some(adj) = victim.oom_score_adj() {
        kill.oom_score_adj = adj;
        kill.valid |= kill_valid::ADJ;
    }
}

#[inline(always)]
fn memory(kill: &mut Kill, victim: Task) {
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
