//! `cargo xtask corpus`: what `oomtrace decode` makes of a folder of logs, fact by fact.
//!
//! The folder (and `reports/` in it) holds pairs of `NAME.log` and `NAME.json`; the latter says what
//! the text shows. `recorded/` holds pairs of `NAME.dmesg` and `NAME.trace`: a kernel's log, and what
//! its tracepoints said at the same time. Every event goes through NDJSON and back, and must read the
//! same then. Of each recorded kind of kill the finding that leads is known. Every number in every sentence of the events is computed again from their facts.

mod events;
mod facts;
mod figures;
mod leads;
mod recorded;
mod round;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use oomtrace::diagnose;
use oomtrace::klog::carrier::{Carrier, CarrierSettings};
use oomtrace::klog::report::{KlogHost, Reports};
use oomtrace::model::Event;
use serde_json::Value;

use self::{round::Round, verdict::Tally};

/// What to read.
#[derive(Args)]
pub struct Arguments {
    /// The folder
    folder: PathBuf,
    /// Show each fact that is not right
    #[arg(short, long)]
    verbose: bool,
}

/// Compares every pair.
///
/// # Errors
/// A file that cannot be read or understood; a fact that is wrong, missing or invented; no pairs.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut total = Tally::default();
    let mut checked = figures::Checked::default();
    let mut round = Round::default();
    let mut files = 0_usize;
    for folder in [arguments.folder.clone(), arguments.folder.join("reports")] {
        for log in with_extension(&folder, "log")? {
            let events = decode(&log)?;
            round.trip(&log, &events);
            let events = values(&events)?;
            checked.add(figures::of(&log, &events));
            let tally = compare(&log, &events).with_context(|| log.display().to_string())?;
            files += 1;
            show(&log, &tally, arguments.verbose);
            total.add(tally);
        }
    }
    let mut runs = 0_usize;
    for log in with_extension(&arguments.folder.join("recorded"), "dmesg")? {
        let events = decode(&log)?;
        round.trip(&log, &events);
        let events = values(&events)?;
        checked.add(figures::of(&log, &events));
        let mut tally =
            recorded::compare(&log, &events).with_context(|| log.display().to_string())?;
        leads::compare(&log, &events, &mut tally);
        runs += 1;
        show(&log, &tally, arguments.verbose);
        total.add(tally);
    }
    ensure!(
        files > 0,
        "{} holds no .log beside a .json",
        arguments.folder.display()
    );
    println!("{files} logs, {runs} recorded runs: {total}");
    let same = round.verdict();
    let told = figures::verdict(&checked);
    if !total.is_perfect() {
        bail!("not every expected fact is right, or something was invented");
    }
    same.and(told)
}

fn show(log: &Path, tally: &Tally, verbose: bool) {
    if verbose || !tally.is_perfect() {
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}: {tally}");
    }
    if verbose {
        for complaint in &tally.complaints {
            println!("  {complaint}");
        }
    }
}

/// The files of a folder with this extension, sorted; none if there is no such folder.
fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The events as JSON.
fn values(events: &[Event]) -> Result<Vec<Value>> {
    events
        .iter()
        .map(|event| serde_json::to_value(event).context("an event that is no JSON"))
        .collect()
}

/// The events of a log.
fn decode(log: &Path) -> Result<Vec<Event>> {
    let bytes = fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    let mut carrier = Carrier::new(CarrierSettings::default());
    let mut reports = Reports::new(KlogHost::default());
    let mut events: Vec<Event> = Vec::new();
    for block in bytes.chunks(1 << 16) {
        carrier.push(block, |line| reports.line(&line, &mut events));
    }
    carrier.finish(|line| reports.line(&line, &mut events));
    reports.finish(&mut events);
    events.iter_mut().for_each(diagnose::explain);
    Ok(events)
}

fn compare(log: &Path, events: &[Value]) -> Result<Tally> {
    let expected = log.with_extension("json");
    let text = fs::read(&expected).with_context(|| format!("reading {}", expected.display()))?;
    let expected: Value =
        serde_json::from_slice(&text).with_context(|| format!("{}", expected.display()))?;
    events::compare(&expected, events)
}
