//! oomtrace's kernel side: what is captured, and when.
//!
//! Entry points only. Each hook hands over to `collect`, which fills records from what `task`,
//! `mm` and `memcg` read; `emit` puts them into the rings. No offset is written down here: see
//! `field`.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod collect;
mod emit;
mod field;
mod globals;
mod maps;
mod memcg;
mod mm;
mod proof;
mod task;

use aya_ebpf::{
    macros::{raw_tracepoint, tracepoint},
    programs::{RawTracePointContext, TracePointContext},
};

use crate::task::Task;

/// `trace_mark_victim(struct task_struct *task, uid_t uid)`: a task was marked as an OOM victim.
/// Runs in the trigger's context with `oom_lock` and the victim's `alloc_lock` held.
// match-proto: btf_trace_mark_victim = (void *, struct task_struct *, uid_t)
#[raw_tracepoint(tracepoint = "mark_victim")]
pub fn mark_victim(ctx: RawTracePointContext) -> i32 {
    if let Some(victim) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::kill::marked(&ctx, victim);
    }
    0
}

/// The same event on kernels whose tracepoint has no task argument: only the fields of its record.
// match-proto: btf_trace_mark_victim = (void *, int)
#[tracepoint(category = "oom", name = "mark_victim")]
pub fn mark_victim_record(ctx: TracePointContext) -> u32 {
    collect::kill::marked_by_record(&ctx);
    0
}

/// `trace_sched_process_exit(struct task_struct *task[, bool group_dead])`: current exits.
// match-proto: btf_trace_sched_process_exit = (void *, struct task_struct *, bool)
// match-proto: btf_trace_sched_process_exit = (void *, struct task_struct *)
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(ctx: RawTracePointContext) -> i32 {
    // Everything that is not the aftermath of a kill leaves here.
    if !maps::is_following() {
        return 0;
    }
    if let Some(task) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::exit::exiting(task);
    }
    0
}

/// `trace_signal_deliver(int sig, struct kernel_siginfo *info, struct k_sigaction *ka)`: current
/// is about to act on a signal. Attached only where the exit hook comes too late for the victim's
/// address space.
// match-proto: btf_trace_signal_deliver = (void *, int, struct kernel_siginfo *, struct k_sigaction *)
#[raw_tracepoint(tracepoint = "signal_deliver")]
pub fn signal_deliver(ctx: RawTracePointContext) -> i32 {
    if !maps::is_following() || ctx.arg::<i32>(0) != collect::signal::SIGKILL {
        return 0;
    }
    if let Some(task) = task::current() {
        collect::victim_context::take(task);
    }
    0
}

/// `trace_signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task, int
/// group, int result)`: current sends a signal. Attached only where the kernel stack cannot tell
/// a kill from a mere mark.
// match-proto: btf_trace_signal_generate = (void *, int, struct kernel_siginfo *, struct task_struct *, int, int)
#[raw_tracepoint(tracepoint = "signal_generate")]
pub fn signal_generate(ctx: RawTracePointContext) -> i32 {
    if ctx.arg::<i32>(0) != collect::signal::SIGKILL {
        return 0;
    }
    // The value of the pointer is the message: SEND_SIG_PRIV. It is never dereferenced.
    let info = ctx.arg::<*const u8>(1) as u64;
    if let Some(target) = Task::new(ctx.arg::<*const u8>(2)) {
        collect::signal::generated(info, target, ctx.arg::<i32>(4));
    }
    0
}

/// Never reached: the verifier refuses an object in which a panic could be.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
