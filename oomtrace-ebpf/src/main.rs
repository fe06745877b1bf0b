//! oomtrace's kernel side: what is captured, and when.
//!
//! Entry points only. Each hook hands over to `collect`, which fills records from what `task`,
//! `mm` and `memcg` read; `emit` puts them into the rings. No offset is written down here: see
//! `field`.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod atomic;
mod collect;
mod emit;
mod field;
mod globals;
mod maps;
mod memcg;
mod mm;
mod oom_control;
mod proof;
mod scratch;
mod state;
mod task;
mod victims;

use aya_ebpf::macros::{fentry, fexit, kprobe, kretprobe, raw_tracepoint, tracepoint};
use aya_ebpf::programs::{
    FEntryContext, FExitContext, ProbeContext, RawTracePointContext, RetProbeContext,
    TracePointContext,
};
use oomtrace_common::record::reaping_step;

use crate::task::Task;

/// `trace_mark_victim(struct task_struct *task, uid_t uid)`: a task was marked as an OOM victim.
/// Runs in the trigger's context with `oom_lock` and the victim's `alloc_lock` held.
// match-proto: btf_trace_mark_victim = (void *, struct task_struct *, uid_t)
#[raw_tracepoint(tracepoint = "mark_victim")]
pub fn mark_victim(ctx: RawTracePointContext) -> i32 {
    if let Some(victim) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::mark::marked(&ctx, victim);
    }
    0
}

/// The same event on kernels whose tracepoint has no task argument: only the fields of its record.
// match-proto: btf_trace_mark_victim = (void *, int)
#[tracepoint(category = "oom", name = "mark_victim")]
pub fn mark_victim_record(ctx: TracePointContext) -> u32 {
    collect::mark_record::marked(&ctx);
    0
}

/// `trace_sched_process_exit(struct task_struct *task[, bool group_dead])`: current exits.
// match-proto: btf_trace_sched_process_exit = (void *, struct task_struct *, bool)
// match-proto: btf_trace_sched_process_exit = (void *, struct task_struct *)
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(ctx: RawTracePointContext) -> i32 {
    // Everything that is not the aftermath of a kill leaves here.
    if !victims::is_following() {
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
    if !victims::is_following() || ctx.arg::<i32>(0) != collect::signal::SIGKILL {
        return 0;
    }
    if let Some(task) = task::current() {
        collect::exit::killed(task);
    }
    0
}

/// `trace_signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task, int
/// group, int result)`: current sends a signal. Attached only where the kernel stack cannot show
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
        collect::signal::generated(info, target);
    }
    0
}

/// `trace_start_task_reaping(int pid)`: the reaper begins to take a victim's memory.
#[raw_tracepoint(tracepoint = "start_task_reaping")]
pub fn reaping_started(ctx: RawTracePointContext) -> i32 {
    collect::reaping::step(ctx.arg::<u32>(0), reaping_step::STARTED);
    0
}

/// `trace_finish_task_reaping(int pid)`: the reaper took what it could.
#[raw_tracepoint(tracepoint = "finish_task_reaping")]
pub fn reaping_finished(ctx: RawTracePointContext) -> i32 {
    collect::reaping::step(ctx.arg::<u32>(0), reaping_step::FINISHED);
    0
}

/// `trace_skip_task_reaping(int pid)`: the reaper leaves a victim alone.
#[raw_tracepoint(tracepoint = "skip_task_reaping")]
pub fn reaping_skipped(ctx: RawTracePointContext) -> i32 {
    collect::reaping::step(ctx.arg::<u32>(0), reaping_step::SKIPPED);
    0
}

/// `bool out_of_memory(struct oom_control *oc)` begins.
#[fentry(function = "out_of_memory")]
pub fn invoked_fentry(ctx: FEntryContext) -> i32 {
    collect::invocation::begins(ctx.arg(0));
    0
}

/// The same by kprobe.
#[kprobe(function = "out_of_memory")]
pub fn invoked_kprobe(ctx: ProbeContext) -> u32 {
    collect::invocation::begins(field::first_argument(&ctx));
    0
}

/// `out_of_memory()` ends.
#[fexit(function = "out_of_memory")]
pub fn left_fexit(_ctx: FExitContext) -> i32 {
    collect::invocation::ends();
    0
}

/// The same by kretprobe.
#[kretprobe(function = "out_of_memory")]
pub fn left_kretprobe(_ctx: RetProbeContext) -> u32 {
    collect::invocation::ends();
    0
}

/// `int oom_evaluate_task(struct task_struct *task, void *arg)`: a task is about to be scored.
#[fentry(function = "oom_evaluate_task")]
pub fn evaluated_fentry(ctx: FEntryContext) -> i32 {
    if let Some(task) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::candidate::evaluated(task);
    }
    0
}

/// The same by kprobe.
#[kprobe(function = "oom_evaluate_task")]
pub fn evaluated_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(task) = Task::new(field::first_argument(&ctx) as *const u8) {
        collect::candidate::evaluated(task);
    }
    0
}

/// `void __oom_kill_process(struct task_struct *victim, const char *message)`: about to kill.
#[fentry(function = "__oom_kill_process")]
pub fn arming_fentry(ctx: FEntryContext) -> i32 {
    if let Some(task) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::follow::arm(task);
    }
    0
}

/// The same by kprobe.
#[kprobe(function = "__oom_kill_process")]
pub fn arming_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(task) = Task::new(field::first_argument(&ctx) as *const u8) {
        collect::follow::arm(task);
    }
    0
}

/// `void mark_oom_victim(struct task_struct *tsk)`, where the tracepoint inside it has no task.
#[fentry(function = "mark_oom_victim")]
pub fn marking_fentry(ctx: FEntryContext) -> i32 {
    if let Some(task) = Task::new(ctx.arg::<*const u8>(0)) {
        collect::mark::marking(&ctx, task);
    }
    0
}

/// The same by kprobe.
#[kprobe(function = "mark_oom_victim")]
pub fn marking_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(task) = Task::new(field::first_argument(&ctx) as *const u8) {
        collect::mark::marking(&ctx, task);
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
