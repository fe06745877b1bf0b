//! The kernel's log as a source: its history before the live capture, and instead of it.
//! (What it tells against what the probe tells: `sources`.)

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::docker::Docker;
use oomtrace_tests::engine::{self, Parent, WAIT_AND_FILL};
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::{Said, Tracer};
use oomtrace_tests::{Stage, counters, image, kmsg, report};

fn kill_in(cgroup: &Cgroup) -> Result<u32> {
    let mut victim = Workload::within(cgroup)?.start(&["anon", "32"])?;
    victim.end_killed()?;
    Ok(victim.pid())
}

/// How many kills of each thread were told of, by source, for these threads.
fn told(said: &Said, tids: &[u32]) -> BTreeMap<u32, Vec<String>> {
    let mut told: BTreeMap<u32, Vec<String>> = tids.iter().map(|tid| (*tid, Vec::new())).collect();
    for event in &said.events {
        let tid = event.u64("victim.tid").and_then(|tid| tid.try_into().ok());
        if let (Some(list), Some(source)) = (
            tid.filter(|_| event.kind() == "oom_kill")
                .and_then(|tid: u32| told.get_mut(&tid)),
            event.text("source"),
        ) {
            list.push(source.to_owned());
        }
    }
    told
}

/// Each once; and how many from either source.
fn each_once(said: &Said, tids: &[u32]) -> Result<(usize, usize)> {
    let told = told(said, tids);
    let wrong: Vec<_> = told.iter().filter(|(_, from)| from.len() != 1).collect();
    ensure!(wrong.is_empty(), "not once each: {wrong:?}");
    let of = |name: &str| told.values().flatten().filter(|from| *from == name).count();
    Ok((of("klog"), of("bpf")))
}

/// Kills before the tracer starts, all the time while it starts, and afterwards: each is told of once,
/// those of before by the log and those of afterwards by the probe, in the order of time.
#[test]
fn history_and_live_are_one() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let top = stage.cgroup(256)?;
    let (quiet, busy) = (top.child("quiet")?, top.child("busy")?);
    quiet.limit_mib(8)?;
    busy.limit_mib(8)?;
    let before = [kill_in(&quiet)?, kill_in(&quiet)?];
    let stop = AtomicBool::new(false);
    let (said, during, after) = thread::scope(|scope| {
        let killing = scope.spawn(|| {
            let mut tids = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                tids.push(kill_in(&busy)?);
            }
            Ok::<_, anyhow::Error>(tids)
        });
        let rest = || {
            let tracer = Tracer::start(&["--backfill"])?;
            // Well beyond what is held back.
            thread::sleep(Duration::from_millis(2500));
            Ok::<_, anyhow::Error>(tracer)
        };
        let tracer = rest();
        stop.store(true, Ordering::Relaxed);
        let during = killing
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        let tracer = tracer?;
        let after = [kill_in(&quiet)?, kill_in(&quiet)?];
        Ok::<_, anyhow::Error>((tracer.stop()?, during, after))
    })?;
    ensure!(each_once(&said, &before)? == (2, 0), "before: {before:?}");
    let (logged, live) = each_once(&said, &during)?;
    ensure!(
        logged > 0 && live > 0,
        "of {} kills meanwhile {logged} come from the log and {live} from the probe",
        during.len()
    );
    ensure!(each_once(&said, &after)? == (0, 2), "after: {after:?}");
    // The kernel's word.
    let tids: Vec<u32> = before
        .iter()
        .chain(&during)
        .chain(&after)
        .copied()
        .collect();
    let reports = stage.reports_of(&tids, u64::try_from(tids.len())?)?;
    ensure!(reports.len() == tids.len(), "{} kill lines", reports.len());
    ensure!(top.kills()? == u64::try_from(tids.len())? || top.version() == 1);
    // Of these, in the order of time.
    let order: Vec<u64> = said
        .events
        .iter()
        .filter_map(|event| event.u64("victim.tid"))
        .filter(|tid| u32::try_from(*tid).is_ok_and(|tid| tids.contains(&tid)))
        .collect();
    let wanted: Vec<u64> = tids.iter().map(|tid| u64::from(*tid)).collect();
    ensure!(
        order == wanted,
        "not in the order of time: {order:?}, {wanted:?}"
    );
    for event in &said.events {
        let is_live = event.text("source") == Some("bpf");
        ensure!(event.kind() != "gap" || !is_live, "missed: {}", event.value);
        // A report that was being written when reading the log ended is no event.
        ensure!(event.text("reason") != Some("not_shown"), "{}", event.value);
    }
    Ok(())
}

/// What the log no longer holds is counted.
#[test]
fn what_the_log_no_longer_holds_is_a_gap() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(8)?;
    kill_in(&cgroup)?;
    let (counted, held) = (
        counters::host_kills()?,
        report::parse(&kmsg::history()?).len(),
    );
    let gone = counted.saturating_sub(u64::try_from(held)?);
    for source in ["bpf", "klog"] {
        let said =
            Tracer::start(&["--backfill", "--source", source, "--duration", "1s"])?.finish(0)?;
        let gap = said.events.first().filter(|event| event.kind() == "gap");
        match gap {
            // A group's victim is counted twice, so what is gone may be fewer.
            None => ensure!(gone == 0 || cgroup.version() == 2, "{gone} are gone"),
            Some(gap) => {
                let (min, max) = (gap.u64("kills_missed_min"), gap.u64("kills_missed_max"));
                ensure!(max == Some(gone), "{gone} are gone: {}", gap.value);
                ensure!(min == max || cgroup.version() == 2, "{}", gap.value);
                let reason = gap.text("reason").unwrap_or_default();
                ensure!(
                    ["log_overwritten", "not_in_log"].contains(&reason),
                    "{reason}"
                );
            }
        }
        let kills = said
            .events
            .iter()
            .filter(|event| event.kind() == "oom_kill");
        ensure!(
            kills.count() == held,
            "{source}: not the {held} kills of the log"
        );
    }
    Ok(())
}

