//! Real kills of many kinds, and what must be said of each first: the finding that explains it.
//!
//! Each event is held against the kernel's own report in every field, and each of its sentences
//! against its own figures.

mod containers;
mod decoded;
mod groups;
mod plain;
mod runtimes;
mod stores;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::docker::Docker;
use oomtrace_tests::event::Event;
use oomtrace_tests::process::Workload;
use oomtrace_tests::stage::Kill;
use oomtrace_tests::{Stage, figures, image};

use crate::docker;

/// What is installed by the distribution, not by whoever develops here.
const PYTHON: &str = "/usr/bin/python3";

/// Other threads of a runtime run on while it is killed.
const THREADED: Rss = Rss::Within(8 << 20);

/// A kill that is made, and what has to be said of it.
struct Scenario {
    name: &'static str,
    /// The finding that stands first.
    leads: &'static str,
    /// Others that must be there.
    also: &'static [&'static str],
    /// Words of the message or the findings.
    says: &'static [&'static str],
    /// What stands first where a field is missing; then nothing else is expected.
    without: Option<(&'static str, &'static str)>,
    play: Play,
}

/// How a kill is made.
enum Play {
    OnHost(fn(&Stage) -> Result<Kill>),
    InDocker(fn(&Stage, &Docker) -> Result<Kill>),
}

const fn scenario(
    name: &'static str,
    leads: &'static str,
    also: &'static [&'static str],
    says: &'static [&'static str],
    play: fn(&Stage) -> Result<Kill>,
) -> Scenario {
    Scenario {
        name,
        leads,
        also,
        says,
        without: None,
        play: Play::OnHost(play),
    }
}

impl Scenario {
    /// For one whose finding rests on what not every kernel, or not every moment, lets be seen.
    const fn without(mut self, field: &'static str, leads: &'static str) -> Self {
        self.without = Some((field, leads));
        self
    }
}

/// Plays them all; what is wrong with each is told at the end.
#[expect(clippy::print_stdout, reason = "the table that --nocapture shows")]
fn play(scenarios: &[Scenario], docker: Option<&Docker>) -> Result<()> {
    let root = docker.map(|docker| docker.root().display().to_string());
    let options: Vec<&str> = match &root {
        Some(root) => vec!["--docker-root", root],
        None => Vec::new(),
    };
    let stage = Stage::with_tracer(&options)?;
    let mut wrong = String::new();
    let mut events = Vec::new();
    let mut problem = |name: &str, what: &str| wrong.push_str(&format!("{name}: {what}\n"));
    for scenario in scenarios {
        let begun = std::time::Instant::now();
        match one(&stage, docker, scenario) {
            Ok(event) => {
                let message = event.text("message").unwrap_or_default();
                println!(
                    "{:<28} {:<28} {:>5} ms  {message}",
                    scenario.name,
                    scenario.leads,
                    begun.elapsed().as_millis()
                );
                events.push((scenario.name, event));
            }
            Err(error) => problem(scenario.name, &format!("{error:#}")),
        }
    }
    stage.finish()?;
    ensure!(wrong.is_empty(), "{wrong}");
    decoded::agrees(&events)
}

fn one(stage: &Stage, docker: Option<&Docker>, scenario: &Scenario) -> Result<Event> {
    stage.await_reports(2)?;
    let kill = match scenario.play {
        Play::OnHost(play) => play(stage),
        Play::InDocker(play) => play(stage, docker.context("it needs Docker")?),
    };
    let event = kill?.event.context("no event")?;
    let findings = event.list("findings");
    let codes: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding.get("code")?.as_str())
        .collect();
    let texts: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding.get("text")?.as_str())
        .collect();
    let hidden = scenario
        .without
        .filter(|(field, _)| {
            // What lived after the kill says nothing of the moment before it.
            let later = event.text(&format!("{field}_basis")) == Some("survivors");
            later || event.says_missing(field)
        })
        .map(|(_, leads)| leads);
    let leads = hidden.unwrap_or(scenario.leads);
    ensure!(
        codes.first() == Some(&leads),
        "{:?} leads, not {leads}: {} {texts:#?}",
        codes.first(),
        event.value
    );
    let (also, says) = match hidden {
        Some(_) => (&[][..], &[][..]),
        None => (scenario.also, scenario.says),
    };
    for code in also {
        ensure!(codes.contains(code), "no {code}: {codes:?} {texts:#?}");
    }
    let message = event.text("message").unwrap_or_default();
    for words in says {
        ensure!(
            message.contains(words) || texts.iter().any(|text| text.contains(words)),
            "not a word of {words:?}: {message} {texts:#?}"
        );
    }
    let checked = figures::check(&event.value);
    ensure!(
        checked.problems.is_empty() && checked.figures > 0,
        "{:#?} {}",
        checked.problems,
        event.value
    );
    Ok(event)
}

