//! One invocation, from settings to exit code.

use std::{
    io::{self, Write as _},
    num::NonZeroU64,
    time::Duration,
};

use anyhow::Context as _;

use super::{
    check::{self, Verdict},
    decode,
    demo::Demo,
    host,
    live::{Attached, Live},
    output::Output,
    replay, trace,
};
use crate::{
    cli::{
        Action, CommonArgs, Exit, Invocation,
        args::{CheckArgs, DecodeArgs, DemoArgs, FilterArgs, OutputArgs, ReplayArgs},
        schema, settings,
    },
    enrich::{EnrichConfig, Enricher, NamePlaces},
    kernel::{self, Facts, Losses, Plan},
    loader,
    model::Host,
    redact::Redactor,
    sink::Sink,
};

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
        // A reader that went away is no failure.
        Self::Runtime(error)
    }
}

impl From<loader::LoadError> for Failure {
    fn from(error: loader::LoadError) -> Self {
        if let loader::LoadError::Program {
            name, verifier_log, ..
        } = &error
        {
            log::info!("the verifier on {name}:\n{verifier_log}");
        }
        Self::Unable(check::remedy(&error))
    }
}

/// Carries out an invocation. Errors are logged.
#[must_use]
pub fn run(invocation: Invocation) -> Exit {
    let Invocation { common, action } = invocation;
    let result = match action {
        Action::Trace(args) => trace::trace(&common, args),
        Action::Decode(args) => decode_logs(&common, args),
        Action::Replay(args) => replay_file(&common, args),
        Action::Check(args) => check_host(args),
        Action::Demo(args) => demo(&common, args),
        Action::Schema => schema()
            .context("cannot unpack the embedded schema")
            .map_err(Failure::from)
            .and_then(|text| print(text.as_bytes())),
    };
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
    let sink = Sink::stdout().context("cannot use standard output")?;
    Ok(Output::new(
        filter.into(),
        settings::renderer(common, output),
        sink,
        count,
    ))
}

pub(super) fn enricher(names: NamePlaces) -> Enricher {
    let config = EnrichConfig {
        names,
        ..EnrichConfig::default()
    };
    let enricher = Enricher::new(&config);
    if let Some(problem) = enricher.problem() {
        log::warn!("statistics of cgroups cannot be read: {problem}");
    }
    enricher
}

pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up waiting")
}

/// aya-log's level for the probe's own diagnostics: everything with `-vv`, nothing otherwise.
fn log_level(common: &CommonArgs) -> u8 {
    if common.verbose > 1 { 5 } else { 0 }
}

/// Tells what was lost on the way out.
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
    let exit = decode::decode(&args, &mut output)?;
    Ok(match exit {
        Exit::Success if output.dropped() > 0 => Exit::Runtime,
        exit => exit,
    })
}

fn replay_file(common: &CommonArgs, args: ReplayArgs) -> Result<Exit, Failure> {
    let mut output = output(common, args.filter, &args.output, None)?;
    let redactor = Redactor::default().and(args.redact);
    replay::replay(&args.file, &redactor, &mut output)?;
    Ok(if output.dropped() > 0 {
        Exit::Runtime
    } else {
        Exit::Success
    })
}

fn check_host(args: CheckArgs) -> Result<Exit, Failure> {
    let facts = Facts::read().map_err(anyhow::Error::from)?;
    if args.facts {
        return print(facts.to_string().as_bytes());
    }
    let mut text = Vec::new();
    let verdict =
        check::check(&facts, &kernel::plan(&facts), &mut text).context("cannot write to memory")?;
    print(&text)?;
    Ok(match verdict {
        Verdict::Able => Exit::Success,
        Verdict::Degraded if !args.strict => Exit::Success,
        Verdict::Degraded | Verdict::Unable => Exit::Unable,
    })
}

fn demo(common: &CommonArgs, args: DemoArgs) -> Result<Exit, Failure> {
    let (facts, plan) = survey()?;
    let enricher = enricher(NamePlaces::default());
    let root = enricher
        .cgroup_root()
        .context("no cgroup file system with the memory controller is mounted")?
        .to_owned();
    let mut demo = Demo::prepare(&root, facts.cgroup_version)?;
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
        output,
        None,
    );
    let mut gone = Ok(());
    let exit = runtime()?.block_on(live.run(Some(DEMO_TIME_MAX), || gone = demo.go()))?;
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
fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(Failure::Runtime(
            anyhow::Error::from(error).context("cannot write to standard output"),
        )),
    }
}
