//! Configurations of log shippers, each with events sent through.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use oomtrace_tests::deploy::fleet::Fleet;
use oomtrace_tests::deploy::repository;
use oomtrace_tests::deploy::shipper::{Received, Shipper, lnav};
use oomtrace_tests::engine::run;

/// Longest line that the daemon's sink writes in the examples (`deploy/oomtrace.toml`).
const LINE_MAX: usize = 7680;

fn events() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let fleet = Fleet {
        nodes: 3,
        days: 5,
        seed: 2,
    };
    fleet.write(&mut lines, drop)?;
    let mut lines: Vec<String> = String::from_utf8(lines)?
        .lines()
        .map(str::to_owned)
        .collect();
    lines.truncate(3);
    // One that is as long as any can be.
    let long = lines
        .last()
        .context("no event")?
        .replacen("was killed", "was killed …", 1);
    let room = LINE_MAX - 1 - long.len() + '…'.len_utf8();
    lines.push(long.replacen('…', &"x".repeat(room), 1));
    Ok(lines)
}

#[test]
fn rsyslog_forwards_events_as_they_are() -> Result<()> {
    forwards(Shipper::Rsyslog)
}

#[test]
fn syslog_ng_forwards_events_as_they_are() -> Result<()> {
    forwards(Shipper::SyslogNg)
}

fn forwards(shipper: Shipper) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let events = events()?;
    let text = format!("this is no JSON\n{}\n", events.join("\n"));
    fs::write(folder.path().join("oom.ndjson"), text)?;
    let received = Received::listen()?;
    let mut running = shipper.start(folder.path(), &received)?;
    running.until("all events arrive", || {
        let text = received.text();
        events
            .iter()
            .all(|event| text.contains(event.as_str()))
            .then_some(())
    })?;
    ensure!(
        !received.text().contains("this is no JSON"),
        "{}",
        received.text()
    );
    Ok(())
}

#[test]
fn lnav_shows_events_by_its_format() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let events = events()?;
    let file = folder.path().join("oom.ndjson");
    fs::write(&file, format!("{}\n", events.join("\n")))?;
    let query = ";SELECT count(*) AS kills, min(\"limit/limit_bytes\") > 0 AS limited FROM oomtrace_log WHERE log_level = 'error'";
    let mut lnav = lnav(folder.path())?;
    let out = run(lnav
        .args(["-n", "-c", query, "-c", ":write-csv-to -"])
        .arg(&file))?;
    ensure!(out.contains(&format!("{},1", events.len())), "{out}");
    Ok(())
}

/// The daemon takes the configuration that the examples rest on.
#[test]
fn the_daemons_part_of_the_examples_is_valid() -> Result<()> {
    let example = repository("deploy/oomtrace.toml");
    let text = fs::read_to_string(&example)?;
    ensure!(
        text.contains(&format!("max_line_bytes = {LINE_MAX}\n")),
        "{text}"
    );
    let ended = Tool::copy()?.run(&["config", "check", &example.to_string_lossy()])?;
    ensure!(ended.code == 0, "{ended:?}");
    Ok(())
}
