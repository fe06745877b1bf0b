//! `oomtrace trace`: which source, and what is set up for it.

use super::{
    kmsg::{Backfill, KMSG, KernelLog, LogLive},
    live::{Live, Recorder},
    run::{Failure, Survey, attach, enricher, finish, output, runtime, survey},
};
use crate::{
    cli::{
        CommonArgs, Exit,
        args::{TraceArgs, TraceSource},
    },
    process,
    redact::Redactor,
};

/// Traces, by whatever the arguments name.
pub(super) fn trace(common: &CommonArgs, args: TraceArgs) -> Result<Exit, Failure> {
    if args.source == TraceSource::Klog && args.record.is_some() {
        log::error!(
            "--record keeps what the probe captures, and --source klog has no probe; keep its \
             events with -o json"
        );
        return Ok(Exit::Usage);
    }
    // First of all: without it, nothing of the rest would help.
    let log = (args.backfill || args.source == TraceSource::Klog)
        .then(|| kernel_log(&args))
        .transpose()?;
    let log = match (args.source, log) {
        (TraceSource::Klog, Some(log)) => return by_log(common, args, log),
        (_, log) => log,
    };
    let failure = match by_probe(common, args.clone(), log) {
        Err(Failure::Unable(why)) => why,
        result => return result,
    };
    // A recording, if asked for, would not be there.
    if args.source == TraceSource::Auto && args.record.is_none() {
        log::warn!("not by BPF: {failure}");
        let log = kernel_log(&args)?;
        return by_log(common, args, log);
    }
    Err(Failure::Unable(format!("{failure}\noomtrace: {}", offer())))
}

/// Goes on without the exemption where it is refused.
fn exempt_from_oom_killer() {
    if let Err(error) = process::exempt_from_oom_killer() {
        log::info!(
            "cannot set oom_score_adj of this process to -1000 ({error}; needs CAP_SYS_RESOURCE): \
             a system-wide OOM may kill oomtrace too"
        );
    }
}

/// What can be done where BPF cannot be used.
fn offer() -> String {
    let can = "without BPF, `oomtrace trace --source klog` follows the kernel's log instead";
    match KernelLog::open(None) {
        Ok(_) => format!("{can}; that would work here"),
        Err(_) => format!("{can}; that needs only CAP_SYSLOG, or sysctl kernel.dmesg_restrict=0"),
    }
}

/// The kernel's log, opened.
fn kernel_log(args: &TraceArgs) -> Result<KernelLog, Failure> {
    KernelLog::open(args.hostname.clone())
        .map_err(|error| Failure::Unable(format!("the kernel's log is needed for this; {error:#}")))
}

fn by_log(common: &CommonArgs, args: TraceArgs, log: KernelLog) -> Result<Exit, Failure> {
    let output = output(common, args.filter, &args.output, args.count)?;
    let mut live = LogLive::new(log, enricher(args.names.into()), output, args.backfill)?;
    exempt_from_oom_killer();
    let exit = runtime()?.block_on(live.run(args.duration, || {
        log::warn!("tracing OOM kills by the kernel's log, {KMSG}; end with Ctrl-C");
        process::release_startup_memory();
    }))?;
    finish(&live.losses(), exit)
}

fn by_probe(common: &CommonArgs, args: TraceArgs, log: Option<KernelLog>) -> Result<Exit, Failure> {
    let (facts, mut plan) = survey()?;
    if args.tracepoints_only {
        plan.functions.clear();
    }
    if let Some(bytes) = args.essential_ring_bytes {
        plan.essential_ring_bytes = bytes;
    }
    let output = output(common, args.filter, &args.output, args.count)?;
    let enricher = enricher(args.names.into());
    let redactor = Redactor::default().and(args.redact);
    let backfill = log.map(Backfill::before_attaching).transpose()?;
    let Survey {
        attached,
        host,
        losses,
    } = attach(&facts, &plan, common, args.hostname)?;
    // No longer needed, and large.
    drop((facts, plan));
    let recorder = args
        .record
        .map(|path| Recorder::create(path, &host))
        .transpose()?;
    let mut live = Live::new(
        attached, host, enricher, redactor, recorder, output, backfill,
    );
    exempt_from_oom_killer();
    for loss in &losses.degradations {
        log::info!("not captured: {} ({})", loss.what, loss.why);
    }
    let exit = runtime()?.block_on(live.run(args.duration, || {
        log::warn!("tracing OOM kills; end with Ctrl-C");
        // Last: what is touched before this is not touched again while waiting.
        process::release_startup_memory();
    }))?;
    finish(&live.losses(), exit)
}
