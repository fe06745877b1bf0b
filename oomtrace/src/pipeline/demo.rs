//! `oomtrace demo`: a live capture of one kill that it causes itself.

use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::follow::{Source, follow};
use super::live::Live;
use super::setup::{Failure, Survey, attach, enricher, finish, output, survey};
use super::wait::Signals;
use crate::cli::args::{DemoArgs, FilterArgs};
use crate::cli::{CommonArgs, Exit};
use crate::demo::Demo;
use crate::enrich::NamePlaces;
use crate::redact::Redactor;

/// How long the demo waits for its kill.
const DEMO_TIME_MAX: Duration = Duration::from_secs(20);

/// Causes one kill and shows it.
pub(super) fn demo(
    runtime: &Runtime,
    common: &CommonArgs,
    args: DemoArgs,
) -> Result<Exit, Failure> {
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
    let live: &mut dyn Source = &mut live;
    let exit = runtime.block_on(follow(live, &mut signals, Some(DEMO_TIME_MAX), || {
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
