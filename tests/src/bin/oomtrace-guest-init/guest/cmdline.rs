//! Of how many victims the command line is told, by the way in which they die.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::ledger::Ledger;
use oomtrace_tests::process::{Running, Workload};
use oomtrace_tests::tracer::Said;

/// Kills of each way.
const KILLS: usize = 1000;
/// An emulated machine may not get so far; the number that is told says how far it got.
const TIME_MAX: Duration = Duration::from_secs(140);

/// Each asks for more than there is.
pub(crate) fn own(stage: Stage) -> Result<()> {
    const CGROUPS: usize = 4;
    let begun = Instant::now();
    let top = stage.cgroup(128)?;
    // Little, so that each is soon full.
    let cgroups = top.children(CGROUPS, 3)?;
    let in_one = |cgroup: &Cgroup| -> Result<Vec<u32>> {
        let mut tids = Vec::new();
        while tids.len() < KILLS / CGROUPS && begun.elapsed() < TIME_MAX {
            let mut victim =
                Workload::within(cgroup)?.start(&["anon", "32", &format!("own-{}", tids.len())])?;
            victim.end_killed()?;
            tids.push(victim.pid());
        }
        Ok(tids)
    };
    let tids = cgroup::in_each(&cgroups, in_one)?;
    told(stage, &top, "own allocation", &tids, "anon")
}

/// A process that cannot be chosen asks, and those that sleep die for it, one after the other.
pub(crate) fn other(stage: Stage) -> Result<()> {
    const ROUND: usize = 40;
    let begun = Instant::now();
    let cgroup = stage.cgroup(64)?;
    let mut started = Vec::new();
    while cgroup.kills()? < KILLS as u64 && begun.elapsed() < TIME_MAX {
        let sleeping = asleep(&cgroup, ROUND, 1000)?;
        started.extend(sleeping.iter().map(Running::pid));
        let mut asking = Workload::within(&cgroup)?
            .adj(-1000)
            .start(&["anon", "56"])?;
        ensure!(asking.survived()?, "the protected process was killed");
        // Those that are left are ended as a user would.
        drop(sleeping);
    }
    let killed = killed_of(&stage, &started, cgroup.kills()?)?;
    told(stage, &cgroup, "another's allocation", &killed, "hold")
}

/// One asks and all of its cgroup die.
pub(crate) fn group(stage: Stage) -> Result<()> {
    const ROUND: usize = 24;
    let begun = Instant::now();
    let cgroup = stage.cgroup(64)?;
    cgroup.write("memory.oom.group", "1")?;
    let mut started = Vec::new();
    while started.len() < KILLS && begun.elapsed() < TIME_MAX {
        let members = asleep(&cgroup, ROUND, 0)?;
        let mut chosen = Workload::within(&cgroup)?.start(&["anon", "96", "chosen"])?;
        chosen.end_killed()?;
        started.push(chosen.pid());
        started.extend(members.iter().map(Running::pid));
        for mut member in members {
            member.end_killed()?;
        }
    }
    let killed = killed_of(&stage, &started, cgroup.kills()?)?;
    ensure!(
        killed.len() == started.len(),
        "{} of {} have died by the OOM killer",
        killed.len(),
        started.len()
    );
    told(stage, &cgroup, "group", &killed, "")
}

/// Those of the started that the kernel's log says were killed. It has a line for each kill that
/// the cgroup counts: the chosen one of a group is counted, and named, twice.
fn killed_of(stage: &Stage, started: &[u32], kills: u64) -> Result<Vec<u32>> {
    let reports = stage.reports_of(started, kills)?;
    let lines = u64::try_from(reports.len())?;
    ensure!(lines == kills, "{lines} lines for {kills} kills");
    let tids: BTreeSet<u32> = reports.iter().map(|report| report.killed.tid).collect();
    Ok(tids.into_iter().collect())
}

fn asleep(cgroup: &Cgroup, count: usize, adj: i32) -> Result<Vec<Running>> {
    let all = (0..count)
        .map(|number| {
            Workload::within(cgroup)?
                .adj(adj)
                .start(&["hold", "1", &format!("asleep-{number}")])
        })
        .collect::<Result<Vec<_>>>()?;
    for one in &all {
        one.wait_for("filled")?;
    }
    Ok(all)
}

/// Every kill has its event, and a command line that is told is the right one; how many have one
/// is written down.
fn told(stage: Stage, cgroup: &Cgroup, what: &str, tids: &[u32], command: &str) -> Result<()> {
    let said = stage.finish_with(cgroup.path(), tids)?;
    count(&said, what, tids, command)
}

/// [`told`], of a run that is over.
pub(super) fn count(said: &Said, what: &str, tids: &[u32], command: &str) -> Result<()> {
    let events: BTreeMap<u64, _> = said
        .events
        .iter()
        .filter(|event| event.kind() == "oom_kill")
        .filter_map(|event| Some((event.u64("victim.tid")?, event)))
        .collect();
    said.all_ended()?;
    let mut with = 0;
    for tid in tids {
        let event = events
            .get(&u64::from(*tid))
            .with_context(|| format!("no event of {tid}"))?;
        let line = event.list("victim.cmdline");
        if line.is_empty() {
            ensure!(
                event.says_missing("victim.cmdline"),
                "no command line of {tid}, and missing gives no reason"
            );
            continue;
        }
        let second = line.get(1).and_then(|word| word.as_str());
        ensure!(
            command.is_empty() || second == Some(command),
            "not the command line of {tid}: {line:?}"
        );
        with += 1;
    }
    if let Some(ledger) = Ledger::asked_for() {
        ledger.share(what, with, tids.len())?;
    }
    Ok(())
}
