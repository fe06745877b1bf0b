//! A mark of which only the tracepoint's own record is known.

use aya_ebpf::programs::TracePointContext;
use oomtrace_common::field::ABSENT;
use oomtrace_common::record::{kill_flags, kill_valid};
use oomtrace_common::switch::tracepoint_layout;

use crate::collect::mark::begin;
use crate::collect::{chain, node_memory};
use crate::emit;
use crate::globals::{PAGE_SIZE, TRACEPOINT_LAYOUT};

/// Handles a mark on kernels whose tracepoint hands over no task.
#[inline(always)]
pub fn marked(ctx: &TracePointContext) {
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
