//! `oomtrace check`: what this kernel offers, what would be used, what would be missing.

use std::io::Write;

use super::kmsg::{self, KMSG};
use crate::{
    kernel::{ExitHook, Facts, KillProof, MarkHook, Plan, Refusal},
    loader::{LoadError, Probe},
};

/// What the check found.
pub(super) enum Verdict {
    /// It can trace, and attaching was tried.
    Able,
    /// It can trace, but not everything.
    Degraded,
    /// It cannot.
    Unable,
}

/// Tries everything and says what came of it.
///
/// # Errors
///
/// `out` cannot be written.
pub(super) fn check(
    facts: &Facts,
    plan: &Result<Plan, Refusal>,
    out: &mut impl Write,
) -> std::io::Result<Verdict> {
    row(out, "kernel", &facts.release)?;
    row(out, "page size", &format!("{} bytes", facts.page_size.0))?;
    row(
        out,
        "BTF",
        &match &facts.btf {
            Ok(_) => "/sys/kernel/btf/vmlinux".to_owned(),
            Err(why) => why.clone(),
        },
    )?;
    row(out, "memory cgroup", &format!("v{}", facts.cgroup_version))?;
    row(
        out,
        "lockdown",
        &facts.lockdown.map_or_else(
            || "not told by this kernel, or securityfs is not mounted".to_owned(),
            |level| level.to_string(),
        ),
    )?;
    row(
        out,
        "kernel's log",
        &match kmsg::file() {
            Ok(_) => format!("{KMSG}, for --backfill and --source klog"),
            Err(why) => format!("not for --backfill and --source klog: {why}"),
        },
    )?;
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => {
            row(out, "verdict", &format!("cannot trace: {refusal}"))?;
            return Ok(Verdict::Unable);
        }
    };
    row(
        out,
        "marks",
        match plan.mark {
            MarkHook::Task => "raw tracepoint mark_victim, with the task",
            MarkHook::Record(_) => "tracepoint oom:mark_victim, its own fields only",
        },
    )?;
    row(
        out,
        "proof of a kill",
        match plan.proof {
            KillProof::StackSymbol => "__oom_kill_process on the kernel stack, by symbol",
            KillProof::StackRange { .. } => "__oom_kill_process on the kernel stack, by address",
            KillProof::Signal => "its SIGKILL, by raw tracepoint signal_generate",
        },
    )?;
    row(
        out,
        "victim's context",
        match plan.exit {
            ExitHook::WithMm => "raw tracepoint sched_process_exit",
            ExitHook::SignalDeliver => "raw tracepoint signal_deliver",
        },
    )?;
    row(
        out,
        "RSS figures",
        &if plan.cpus_summed != 0 {
            "per-CPU counters, added up over all processors".to_owned()
        } else if plan.rss_percpu {
            format!(
                "per-CPU counters, each off by at most {} bytes",
                plan.rss_error_max.0
            )
        } else {
            "plain counters".to_owned()
        },
    )?;
    let applied = match Probe::start(plan, 0) {
        Ok(probe) => {
            let bytes: u64 = probe.map_memory().iter().map(|map| map.bytes).sum();
            row(
                out,
                "attached",
                &format!(
                    "{} hooks, {bytes} bytes of BPF maps; detached again",
                    probe.hooks()
                ),
            )?;
            probe.applied()
        }
        Err(error) => {
            row(out, "verdict", &format!("cannot trace: {}", remedy(&error)))?;
            return Ok(Verdict::Unable);
        }
    };
    row(
        out,
        "invocations",
        if applied.invocations {
            "hooks on out_of_memory and oom_evaluate_task"
        } else if plan.stack_searched {
            "neither kprobes nor fentry on this kernel: oom_control from the trigger's kernel stack"
        } else {
            "not seen: this kernel lets neither kprobes nor fentry onto its functions"
        },
    )?;
    let losses = plan.losses(applied);
    for loss in &losses.degradations {
        row(out, "missing", &format!("{}: {}", loss.what, loss.why))?;
    }
    if losses.degradations.is_empty() {
        row(out, "verdict", "can trace")?;
        return Ok(Verdict::Able);
    }
    row(out, "verdict", "can trace, without what is missing above")?;
    Ok(Verdict::Degraded)
}

/// The error, with what helps against it where that is known.
pub(super) fn remedy(error: &LoadError) -> String {
    if error.is_permission() {
        format!(
            "{error}; this needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), in the initial user namespace"
        )
    } else {
        error.to_string()
    }
}

/// Columns of the labels.
const LABEL_WIDTH: usize = 16;

fn row(out: &mut impl Write, label: &str, text: &str) -> std::io::Result<()> {
    writeln!(out, "{label:LABEL_WIDTH$}  {text}")
}
