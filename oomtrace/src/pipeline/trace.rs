//! `oomtrace trace`: which source, and what is set up for it.

use std::io;
use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::follow::{Source, follow};
use super::kmsg::{Backfill, KernelLog, LogLive};
use super::live::Live;
use super::log_error::KMSG;
use super::outlet::Outlet;
use super::recorder::Recorder;
use super::setup::{Failure, Survey, attach, enricher, finish, live_output, survey};
use super::wait::Signals;
use crate::cli::args::{TraceArgs, TraceSource};
use crate::cli::{CommonArgs, Exit, settings};
use crate::enrich::NamePlaces;
use crate::process;
use crate::redact::Redactor;

/// Traces, by whatever the arguments name.
pub(super) fn trace(
    runtime: &Runtime,
    common: &CommonArgs,
    args: TraceArgs,
) -> Result<Exit, Failure> {
    if args.source == TraceSource::Klog && args.record.is_some() {
        log::error!(
            "--record keeps what the probe captures, and --source klog has no probe; keep its \
             events with -o json"
        );
        return Ok(Exit::Usage);
    }
    // From here on a signal is kept until it is waited for, however long attaching takes.
    let mut signals = Signals::new()?;
    // Before attaching: without the log, nothing of the rest would help.
    let log = (args.backfill || args.source == TraceSource::Klog)
        .then(|| kernel_log(args.hostname.clone()))
        .transpose()?;
    let log = match (args.source, log) {
        (TraceSource::Klog, Some(log)) => {
            return by_log(runtime, &mut signals, common, args, log);
        }
        (_, log) => log,
    };
    let failure = match by_probe(runtime, &mut signals, common, args.clone(), log) {
        Err(Failure::Unable(why)) => why,
        result => return result,
    };
    // A recording, if asked for, would not be there.
    if args.source == TraceSource::Auto && args.record.is_none() {
        log::warn!("BPF unavailable ({failure}); following the kernel log instead");
        let log = kernel_log(args.hostname.clone())?;
        return by_log(runtime, &mut signals, common, args, log);
    }
    Err(Failure::Unable(format!("{failure}\noomtrace: {}", offer())))
}

/// Goes on without the exemption where it is refused.
pub(super) fn exempt_from_oom_killer() {
    if let Err(error) = process::exempt_from_oom_killer() {
        log::warn!(
            "cannot set oom_score_adj of this process to -1000 ({error}; needs CAP_SYS_RESOURCE): \
             a system-wide OOM may kill oomtrace too"
        );
    }
}

/// What can be done where BPF cannot be used.
pub(super) fn offer() -> String {
    let can = "without BPF, `oomtrace trace --source klog` follows the kernel log instead";
    match KernelLog::open(None) {
        Ok(_) => format!("{can}; that would work here"),
        Err(_) => format!("{can}; that needs only CAP_SYSLOG, or sysctl kernel.dmesg_restrict=0"),
    }
}

/// The kernel's log, opened.
pub(super) fn kernel_log(hostname: Option<String>) -> Result<KernelLog, Failure> {
    KernelLog::open(hostname)
        .map_err(|error| Failure::Unable(format!("the kernel log is needed for this; {error:#}")))
}

fn by_log(
    runtime: &Runtime,
    signals: &mut Signals,
    common: &CommonArgs,
    args: TraceArgs,
    log: KernelLog,
) -> Result<Exit, Failure> {
    let output = live_output(common, args.filter, &args.output, args.count)?;
    let places = args.names.into();
    follow_log(
        runtime,
        signals,
        log,
        Box::new(output),
        places,
        args.duration,
        args.backfill,
    )
}

/// Follows the kernel's log; from its beginning, or from now on.
pub(super) fn follow_log(
    runtime: &Runtime,
    signals: &mut Signals,
    log: KernelLog,
    output: Box<dyn Outlet>,
    places: NamePlaces,
    duration: Option<Duration>,
    from_beginning: bool,
) -> Result<Exit, Failure> {
    let mut live = LogLive::new(log, enricher(places), output, from_beginning, None)?;
    exempt_from_oom_killer();
    let exit = runtime.block_on(follow(&mut live, signals, duration, || {
        log::warn!("tracing OOM kills by the kernel log, {KMSG}; end with Ctrl-C");
        process::release_startup_memory();
    }))?;
    ended(&live, exit)
}

fn by_probe(
    runtime: &Runtime,
    signals: &mut Signals,
    common: &CommonArgs,
    args: TraceArgs,
    log: Option<KernelLog>,
) -> Result<Exit, Failure> {
    let (facts, mut plan) = survey()?;
    if args.tracepoints_only {
        plan.functions.clear();
    }
    if let Some(bytes) = settings::essential_ring_bytes()? {
        plan.essential_ring_bytes = bytes;
    }
    let output = live_output(common, args.filter, &args.output, args.count)?;
    let enricher = enricher(args.names.into());
    let redactor = Redactor::default()
        .and(args.redact)
        .program_only(args.no_cmdline);
    let backfill = log
        .map(|log| Backfill::before_attaching(log, None))
        .transpose()?;
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
        attached,
        host,
        enricher,
        redactor,
        recorder,
        Box::new(output),
        backfill,
    );
    exempt_from_oom_killer();
    for loss in losses.iter() {
        log::info!("not captured: {} ({})", loss.what, loss.why);
    }
    let exit = runtime.block_on(follow(&mut live, signals, args.duration, || {
        log::warn!("tracing OOM kills; end with Ctrl-C");
        // Last: what is touched before this is not touched again while waiting.
        process::release_startup_memory();
    }))?;
    ended(&live, exit)
}

/// Ends a capture: says what was seen and what was lost.
///
/// A reader that has gone (`| head`) is the user's wish on a terminal. Elsewhere it is a dead log
/// shipper, and the exit code makes a supervisor start both again.
fn ended(source: &dyn Source, exit: Exit) -> Result<Exit, Failure> {
    let (is_abandoned, losses) = (source.is_abandoned(), source.losses());
    if is_abandoned && losses.is_empty() && io::stderr().is_terminal() {
        return Ok(Exit::Success);
    }
    log::warn!("{}", source.summary());
    if is_abandoned {
        log::error!("the reader of standard output has gone, so tracing ended");
        finish(&losses, Exit::Runtime)
    } else {
        finish(&losses, exit)
    }
}