/// A count and a filter hold for the history as well.
#[test]
fn history_is_filtered_and_counted() -> Result<()> {
    let stage = Stage::without_tracer()?;
    stage.await_reports(3)?;
    let (wanted, other) = (stage.cgroup(8)?, stage.cgroup(8)?);
    let tids = [kill_in(&wanted)?, kill_in(&other)?, kill_in(&wanted)?];
    let pattern = String::from_utf8(wanted.path().to_vec())?;
    for source in ["bpf", "klog"] {
        let arguments = ["--backfill", "--source", source, "--cgroup", &pattern];
        let more = ["--duration", "1s", "--hostname", "elsewhere"];
        let said = Tracer::start(&[&arguments[..], &more].concat())?.finish(0)?;
        // (Older kills whose cgroup the log does not show may be anyone's, and are shown.)
        let told = said.killed_below(b"/");
        ensure!(told == [tids[0], tids[2]], "{source}: {told:?} of {tids:?}");
        for event in &said.events {
            ensure!(
                event.text("hostname") == Some("elsewhere"),
                "{}",
                event.value
            );
        }
        let said = Tracer::start(&["--backfill", "--source", source, "--count", "2"])?.finish(0)?;
        let kills = said
            .events
            .iter()
            .filter(|event| event.kind() == "oom_kill");
        ensure!(kills.count() == 2, "{source}: {:?}", said.events);
    }
    Ok(())
}

/// More kills than the kernel prints reports for: each is told of, and that reports were held back.
#[test]
fn the_log_tells_every_kill_of_a_storm() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(8)?;
    let log = Tracer::start(&["--source", "klog"])?;
    let tids: Vec<u32> = (0..30).map(|_| kill_in(&cgroup)).collect::<Result<_>>()?;
    // The next report says how many were held back.
    stage.await_reports(1)?;
    thread::sleep(Duration::from_secs(5));
    let last = kill_in(&cgroup)?;
    log.kill_of(last, Duration::from_secs(5))?;
    let suppressed = stage
        .reports_of(&tids, 30)?
        .iter()
        .filter(|report| report.dump.is_none())
        .count();
    ensure!(suppressed > 0, "no storm: the kernel suppressed nothing");
    let said = log.stop()?;
    // (The kernel's rate limit counts callers, of which one report has several. On a slow machine a
    // storm is longer than the limit's window, and more than the last report says a number.)
    let told = said
        .events
        .iter()
        .filter_map(|event| event.u64("report.suppressed_callbacks"))
        .sum::<u64>();
    let printed = stage.suppressed_callbacks()?;
    ensure!(
        told == printed && told > 0,
        "{told} callbacks told of, {printed} in the kernel's log"
    );
    ensure!(each_once(&said, &tids)? == (30, 0));
    ensure!(
        said.events.iter().all(|event| event.kind() != "gap"),
        "nothing was missed"
    );
    Ok(())
}

/// Nothing in the log: it does not wake.
#[test]
fn a_silent_log_wakes_nobody() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let tracer = Tracer::start(&["--source", "klog"])?;
    thread::sleep(Duration::from_secs(1));
    let switches = || -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", tracer.pid()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
            .context("no context switches")?;
        Ok(line.trim().parse()?)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let before = switches()?;
        let silent = kmsg::is_silent_for(Duration::from_secs(3))?;
        let after = switches()?;
        if silent {
            ensure!(before == after, "{} wake-ups", after - before);
            tracer.stop()?;
            return Ok(());
        }
    }
    bail!("the kernel's log is never silent for three seconds")
}

/// A container that is removed with its kill has its name in the log's events, too: it was learnt
/// before.
#[test]
fn the_log_names_containers() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let files = tempfile::tempdir().context("cannot make a directory")?;
    let parent = Parent::new("log");
    let image = "oomtrace-test/small:1";
    let docker = Docker::start(&image::small(files.path())?, image)?;
    let root = docker.root();
    let root = root.to_str().context("a path that is no text")?;
    let log = Tracer::start(&["--source", "klog", "--docker-root", root])?;
    stage.await_reports(1)?;
    let place = format!("--cgroup-parent=/{}/docker", parent.name());
    let mut arguments = vec!["run", "--detach", "--rm", "--memory=24m", "--network=none"];
    arguments.extend([&place, "--name", "web", image]);
    arguments.extend(WAIT_AND_FILL);
    let id = docker.docker(&arguments)?;
    let cgroup = format!("/{}/docker/{id}", parent.name());
    let pid = docker.pid(&id)?;
    engine::go(pid)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while Path::new(&format!("/proc/{pid}")).exists() {
        ensure!(Instant::now() < deadline, "{cgroup} lives on");
        thread::sleep(Duration::from_millis(20));
    }
    let said = log.stop()?;
    let killed = said.killed_in(cgroup.as_bytes());
    let [event] = killed.as_slice() else {
        bail!("not one kill in {cgroup}: {killed:?}");
    };
    for (field, wanted) in [
        ("container_name", "web"),
        ("image", image),
        ("engine", "docker"),
    ] {
        let found = event.text(&format!("owner.{field}"));
        ensure!(found == Some(wanted), "{field}: {}", event.value);
    }
    let message = event.text("message").unwrap_or_default();
    ensure!(message.contains("container web"), "{message}");
    Ok(())
}
