//! What a user wants masked is nowhere to be found.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::command::Tool;
use oomtrace_tests::process::Workload;
use serde_json::Value;

const SECRET: &str = "tenant-acme";

fn arguments(event: &Value) -> Vec<&str> {
    let line = event.pointer("/victim/cmdline").and_then(Value::as_array);
    let words = line.into_iter().flatten().skip(1);
    words.filter_map(Value::as_str).collect()
}

#[test]
fn in_events_recordings_and_what_is_made_of_them() -> Result<()> {
    let files = tempfile::tempdir().context("cannot make a directory")?;
    let recording = files.path().join("recording");
    let file = recording.to_str().context("a path that is no text")?;
    let stage = Stage::with_tracer(&["--redact", "tenant-*", "--record", file])?;
    let cgroup = stage.cgroup(32)?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "64", SECRET])?;
    victim.end_killed()?;
    let event = stage.event(victim.pid())?.context("no event")?;
    stage.finish()?;
    ensure!(
        arguments(&event.value) == ["anon", "64", "***"],
        "{}",
        event.value
    );
    let bytes = fs::read(&recording).context("cannot read the recording")?;
    let found = bytes
        .windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes());
    ensure!(!found, "it is in the recording");

    // What is asked for later is masked in what was recorded before, and in its events.
    let tool = Tool::copy()?;
    let replayed = tool.run(&["replay", "-o", "json", "--redact", "an?n", file])?;
    let ndjson = files.path().join("ndjson");
    fs::write(&ndjson, format!("{}\n", event.value)).context("cannot write the event")?;
    let ndjson = ndjson.to_str().context("a path that is no text")?;
    let again = tool.run(&["replay", "-o", "json", "--redact", "an?n", ndjson])?;
    for ended in [replayed, again] {
        let lines = ended.out.lines();
        let kill = lines
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line.pointer("/victim/pid") == event.at("victim.pid"))
            .with_context(|| format!("no such kill: {ended:?}"))?;
        ensure!(arguments(&kill) == ["***", "64", "***"], "{kill}");
    }
    Ok(())
}
