//! What the commands share: setting up a capture, and how an invocation ends.

use std::io;
use std::io::Write as _;
use std::num::NonZeroU64;

use super::live::Attached;
use super::output::Output;
use super::{check, host};
use crate::cli::args::{FilterArgs, OutputArgs};
use crate::cli::{CommonArgs, Exit, settings};
use crate::enrich::{EnrichConfig, Enricher, NamePlaces};
use crate::kernel::{self, Facts, Losses, Namespaces, Plan};
use crate::loader;
use crate::model::Host;

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

/// The output of a capture.
pub(super) fn live_output(
    common: &CommonArgs,
    filter: FilterArgs,
    output: &OutputArgs,
    count: Option<NonZeroU64>,
) -> anyhow::Result<Output> {
    Output::new(
        filter.into(),
        settings::live_renderer(common, output),
        count,
    )
}

pub(super) fn enricher(names: NamePlaces) -> Enricher {
    let enricher = quiet_enricher(names);
    if let Some(problem) = enricher.problem() {
        log::warn!("statistics of cgroups cannot be read: {problem}");
    }
    enricher
}

pub(super) fn quiet_enricher(names: NamePlaces) -> Enricher {
    Enricher::new(&EnrichConfig {
        names,
        host_pids: Namespaces::read().pid_is_initial != Some(false),
        ..EnrichConfig::default()
    })
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

/// Ends a command that reads files: a reader of its output that has gone (`| head`) has read
/// enough, and loses nothing that the files do not still hold.
pub(super) fn finish_reading(output: &Output, exit: Exit) -> Result<Exit, Failure> {
    if output.is_closed() {
        return Ok(exit);
    }
    let losses: Vec<String> = output.losses().into_iter().collect();
    finish(&losses, exit)
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
