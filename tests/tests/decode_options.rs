//! What `oomtrace decode` shows when asked for a part, and what it says when it finds nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use serde_json::Value;

const USAGE: i32 = 2;
const EMPTY: i32 = 4;

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

fn kill_line(pid: u32) -> String {
    format!(
        "Out of memory: Killed process {pid} (java) total-vm:4kB, anon-rss:4kB, file-rss:0kB, \
         shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
    )
}

/// A kill line behind a time, in the form of `journalctl -o short-iso`.
fn timed_kill(time: &str, pid: u32) -> String {
    format!("{time} n4 kernel: {}", kill_line(pid))
}

#[test]
fn events_are_chosen_by_their_time() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("file");
    let log = [
        timed_kill("2026-05-24T06:17:40+0000", 4001),
        timed_kill("2026-05-25T06:17:40+0000", 4002),
        timed_kill("2026-05-26T06:17:40+0000", 4003),
    ];
    fs::write(&file, log.concat())?;
    let pids = |options: &[&str]| -> Result<Vec<u64>> {
        let arguments = [&["decode", "--time-zone", "UTC", text(&file)?], options].concat();
        let ended = tool.run(&arguments)?;
        ended.well()?;
        let mut pids = Vec::new();
        for line in ended.out.lines() {
            let event: Value = serde_json::from_str(line)?;
            pids.extend(event.pointer("/victim/pid").and_then(Value::as_u64));
        }
        Ok(pids)
    };
    for json in [&["--json"] as &[&str], &["-o", "ndjson"], &["-o", "json"]] {
        ensure!(pids(json)? == [4001, 4002, 4003], "{json:?}");
    }
    ensure!(pids(&["--json", "--since", "2026-05-25"])? == [4002, 4003]);
    ensure!(pids(&["--json", "--until", "2026-05-25 06:17:40"])? == [4001, 4002]);
    ensure!(pids(&["--json", "--since", "@1779776260"])? == [4003]);
    ensure!(pids(&["--json", "--since", "today"])?.is_empty());
    tool.run(&["decode", "--since", "soon", text(&file)?])?
        .refused(USAGE, &["is no time"])?;
    // A time that is not known is not guessed.
    fs::write(&file, kill_line(4004))?;
    let ended = tool.run(&["decode", "--json", "--since", "2026-05-25", text(&file)?])?;
    ensure!(
        ended.out.is_empty() && ended.complaint.contains("time of day is not known"),
        "{ended:?}"
    );
    Ok(())
}

#[test]
fn finding_nothing_can_be_a_failure() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("file");
    fs::write(&file, "nothing of interest\n")?;
    let ended = tool.run(&["decode", "--fail-if-empty", text(&file)?])?;
    ensure!(ended.code == EMPTY && ended.out.is_empty(), "{ended:?}");
    fs::write(&file, kill_line(4001))?;
    tool.run(&["decode", "--fail-if-empty", text(&file)?])?
        .well()?;
    let ended = tool.run(&["decode", "--fail-if-empty", "--comm", "other", text(&file)?])?;
    ensure!(ended.code == EMPTY, "{ended:?}");
    Ok(())
}

#[test]
fn a_kill_in_no_known_form_is_quoted() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("file");
    fs::write(&file, "one\n<<|x|>> the box said: Killed process twelve\n")?;
    let ended = tool.run(&["decode", text(&file)?])?;
    ended.well()?;
    for part in [
        "line 2",
        "the box said: Killed process twelve",
        "expected",
        "talosctl dmesg",
    ] {
        ensure!(ended.complaint.contains(part), "no {part:?} in {ended:?}");
    }
    Ok(())
}
