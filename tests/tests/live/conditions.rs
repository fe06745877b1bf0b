//! How the tool behaves around a kill: signals, pipes, recordings, and what it has to do without.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::{self, Tracer};
use oomtrace_tests::{Stage, command, host};
use rustix::process::Signal;
use serde_json::Value;

/// Kills one process in the cgroup; returns its id.
fn kill_one(cgroup: &Cgroup, words: &[&str]) -> Result<u32> {
    let mut arguments = vec!["anon", "64"];
    arguments.extend(words);
    let mut victim = Workload::within(cgroup)?.start(&arguments)?;
    victim.end_killed()?;
    Ok(victim.pid())
}

#[test]
fn an_interrupt_is_an_exit_code_of_its_own() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let tracer = Tracer::start(&[])?;
    tracer.signal(Signal::INT)?;
    tracer.finish(130)?;
    Ok(())
}

/// A kill that has just happened is told of before the tool ends.
#[test]
fn the_end_drains() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(24)?;
    let tracer = Tracer::start(&[])?;
    let tid = kill_one(&cgroup, &[])?;
    let said = tracer.stop()?;
    ensure!(
        said.killed_below(cgroup.path()) == [tid],
        "{:?}",
        said.events
    );
    Ok(())
}

#[test]
fn a_count_ends_it() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(24)?;
    let path = String::from_utf8(cgroup.path().to_vec())?;
    let tracer = Tracer::start(&["--count", "2", "--cgroup", &path])?;
    let tids = [kill_one(&cgroup, &[])?, kill_one(&cgroup, &[])?];
    let said = tracer.finish(0)?;
    ensure!(said.killed_below(b"/") == tids, "{:?}", said.events);
    Ok(())
}

/// What the filter does not name is not told of.
#[test]
fn a_filter_leaves_out() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let (wanted, other) = (stage.cgroup(24)?, stage.cgroup(24)?);
    let pattern = format!("{}*", String::from_utf8(wanted.path().to_vec())?);
    let tracer = Tracer::start(&["--cgroup", &pattern])?;
    kill_one(&other, &[])?;
    let tid = kill_one(&wanted, &[])?;
    let said = tracer.stop()?;
    ensure!(said.killed_below(b"/") == [tid], "{:?}", said.events);
    Ok(())
}

/// A secret in the command line is in no event and no recording; the replay tells the same events.
#[test]
fn recorded_and_replayed() -> Result<()> {
    const SECRETS: [&str; 3] = ["hunter2-one", "hunter2-two", "hunter2-three"];
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("recording");
    let file = file.to_str().context("a path that is no text")?;
    let stage = Stage::with_tracer(&["--record", file])?;
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(24)?;
    let words = [
        "--password=hunter2-one",
        "--api-token",
        "hunter2-two",
        "postgres://user:hunter2-three@db/x",
        "plain",
    ];
    let tid = kill_one(&cgroup, &words)?;
    let kill = stage.agreed_kill(tid, Rss::Exact)?;
    let live = kill.event.context("no event")?;
    let line = live.list("victim.cmdline");
    ensure!(
        line.contains(&Value::from("plain")) && line.len() == 8,
        "{line:?}"
    );
    stage.finish_with(cgroup.path(), &[tid])?;

    let mode = fs::metadata(file)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "the recording has mode {mode:o}");
    let recording = fs::read(file)?;
    for secret in SECRETS {
        ensure!(
            !live.value.to_string().contains(secret),
            "{secret} is in the event"
        );
        let found = recording
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        ensure!(!found, "{secret} is in the recording");
    }
    let program = tracer::program()?;
    let replay =
        |format: &str| command::run(Command::new(&program).args(["replay", "-o", format, file]));
    let ended = replay("json")?;
    ended.well()?;
    let again = ended
        .out
        .lines()
        .map(serde_json::from_str::<Value>)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .find(|value| value.pointer("/victim/tid") == Some(&Value::from(tid)))
        .context("not in the replay")?;
    let told = |mut value: Value| {
        // When it was written is all that may differ.
        if let Some(map) = value.as_object_mut() {
            map.remove("observed_timestamp");
        }
        value
    };
    ensure!(
        told(again.clone()) == told(live.value.clone()),
        "live {}\nreplayed {again}",
        live.value
    );

    let text = replay("text")?;
    text.well()?;
    ensure!(
        text.out.contains(&tid.to_string()) && text.out.contains("24 MiB"),
        "{}",
        text.out
    );
    ensure!(
        !text.out.chars().any(|c| c.is_control() && c != '\n'),
        "control characters: {:?}",
        text.out
    );
    Ok(())
}

/// Without the cgroup files the kernel's side still tells of the kill; what only they say is named
/// as missing.
#[test]
fn without_cgroup_files() -> Result<()> {
    let way = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -t tmpfs hidden /sys/fs/cgroup && exec \"$@\"",
        "sh",
    ];
    let stage = Stage::with_tracer_by(&way, &[])?;
    stage.await_reports(1)?;
    let cgroup = stage.cgroup(24)?;
    let tid = kill_one(&cgroup, &[])?;
    let event = stage
        .agreed_kill(tid, Rss::Exact)?
        .event
        .context("no event")?;
    ensure!(
        event.text("limit.stat_basis") == Some("kernel") || event.says_missing("limit.usage"),
        "{}",
        event.value
    );
    stage.finish_with(cgroup.path(), &[tid])?;
    Ok(())
}

/// The tool's own throw-away kill: a real one, shown, and nothing of it left.
#[test]
fn demonstration() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let controller = host::memory_controller()?;
    let cgroups = || -> Result<Vec<_>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&controller.mount)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.push(entry.file_name());
            }
        }
        names.sort();
        Ok(names)
    };
    stage.await_reports(1)?;
    let before = cgroups()?;
    let ended = command::run(Command::new(tracer::program()?).arg("demo"))?;
    ended.well()?;
    let reports = stage.reports()?;
    let shown = reports
        .iter()
        .any(|report| ended.out.contains(&report.killed.tid.to_string()));
    ensure!(
        shown,
        "the kernel knows {reports:?}, the demonstration shows {}",
        ended.out
    );
    let after = cgroups()?;
    ensure!(
        before == after,
        "cgroups before {before:?}, after {after:?}"
    );
    Ok(())
}

/// This host can be traced, or else the other tests here would have failed.
#[test]
fn check_agrees() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let ended = command::run(Command::new(tracer::program()?).arg("check"))?;
    ended.well()?;
    ensure!(
        ended.out.contains("mark_victim"),
        "it does not say which probe: {}",
        ended.out
    );
    Ok(())
}

/// A tracer in a container of 16 MiB traces, and is not killed itself: all of the kernel's BTF at
/// once would be too much for it.
#[test]
fn sixteen_mebibytes_are_enough() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let (home, cgroup) = (stage.cgroup(16)?, stage.cgroup(24)?);
    let processes = home.directory().join("cgroup.procs");
    let processes = processes.to_str().context("a path that is no text")?;
    let script = "echo $$ >\"$0\" && exec \"$@\"";
    let tracer = Tracer::start_by(&["sh", "-c", script, processes], &[])?;
    let tid = kill_one(&cgroup, &[])?;
    let said = tracer.stop()?;
    ensure!(
        said.killed_below(cgroup.path()) == [tid] && home.kills()? == 0,
        "{:?}",
        said.events
    );
    Ok(())
}
