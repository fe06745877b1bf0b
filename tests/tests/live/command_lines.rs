//! The command line of every victim, whoever asked for the memory: read in the victim's own context
//! on its way out, a thousand times each.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::event::Event;
use oomtrace_tests::process::Workload;

/// Kills of each kind.
const KILLS: usize = 1000;
/// So many cgroups fill up at the same time.
const CGROUPS: usize = 4;
/// Of a thousand command lines of victims that asked themselves, at least so many are there: all were
/// in every run so far.
const ALONE_MIN: usize = 995;
/// The same for others: 992 to 998 in every run. A victim on another processor may be past its exit
/// hook before it is followed, which without a hook on `__oom_kill_process` begins at its mark.
const ASLEEP_MIN: usize = 980;

const ALONE: [&str; 2] = ["anon", "16"];
const HELD: [&str; 2] = ["hold", "8"];

/// It asks for what it may not have, and is killed.
fn one_alone(cgroup: &Cgroup) -> Result<u32> {
    let mut victim = Workload::within(cgroup)?.start(&ALONE)?;
    victim.end_killed()?;
    Ok(victim.pid())
}

/// It holds memory and sleeps, and is killed because another one asks.
fn one_asleep(cgroup: &Cgroup) -> Result<u32> {
    let mut holder = Workload::within(cgroup)?.adj(1000).start(&HELD)?;
    holder.wait_for("filled")?;
    let mut trigger = Workload::within(cgroup)?.start(&["anon", "10"])?;
    holder.end_killed()?;
    // That it may be killed besides is no matter here.
    trigger.survived()?;
    Ok(holder.pid())
}

/// The threads that were killed.
fn kill(cgroups: &[Cgroup], one: fn(&Cgroup) -> Result<u32>) -> Result<Vec<u32>> {
    cgroup::in_each(cgroups, |cgroup| {
        (0..KILLS / CGROUPS).map(|_| one(cgroup)).collect()
    })
}

/// How many of these kills have this command line, in their own event or in that of the victim's end,
/// where it took its time; prints it, and why others have none.
fn had(what: &str, kills: &[&Event], all: &[Event], wanted: &[&str]) -> Result<usize> {
    let (mut at_once, mut later) = (0, 0);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for kill in kills {
        let id = kill.text("event_id");
        let end = || {
            let its = |event: &&Event| event.text("kill_event_id") == id;
            all.iter().find(its).map(|end| end.list("cmdline"))
        };
        let (count, line) = match (kill.list("victim.cmdline"), end()) {
            ([], Some(line @ [_, ..])) => (&mut later, line),
            ([], _) => {
                let reason = kill.missing_reason("victim.cmdline");
                let reason = reason.with_context(|| format!("not a word: {}", kill.value))?;
                *reasons.entry(reason).or_default() += 1;
                continue;
            }
            (line, _) => (&mut at_once, line),
        };
        *count += 1;
        let arguments: Vec<_> = line.iter().skip(1).collect();
        ensure!(arguments == wanted, "{arguments:?}");
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "command lines, {what}: of {} victims {at_once} at once, {later} at their end, without: \
         {reasons:?}",
        kills.len()
    )?;
    Ok(at_once + later)
}

#[test]
fn of_a_thousand_victims_of_each_kind() -> Result<()> {
    let stage = Stage::with_tracer(&[])?;
    let top = stage.cgroup(128)?;
    let cgroups = top.children(CGROUPS, 12)?;
    let alone = kill(&cgroups, one_alone)?;
    let asleep = kill(&cgroups, one_asleep)?;
    let said = stage.finish()?;
    let events = said.killed_in(top.path());
    let of = |tids: &[u32], is_own_trigger: bool| -> Result<Vec<&Event>> {
        let found: Vec<&Event> = events
            .iter()
            .filter(|event| tids.iter().any(|tid| event.is_kill_of(*tid)))
            .filter(|event| (event.u64("trigger.pid") == event.u64("victim.pid")) == is_own_trigger)
            .copied()
            .collect();
        ensure!(
            tids.len() == KILLS && found.len() == KILLS,
            "{} killed, {} told of",
            tids.len(),
            found.len()
        );
        Ok(found)
    };
    for (what, events, wanted, least) in [
        ("victim asks itself", of(&alone, true)?, ALONE, ALONE_MIN),
        ("another one asks", of(&asleep, false)?, HELD, ASLEEP_MIN),
    ] {
        let had = had(what, &events, &said.events, &wanted)?;
        ensure!(had >= least, "{what}: only {had} of {KILLS}");
    }
    Ok(())
}
