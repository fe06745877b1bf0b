//! What is read may be anything: logs that end in the middle, a line of a gigabyte, NDJSON that is
//! damaged; and what is whole is the same on every way round.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use oomtrace_tests::event::Event;

const RUNTIME: i32 = 1;

/// Reports that kernels wrote.
const REPORTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../oomtrace/src/klog/report/testdata"
);

/// More than decoding takes, and far less than a line of a gigabyte.
const RSS_KIB_MAX: u64 = 24 * 1024;

fn reports() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for directory in [REPORTS.to_owned(), format!("{REPORTS}/forms")] {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "dmesg" || extension == "log")
            {
                found.push(path);
            }
        }
    }
    ensure!(found.len() > 4, "{found:?} in {REPORTS}");
    Ok(found)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

fn events(lines: &str) -> Result<Vec<Event>> {
    lines
        .lines()
        .map(|line| {
            Ok(Event {
                value: serde_json::from_str(line)?,
                length: line.len(),
            })
        })
        .collect()
}

/// Text, events, NDJSON, and text again: nothing is lost on the way.
#[test]
fn ndjson_replayed_reads_like_the_log() -> Result<()> {
    let tool = Tool::copy()?;
    let json = tool.directory().join("json");
    for report in reports()? {
        let report = text(&report)?;
        let ended = tool.run(&["decode", "-o", "json", "--full", report])?;
        ended.well()?;
        fs::write(&json, &ended.out)?;
        for options in [
            &["--color=never"][..],
            &["-v"],
            &["--bytes"],
            &["-o", "json", "--full"],
        ] {
            let straight = tool.run(&[&["decode", report], options].concat())?;
            straight.well()?;
            ensure!(!straight.out.is_empty(), "{report}: nothing is decoded");
            let replayed = tool.run(&[&["replay", text(&json)?], options].concat())?;
            replayed.well()?;
            ensure!(
                replayed.out == straight.out,
                "{report} {options:?}:\n{}\nis not\n{}",
                replayed.out,
                straight.out
            );
        }
    }
    Ok(())
}

/// Lines of a report that are not understood are kept, and shown to who asks.
#[test]
fn what_is_not_understood_is_not_dropped() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("odd");
    let mut odd = String::new();
    for line in fs::read_to_string(Path::new(REPORTS).join("simple.dmesg"))?.lines() {
        odd.push_str(line);
        odd.push('\n');
        if line.contains("memory: usage") {
            let (stamp, _) = line.split_once("] ").context("no time")?;
            odd.push_str(stamp);
            odd.push_str("] frobnicated: 12 \u{1b}[31mgrobs\n");
        }
    }
    fs::write(&file, odd)?;
    let file = text(&file)?;
    let json = tool.run(&["decode", "-o", "json", file])?;
    json.well()?;
    let events = events(&json.out)?;
    let [event] = events.as_slice() else {
        anyhow::bail!("{json:?}");
    };
    let kept = event.list("report.unparsed");
    ensure!(
        kept.len() == 1
            && kept
                .first()
                .and_then(|line| line.as_str())
                .is_some_and(|line| { line.contains("frobnicated: 12 \u{1b}[31mgrobs") }),
        "{json:?}"
    );
    let shown = tool.run(&["decode", "-v", file])?.out;
    ensure!(
        shown.contains("unparsed frobnicated: 12 \\x1b[31mgrobs"),
        "{shown}"
    );
    let short = tool.run(&["decode", file])?.out;
    ensure!(!short.contains("frobnicated"), "{short}");
    Ok(())
}

/// What two syslog files have of one kill is one kill.
#[test]
fn a_kill_in_two_files_is_shown_once() -> Result<()> {
    let tool = Tool::copy()?;
    let [first, second] = ["simple", "nested"].map(|name| format!("{REPORTS}/{name}.dmesg"));
    let copy = tool.directory().join("copy");
    let mut same = String::new();
    for line in fs::read_to_string(&first)?.lines() {
        let (_, rest) = line.split_once('>').context("no level")?;
        same.push_str(&format!("Nov 23 18:55:38 n1 kernel: {rest}\n"));
    }
    fs::write(&copy, same)?;
    let json = ["decode", "-o", "json", &first, text(&copy)?, &second];
    let ended = tool.run(&json)?;
    ended.well()?;
    let tids: Vec<_> = events(&ended.out)?
        .iter()
        .map(|event| event.u64("victim.tid"))
        .collect();
    ensure!(tids == [Some(7868), Some(7965)], "{tids:?}");
    ensure!(ended.complaint.contains("more than once"), "{ended:?}");
    Ok(())
}

