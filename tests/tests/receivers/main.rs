//! The daemon's sinks against real receivers: each gets a store with real events, and what arrived is
//! compared with the events field by field.

mod journald;
mod otlp;
mod prometheus;
mod syslog;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use oomtrace_tests::deploy::fleet::Fleet;
use oomtrace_tests::deploy::running::Running;
use oomtrace_tests::tracer;
use serde_json::Value;
use tempfile::TempDir;

/// Events of each test, besides the longest one.
const EVENTS: usize = 40;

/// Bytes of the longest event: more than the datagrams and buffers that receivers begin with.
const LONGEST_BYTES: usize = 120_000;

/// Events by their ids.
type Events = BTreeMap<String, Value>;

fn text<'a>(event: &'a Value, at: &str) -> &'a str {
    event
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A directory with a store in it, whose events no sink has had yet.
struct Stored {
    folder: TempDir,
    events: Events,
}

impl Stored {
    /// A store for these sinks. Its events are kills that this kernel has logged and kills of a fleet; one
    /// is longer than the others by far.
    fn new(sinks: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut lines = logged()?;
        let fleet = Fleet {
            nodes: 3,
            days: 20,
            seed: 5,
        };
        fleet.write(&mut lines, drop)?;
        let mut events = Events::new();
        let mut longest = Value::Null;
        for line in String::from_utf8(lines)?.lines().take(EVENTS) {
            let event: Value = serde_json::from_str(line)?;
            longest.clone_from(&event);
            events.insert(text(&event, "/event_id").to_owned(), event);
        }
        let argument = Value::from(format!("-Dλ\n{}", "x".repeat(50)));
        let cmdline = Value::from(vec![argument; LONGEST_BYTES / 50]);
        let victim = longest
            .pointer_mut("/victim")
            .and_then(Value::as_object_mut);
        victim
            .context("no victim")?
            .insert("cmdline".to_owned(), cmdline);
        let object = longest.as_object_mut().context("no object")?;
        object.insert("event_id".to_owned(), Value::from("the-longest"));
        events.insert("the-longest".to_owned(), longest);
        let store = folder.path().join("store");
        fs::create_dir(&store)?;
        let lines: String = events.values().map(|event| format!("{event}\n")).collect();
        ensure!(lines.lines().any(|line| line.len() > LONGEST_BYTES));
        ensure!(events.len() > 30, "{}", events.len());
        fs::write(store.join("events-000000000001.ndjson"), lines)?;
        for sink in sinks {
            fs::write(store.join(format!("cursor-{sink}")), format!("{:020}\n", 1))?;
        }
        Ok(Self { folder, events })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A daemon that delivers what is stored. It follows the kernel's log: no kill is needed.
    fn daemon(&self, more: &str) -> Result<Running> {
        let config = self.path("oomtrace.toml");
        let store = self.path("store");
        let text = format!(
            "[capture]\nsource = \"klog\"\nbackfill = false\n[store]\npath = \"{}\"\n{more}",
            store.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new(tracer::program()?);
        command.args(["daemon", "--config"]).arg(&config);
        Running::start(&mut command, &self.path("oomtrace.log"))
    }

    /// Each event is among what arrived, and is the same.
    fn is_in(&self, arrived: &Events) -> Result<()> {
        for (id, event) in &self.events {
            let other = arrived
                .get(id)
                .with_context(|| format!("{id} did not arrive"))?;
            ensure!(other == event, "{other}\nis not\n{event}");
        }
        Ok(())
    }

    /// How many of the events have arrived.
    fn count_in(&self, arrived: &Events) -> usize {
        let ids = self.events.keys();
        ids.filter(|id| arrived.contains_key(*id)).count()
    }
}

/// Kills that this kernel has logged, as events.
fn logged() -> Result<Vec<u8>> {
    let tool = Tool::copy()?;
    let logs = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../oomtrace/src/klog/report/testdata"
    );
    let mut lines = Vec::new();
    for log in ["simple.dmesg", "nested.dmesg"] {
        let ended = tool.run(&["decode", "-o", "json", "--full", &format!("{logs}/{log}")])?;
        ended.well()?;
        lines.extend_from_slice(ended.out.as_bytes());
    }
    Ok(lines)
}

/// What a receiver wrote into a file; empty before it did.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