/// The first kill in a cgroup, once `start` has begun what leads to it.
fn kill_in(stage: &Stage, cgroup: &Cgroup, rss: Rss) -> Result<Kill> {
    stage.agreed_kill_in(cgroup.path(), rss)
}

/// A program of the system in a cgroup of its own, until it is killed.
fn program(
    stage: &Stage,
    mib: u64,
    words: &[&str],
    environ: &[(&str, &str)],
    rss: Rss,
) -> Result<Kill> {
    let cgroup = stage.cgroup(mib)?;
    warm(words)?;
    let mut workload = Workload::within(&cgroup)?;
    for (name, value) in environ {
        workload = workload.env(name, value);
    }
    let mut arguments = vec!["exec"];
    arguments.extend(words);
    let _running = workload.start(&arguments)?;
    kill_in(stage, &cgroup, rss)
}

/// Starts it once outside of every limit, so that its files' pages are not charged to the cgroup:
/// there they would be dropped and read again for a long time before it is killed.
fn warm(words: &[&str]) -> Result<()> {
    let (program, option) = match words.first() {
        Some(&PYTHON) => (PYTHON, "--version"),
        Some(&program) if program.ends_with("node") || program.ends_with("java") => {
            (program, "--version")
        }
        _ => return Ok(()),
    };
    let started = Command::new(program).arg(option).output();
    started.with_context(|| format!("cannot run {program}"))?;
    for file in image::libraries(&[Path::new(program)])? {
        let _ = std::fs::read(file);
    }
    let program = std::fs::canonicalize(program).context("cannot resolve it")?;
    let home = program.ancestors().nth(2).unwrap_or(Path::new("/"));
    // Those of a JVM; others have no such files.
    for file in [
        "lib/modules",
        "lib/server/libjvm.so",
        "lib/server/classes.jsa",
    ] {
        let _ = std::fs::read(home.join(file));
    }
    let _ = std::fs::read(program);
    Ok(())
}

fn python(stage: &Stage, mib: u64, script: &str) -> Result<Kill> {
    program(stage, mib, &[PYTHON, "-c", script], &[], Rss::Exact)
}

#[test]
fn what_fills_a_cgroup() -> Result<()> {
    play(plain::SCENARIOS, None)
}

#[test]
fn whose_limit_and_which_victim() -> Result<()> {
    play(groups::SCENARIOS, None)
}

#[test]
fn language_runtimes() -> Result<()> {
    play(runtimes::SCENARIOS, None)
}

#[test]
fn data_stores() -> Result<()> {
    play(stores::SCENARIOS, None)
}

#[test]
fn in_containers() -> Result<()> {
    let docker = docker::docker()?;
    play(containers::SCENARIOS, Some(&docker))
}

#[test]
fn each_scenario_is_documented() -> Result<()> {
    let page = include_str!("../../../../docs/findings.md");
    let all = [
        plain::SCENARIOS,
        groups::SCENARIOS,
        runtimes::SCENARIOS,
        stores::SCENARIOS,
        containers::SCENARIOS,
    ];
    for scenario in all.into_iter().flatten() {
        let row = format!("| {} | `{}` | ", scenario.name, scenario.leads);
        ensure!(page.contains(&row), "docs/findings.md has no row {row:?}");
    }
    Ok(())
}