/// What came before a bad line is shown, and the line is named.
#[test]
fn a_bad_line_of_ndjson_is_named() -> Result<()> {
    let tool = Tool::copy()?;
    let report = Path::new(REPORTS).join("simple.dmesg");
    let good = tool.run(&["decode", "-o", "json", text(&report)?])?.out;
    let good = good.lines().next().context("no event")?;
    let newer = good.replace("\"schema_version\":1", "\"schema_version\":2");
    let half = good.get(..good.len() / 2).context("half a line")?;
    let cases = [
        ("no json", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("{\"a\":1}", "no `event` field"),
        ("{\"event\":\"oom_kill\"}", "not a whole oom_kill event"),
        ("{\"event\":\"oom\"}", "unknown event kind"),
        (newer.as_str(), "schema version 2"),
        (half, "not a JSON object"),
    ];
    let file = tool.directory().join("json");
    for (bad, why) in cases {
        fs::write(&file, format!("{good}\n\n{bad}\n{good}\n"))?;
        let ended = tool.run(&["replay", "-o", "json", text(&file)?])?;
        ensure!(ended.code == RUNTIME, "{bad}: {ended:?}");
        for part in ["line 3", why, text(&file)?] {
            ensure!(ended.complaint.contains(part), "no {part:?} in {ended:?}");
        }
        ensure!(
            events(&ended.out)?.len() == 1,
            "what came before: {ended:?}"
        );
    }
    Ok(())
}

/// A log that ends at any line gives what it shows, and says what it does not.
#[test]
fn a_log_cut_within_a_report_names_what_is_missing() -> Result<()> {
    let tool = Tool::copy()?;
    let whole = fs::read_to_string(Path::new(REPORTS).join("simple.dmesg"))?;
    let first = whole
        .lines()
        .position(|line| line.contains("invoked oom-killer"))
        .context("no first line")?;
    let last = whole
        .lines()
        .position(|line| line.contains("Killed process"))
        .context("no kill line")?;
    let file = tool.directory().join("cut");
    for count in 1..=last + 1 {
        let mut cut: String = whole.lines().take(count).collect::<Vec<_>>().join("\n");
        if count % 2 == 0 {
            cut.push('\n');
        }
        fs::write(&file, cut)?;
        let ended = tool.run(&["decode", "-o", "json", text(&file)?])?;
        ended.well()?;
        let events = events(&ended.out)?;
        if count <= first {
            ensure!(events.is_empty(), "{count} lines: {ended:?}");
            ensure!(ended.complaint.contains("no OOM report"), "{ended:?}");
            continue;
        }
        let [event] = events.as_slice() else {
            anyhow::bail!("{count} lines: {ended:?}");
        };
        match event.kind() {
            "oom_kill" if count > last => {
                ensure!(event.at("victim.memory.anon_bytes").is_some(), "{ended:?}");
            }
            // The line before the last names the victim.
            "oom_kill" => {
                ensure!(
                    event.u64("victim.pid").is_some(),
                    "{count} lines: {ended:?}"
                );
            }
            kind => {
                ensure!(
                    kind == "oom_no_victim" && count <= last,
                    "{count} lines: {ended:?}"
                );
                ensure!(event.text("reason") == Some("not_shown"), "{ended:?}");
                ensure!(event.says_missing("victim"), "{count} lines: {ended:?}");
            }
        }
        if event.at("limit.usage_bytes").is_none() {
            ensure!(
                event.says_missing("limit.usage_bytes") || event.says_missing("incident.scope"),
                "{count} lines: {ended:?}"
            );
        }
        if event.list("candidates").is_empty() {
            ensure!(event.says_missing("candidates"), "{count} lines: {ended:?}");
        }
    }
    Ok(())
}

/// Most memory that a process has had so far, KiB.
fn peak_kib(child: &Child) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Decodes what `write` writes, to the end; returns the peak of memory, the output and the exit code.
fn decode_stream(
    tool: &Tool,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<(u64, String, Option<i32>)> {
    let mut child = Command::new(tool.path())
        .args(["decode", "-o", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    let written = write(&mut input);
    let peak = peak_kib(&child);
    drop(input);
    let mut out = String::new();
    child
        .stdout
        .take()
        .context("no standard output")?
        .read_to_string(&mut out)?;
    let status = child.wait()?;
    written.context("writing to oomtrace")?;
    Ok((peak?, out, status.code()))
}

/// A line of a gigabyte takes no more memory than any other, and what follows it is read.
#[test]
fn a_line_of_a_gigabyte_takes_no_memory() -> Result<()> {
    // Unoptimized code is searched for words so slowly that a part of it has to do.
    const BLOCKS: usize = if cfg!(debug_assertions) { 128 } else { 1024 };
    let tool = Tool::copy()?;
    let report = fs::read(Path::new(REPORTS).join("simple.dmesg"))?;
    // It begins like the line of a kill, so that it is looked at.
    let start = b"[    1.000000] Out of memory: Killed process 1 (";
    let block = vec![b'x'; 1 << 20];
    let (peak, out, code) = decode_stream(&tool, |input| {
        input.write_all(start)?;
        for _ in 0..BLOCKS {
            input.write_all(&block)?;
        }
        input.write_all(b"\n")?;
        input.write_all(&report)
    })?;
    ensure!(code == Some(0), "{code:?}");
    ensure!(peak < RSS_KIB_MAX, "{peak} KiB");
    let tids: Vec<_> = events(&out)?
        .iter()
        .filter_map(|event| event.u64("victim.tid"))
        .collect();
    ensure!(tids == [7868], "{tids:?} after the line");
    let mut to = std::io::stdout().lock();
    writeln!(to, "a line of {BLOCKS} MiB: {peak} KiB at most")?;
    Ok(())
}

/// A file of nothing but holes is no log.
#[test]
fn a_sparse_file_is_no_log() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("sparse");
    File::create(&file)?.set_len(4 << 20)?;
    let ended = tool.run(&["decode", text(&file)?])?;
    ended.well()?;
    ensure!(ended.out.is_empty(), "{ended:?}");
    for part in ["binary", "no OOM report"] {
        ensure!(ended.complaint.contains(part), "no {part:?} in {ended:?}");
    }
    Ok(())
}

/// A directory, and a file that is not there, end it with 1 each, alone.
#[test]
fn what_cannot_be_read_is_an_error() -> Result<()> {
    let tool = Tool::copy()?;
    for (path, why) in [("/", "is a directory"), ("/nonexistent", "does not exist")] {
        for options in [&["decode"][..], &["decode", "--follow"]] {
            let ended = tool.run(&[options, &[path]].concat())?;
            ended.refused(RUNTIME, &[path, why])?;
        }
    }
    Ok(())
}
