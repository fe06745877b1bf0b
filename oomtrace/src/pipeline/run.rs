//! One invocation, from settings to exit code.

use std::fs;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::check::{self, Verdict};
use super::setup::{Failure, finish_reading, output, print, quiet_enricher};
use super::wait::Signals;
use super::{ask, daemon, decode, demo, replay, trace};
use crate::cli::args::{CheckArgs, CheckFormat, DecodeArgs, ManArgs, ReplayArgs};
use crate::cli::manual::{completions, man_pages};
use crate::cli::{Action, CommonArgs, Exit, Invocation, command, schema};
use crate::enrich::{NamePlaces, engine_states};
use crate::kernel::{self, Facts};
use crate::process::use_permitted_capabilities;
use crate::redact::Redactor;

/// Carries out an invocation. Errors are logged.
#[must_use]
pub fn run(invocation: Invocation) -> Exit {
    use_permitted_capabilities();
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
        Action::Demo(args) => demo::demo(runtime, &common, args),
        Action::Decode(args) if args.follow => decode::follow(runtime, &common, &args),
        Action::Decode(args) => stoppable(runtime, move || decode_logs(&common, args)),
        Action::Replay(args) => stoppable(runtime, move || replay_file(&common, args)),
        Action::List(args) => stoppable(runtime, move || Ok(ask::list(args)?)),
        Action::Show(args) => stoppable(runtime, move || Ok(ask::show(&common, args)?)),
        Action::Top(args) => stoppable(runtime, move || Ok(ask::top(args)?)),
        Action::Report(args) => stoppable(runtime, move || Ok(ask::report(args)?)),
        Action::Check(args) => stoppable(runtime, move || check_host(args)),
        Action::Schema => stoppable(runtime, || {
            let text = schema().context("cannot unpack the embedded schema")?;
            print(text.as_bytes())
        }),
        Action::Completions(args) => {
            stoppable(runtime, move || print(&completions(command(), args.shell)))
        }
        Action::Man(args) => stoppable(runtime, move || manual(&args)),
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

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up an event loop")
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

/// Prints one page of the manual, or writes all of them to a directory that is made if need be.
fn manual(args: &ManArgs) -> Result<Exit, Failure> {
    let pages = man_pages(command()).context("cannot make the manual pages")?;
    if let Some(dir) = &args.dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        for page in pages {
            let file = dir.join(format!("{}.1", page.name));
            fs::write(&file, page.roff)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        return Ok(Exit::Success);
    }
    let name = match &args.command {
        Some(command) => format!("oomtrace-{command}"),
        None => "oomtrace".to_owned(),
    };
    let page = pages.into_iter().find(|page| page.name == name);
    let page = page.with_context(|| format!("there is no page {name}; see `oomtrace --help`"))?;
    print(&page.roff)
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
        CheckFormat::Text => print(report.text().as_bytes())?,
        CheckFormat::Json => {
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
