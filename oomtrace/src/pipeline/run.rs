//! One invocation, from settings to exit code.

use std::io;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::check::{self, Verdict};
use super::demo::Demo;
use super::live::{Attached, Live};
use super::output::Output;
use super::wait::Signals;
use super::{daemon, decode, host, replay, trace};
use crate::cli::args::{
    CheckArgs, DecodeArgs, DemoArgs, FilterArgs, OutputArgs, OutputFormat, ReplayArgs,
};
use crate::cli::{Action, CommonArgs, Exit, Invocation, schema, settings};
use crate::enrich::{EnrichConfig, Enricher, NamePlaces, engine_states};
use crate::kernel::{self, Facts, Losses, Namespaces, Plan};
use crate::loader;
use crate::model::Host;
use crate::redact::Redactor;

/// How long the demo waits for its kill.
const DEMO_TIME_MAX: Duration = Duration::from_secs(20);

/// Why an invocation ended early.
pub(super) enum Failure {
    /// The kernel or the privileges do not suffice.
    Unable(String),
    /// Anything else.
    Runtime(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<loader::LoadError> for Failure {
    fn from(error: loader::LoadError) -> Self {
        Self::Unable(check::explained(&error))
    }
}

/// Carries out an invocation. Errors are logged.
#[must_use]
pub fn run(invocation: Invocation) -> Exit {
    let result = runtime().map_err(Failure::from).and_then(|runtime| {
        let result = act(&runtime, invocation);
        // What still waits for a blocked reader ends with the process.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(exit) => exit,
        Err(Failure::Unable(why)) => {
            log::error!("cannot trace: {why}");
            Exit::Unable
        }
        Err(Failure::Runtime(error)) => {
            log::error!("{error:#}");
            Exit::Runtime
        }
    }
}

fn act(runtime: &Runtime, Invocation { common, action }: Invocation) -> Result<Exit, Failure> {
    let _within = runtime.enter();
    match action {
        Action::Trace(args) => trace::trace(runtime, &common, args),
        Action::Daemon(args) => daemon::daemon(runtime, &common, &args),
        Action::Config(args) => Ok(daemon::config(&args)),
        Action::Demo(args) => demo(runtime, &common, args),
        Action::Decode(args) if args.follow => decode::follow(runtime, &common, &args),
        Action::Decode(args) => stoppable(runtime, move || decode_logs(&common, args)),
        Action::Replay(args) => stoppable(runtime, move || replay_file(&common, args)),
        Action::Check(args) => stoppable(runtime, move || check_host(args)),
        Action::Schema => stoppable(runtime, || {
            let text = schema().context("cannot unpack the embedded schema")?;
            print(text.as_bytes())
        }),
    }
}

/// Does work that may wait for its input or for the reader of its output, and stops at a signal
/// nevertheless. Such work has an end, so a signal means that it was not reached.
fn stoppable(
    runtime: &Runtime,
    work: impl FnOnce() -> Result<Exit, Failure> + Send + 'static,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    runtime.block_on(async {
        let mut work = tokio::task::spawn_blocking(work);
        loop {
            tokio::select! {
                result = &mut work => break result.context("a thread panicked")?,
                exit = signals.next() => match exit {
                    Some(Exit::Success) => break Ok(Exit::Terminated),
                    Some(exit) => break Ok(exit),
                    None => {}
                },
            }
        }
    })
}

/// A probe on this host, and what there is to know of both.
pub(super) struct Survey {
    pub(super) attached: Attached,
    pub(super) host: Host,
    pub(super) losses: Losses,
}

/// What this host offers, and what is to be done with it.
pub(super) fn survey() -> Result<(Facts, Plan), Failure> {
    let facts = Facts::read().map_err(anyhow::Error::from)?;
    let plan = kernel::plan(&facts).map_err(|refusal| Failure::Unable(refusal.to_string()))?;
    Ok((facts, plan))
}

pub(super) fn attach(
    facts: &Facts,
    plan: &Plan,
    common: &CommonArgs,
    hostname: Option<String>,
) -> Result<Survey, Failure> {
    let attached = Attached::new(plan, log_level(common))?;
    let applied = attached.applied();
    Ok(Survey {
        host: host::describe(facts, plan, applied, hostname)?,
        losses: plan.losses(applied),
        attached,
    })
}

pub(super) fn output(
    common: &CommonArgs,
    filter: FilterArgs,
    output: &OutputArgs,
    count: Option<NonZeroU64>,
) -> anyhow::Result<Output> {
    Output::new(filter.into(), settings::renderer(common, output), count)
}

pub(super) fn enricher(names: NamePlaces) -> Enricher {
    let enricher = quiet_enricher(names);
    if let Some(problem) = enricher.problem() {
        log::warn!("statistics of cgroups cannot be read: {problem}");
    }
    enricher
}

fn quiet_enricher(names: NamePlaces) -> Enricher {
    Enricher::new(&EnrichConfig {
        names,
        host_pids: Namespaces::read().pid_is_initial != Some(false),
        ..EnrichConfig::default()
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up an event loop")
}

/// aya-log's level for the probe's own diagnostics: everything with `-vv`, nothing otherwise.
fn log_level(common: &CommonArgs) -> u8 {
    if common.verbose > 1 { 5 } else { 0 }
}

/// Reports what was lost.
pub(super) fn finish(losses: &[String], exit: Exit) -> Result<Exit, Failure> {
    for loss in losses {
        log::error!("{loss}");
    }
    Ok(if losses.is_empty() {
        exit
    } else {
        Exit::Runtime
    })
}

fn decode_logs(common: &CommonArgs, args: DecodeArgs) -> Result<Exit, Failure> {
    let mut output = output(common, args.filter.clone(), &args.output, args.count)?;
    let exit = decode::decode(&args, &mut output);
    finish_reading(&output, exit)
}

fn replay_file(common: &CommonArgs, args: ReplayArgs) -> Result<Exit, Failure> {
    let mut output = output(common, args.filter, &args.output, None)?;
    let redactor = Redactor::default()
        .and(args.redact)
        .program_only(args.no_cmdline);
    replay::replay(&args.file, &redactor, &mut output)?;
    finish_reading(&output, Exit::Success)
}

/// Ends a command that reads files: a reader of its output that has gone (`| head`) has read
/// enough, and loses nothing that the files do not still hold.
pub(super) fn finish_reading(output: &Output, exit: Exit) -> Result<Exit, Failure> {
    if output.is_closed() {
        return Ok(exit);
    }
    let losses: Vec<String> = output.losses().into_iter().collect();
    finish(&losses, exit)
}

fn check_host(args: CheckArgs) -> Result<Exit, Failure> {
    let facts = Facts::read().map_err(anyhow::Error::from)?;
    if args.facts {
        return print(facts.to_string().as_bytes());
    }
    let names = NamePlaces::default();
    let engines = engine_states(&names);
    let report = check::check(
        &facts,
        &kernel::plan(&facts),
        &quiet_enricher(names),
        &engines,
    );
    match args.output {
        OutputFormat::Text => print(report.text().as_bytes())?,
        OutputFormat::Json => {
            let json = serde_json::to_string(&report).context("cannot make JSON of the report")?;
            print(format!("{json}\n").as_bytes())?
        }
    };
    Ok(match report.verdict() {
        Verdict::CanTrace => Exit::Success,
        Verdict::CanTracePartly if !args.strict => Exit::Success,
        Verdict::CanTracePartly | Verdict::CannotTrace => Exit::Unable,
    })
}

fn demo(runtime: &Runtime, common: &CommonArgs, args: DemoArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let (facts, plan) = survey()?;
    let enricher = enricher(NamePlaces::default());
    let root = enricher
        .cgroup_root()
        .context("no cgroup file system with the memory controller is mounted")?
        .to_owned();
    let version = facts
        .cgroup_version
        .context("the memory controller is disabled (cgroup_disable=memory)")?;
    let mut demo = Demo::prepare(&root, version)?;
    let mut output = output(
        common,
        FilterArgs::default(),
        &args.output,
        NonZeroU64::new(1),
    )?;
    output.only_victim(demo.victim_pid());
    let Survey { attached, host, .. } = attach(&facts, &plan, common, None)?;
    let mut live = Live::new(
        attached,
        host,
        enricher,
        Redactor::default(),
        None,
        Box::new(output),
        None,
    );
    let mut gone = Ok(());
    let exit = runtime.block_on(live.run(&mut signals, Some(DEMO_TIME_MAX), || {
        gone = demo.go();
    }))?;
    gone?;
    if exit == Exit::Success && !live.showed_enough() {
        return Err(anyhow::anyhow!(
            "no kill was seen within {} s; does the limit of {} hold?",
            DEMO_TIME_MAX.as_secs(),
            root.display()
        )
        .into());
    }
    finish(&live.losses(), exit)
}

/// Writes to standard output; a reader that goes away is no failure.
pub(super) fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(Failure::Runtime(
            anyhow::Error::from(error).context("cannot write to standard output"),
        )),
    }
}
