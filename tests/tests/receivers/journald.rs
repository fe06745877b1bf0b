//! A journald of the test's own, asked by `journalctl -o json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::running::Running;
use serde_json::Value;

use super::{Stored, text};

/// A journald with `/run` of its own, whose sockets are in `$1/journal`; `journalctl` asks it each time
/// that the file `$1/ask` comes.
const SCRIPT: &str = r#"
set -eu
out=$1
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal "$out/journal"
mount --bind "$out/journal" /run/systemd/journal
if [ -e /etc/systemd/journald.conf ]; then
    mount --bind "$out/journald.conf" /etc/systemd/journald.conf
fi
/usr/lib/systemd/systemd-journald & journald=$!
trap 'kill $journald 2>/dev/null; wait' EXIT
while kill -0 $journald; do
    journalctl --no-pager -o json SYSLOG_IDENTIFIER=oomtrace >"$out/entries.new" || true
    mv "$out/entries.new" "$out/entries"
    sleep 0.2
done
"#;

const CONFIG: &str = "[Journal]\nStorage=volatile\nRateLimitBurst=0\nReadKMsg=no\n";

/// Longest value that journalctl shows without `--all`, and where the sink cuts.
const VALUE_BYTES_MAX: usize = 4000;

/// Elements of a list that become fields.
const LIST_MAX: usize = 16;

/// The entries by their event's id.
fn entries(path: &Path) -> Result<BTreeMap<String, Value>> {
    let mut entries = BTreeMap::new();
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let entry: Value = serde_json::from_str(&line?)?;
        entries.insert(text(&entry, "/OOMTRACE_EVENT_ID").to_owned(), entry);
    }
    Ok(entries)
}

/// The fields that an event should become: each fact under the path of its keys.
fn fields(name: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Null => return,
        Value::Object(values) => {
            for (key, value) in values {
                fields(&format!("{name}_{}", key.to_ascii_uppercase()), value, out);
            }
            return;
        }
        Value::Array(values) if !values.iter().all(Value::is_string) => {
            for (index, value) in values.iter().take(LIST_MAX).enumerate() {
                fields(&format!("{name}_{index}"), value, out);
            }
            return;
        }
        Value::Array(values) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if name.len() <= 64 {
        out.insert(name.to_owned(), text);
    }
}

/// A field is cut at a whole character, no sooner.
fn is_shown(shown: &str, whole: &str) -> bool {
    shown == whole
        || whole.starts_with(shown)
            && (VALUE_BYTES_MAX - 3..=VALUE_BYTES_MAX).contains(&shown.len())
}

#[test]
fn journalctl_shows_every_field() -> Result<()> {
    let stored = Stored::new(&["journald"])?;
    let here = stored.folder.path();
    fs::write(stored.path("journald.conf"), CONFIG)?;
    let mut program = Command::new("unshare");
    program
        .args(["--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(here);
    let mut journald = Running::start(&mut program, &stored.path("journald.log"))?;
    let socket = stored.path("journal/socket");
    journald.until("it listens", || socket.exists().then_some(()))?;
    let _daemon = stored.daemon(&format!(
        "[[sink]]\ntype = \"journald\"\nsocket = \"{}\"\n",
        socket.display()
    ))?;
    let entries = journald.until("all events are in the journal", || {
        let entries = entries(&stored.path("entries")).ok()?;
        (stored.count_in(&entries) == stored.events.len()).then_some(entries)
    })?;
    for (id, event) in &stored.events {
        let entry = entries.get(id).context("no entry")?;
        let object = entry.as_object().context("no object")?;
        let null = object.iter().find(|(_, value)| value.is_null());
        ensure!(null.is_none(), "{null:?} in {id}");
        ensure!(
            text(entry, "/MESSAGE") == text(event, "/message"),
            "{entry}"
        );
        ensure!(text(entry, "/MESSAGE_ID").len() == 32, "{entry}");
        let mut wanted = BTreeMap::new();
        fields("OOMTRACE", event, &mut wanted);
        wanted.remove("OOMTRACE_MESSAGE");
        ensure!(wanted.len() > 20, "{wanted:?}");
        for (name, whole) in &wanted {
            let shown = object.get(name).and_then(Value::as_str);
            ensure!(
                shown.is_some_and(|shown| is_shown(shown, whole)),
                "{name} of {id} is {shown:?}, not {whole:.200}"
            );
        }
    }
    Ok(())
}
