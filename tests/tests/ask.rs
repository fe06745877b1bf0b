//! `oomtrace list`, `show`, `top` and `report` from outside, on events of a log that this kernel wrote.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::{Ended, Tool};
use serde_json::Value;

const SUCCESS: i32 = 0;
const RUNTIME: i32 = 1;
const USAGE: i32 = 2;
const EMPTY: i32 = 4;

/// Reports that this kernel wrote.
const LOGS: [&str; 2] = ["simple.dmesg", "nested.dmesg"];

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// Events as `oomtrace decode` writes them.
fn events(tool: &Tool) -> Result<PathBuf> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../oomtrace/src/klog/report/testdata/"
    );
    let mut lines = String::new();
    for log in LOGS {
        let ended = tool.run(&["decode", "-o", "json", "--full", &format!("{folder}{log}")])?;
        ended.well()?;
        lines.push_str(&ended.out);
    }
    let path = tool.directory().join("events.ndjson");
    fs::write(&path, lines)?;
    Ok(path)
}

fn expect(ended: &Ended, code: i32) -> Result<()> {
    ensure!(ended.code == code, "not {code}: {ended:?}");
    Ok(())
}

#[test]
fn list_and_show_agree_with_the_events() -> Result<()> {
    let tool = Tool::copy()?;
    let path = events(&tool)?;
    let file = text(&path)?;
    let written = fs::read_to_string(&path)?;
    let kills = written
        .lines()
        .filter(|line| line.contains("\"event\":\"oom_kill\""))
        .count();
    ensure!(kills >= 2, "{kills} kills");

    let listed = tool.run(&["list", file])?;
    listed.well()?;
    ensure!(listed.out.lines().count() == kills + 1, "{listed:?}");
    for line in listed.out.lines() {
        ensure!(line.chars().count() <= 80, "{line}");
    }
    // The events themselves come back byte for byte.
    let whole = tool.run(&["list", "-o", "json", file])?;
    ensure!(whole.out == written, "{whole:?}");

    // The text is that of a replay, which is the live renderer.
    let last = written.lines().last().context("no event")?;
    let one = tool.directory().join("one.ndjson");
    fs::write(&one, last)?;
    let shown = tool.run(&["show", "last", file])?;
    let replayed = tool.run(&["show", "last", text(&one)?])?;
    ensure!(shown.out == replayed.out, "{shown:?}\n{replayed:?}");
    let event: Value = serde_json::from_str(last)?;
    let id = event["event_id"].as_str().context("no id")?;
    for way in [id, id.split_once(':').context("no boot id")?.1] {
        let by_id = tool.run(&["show", way, file])?;
        ensure!(by_id.out == shown.out, "{way}: {by_id:?}");
    }
    let json = tool.run(&["show", "-o", "json", "-1", file])?;
    ensure!(json.out.trim_end() == last, "{json:?}");
    Ok(())
}

#[test]
fn a_store_is_read_with_its_packed_segments() -> Result<()> {
    let tool = Tool::copy()?;
    let written = fs::read_to_string(events(&tool)?)?;
    let (first, rest) = written.split_once('\n').context("one event only")?;
    let store = tool.directory().join("store");
    fs::create_dir(&store)?;
    let packed = store.join("events-000000000001.ndjson");
    fs::write(&packed, format!("{first}\n"))?;
    let status = Command::new("gzip").arg(&packed).status()?;
    ensure!(status.success(), "gzip: {status}");
    // The last line is still being written.
    let open = format!("{rest}{{\"event\":\"oom_");
    fs::write(store.join("events-000000000002.ndjson"), open)?;
    let listed = tool.run(&["list", "-o", "json", text(&store)?])?;
    listed.well()?;
    ensure!(listed.out == written, "{listed:?}");
    Ok(())
}

#[test]
fn exit_codes_say_what_was_found() -> Result<()> {
    let tool = Tool::copy()?;
    let path = events(&tool)?;
    let file = text(&path)?;
    for command in ["list", "top", "report"] {
        expect(&tool.run(&[command, file])?, SUCCESS)?;
        let none = tool.run(&[command, "--comm", "nobody", file])?;
        expect(&none, EMPTY)?;
        ensure!(
            none.out.is_empty() && none.complaint.contains("nothing found"),
            "{none:?}"
        );
    }
    let unknown = tool.run(&["show", "zz", file])?;
    expect(&unknown, EMPTY)?;
    ensure!(unknown.complaint.contains("oomtrace list"), "{unknown:?}");
    expect(&tool.run(&["show", "-99", file])?, EMPTY)?;
    expect(&tool.run(&["show", "-x", file])?, USAGE)?;

    let empty = tool.directory().join("empty");
    fs::create_dir(&empty)?;
    tool.run(&["list", text(&empty)?])?
        .refused(RUNTIME, &["holds no events"])?;
    let missing = tool.directory().join("missing");
    tool.run(&["list", text(&missing)?])?
        .refused(RUNTIME, &["there is nothing at"])?;

    let mut lines = fs::read_to_string(&path)?;
    lines.push_str("no event\n");
    let bad = tool.directory().join("bad.ndjson");
    fs::write(&bad, lines)?;
    let read = tool.run(&["list", text(&bad)?])?;
    expect(&read, RUNTIME)?;
    ensure!(read.out.lines().count() > 2, "{read:?}");
    ensure!(read.complaint.contains("1 line is no event"), "{read:?}");
    Ok(())
}

#[test]
fn top_counts_every_kill() -> Result<()> {
    let tool = Tool::copy()?;
    let path = events(&tool)?;
    let written = fs::read_to_string(&path)?;
    let rows = tool.run(&["top", "-o", "json", text(&path)?])?;
    rows.well()?;
    let mut kills = 0;
    for line in rows.out.lines() {
        let row: Value = serde_json::from_str(line)?;
        kills += row["kills"].as_u64().context("no count")?;
    }
    ensure!(kills == u64::try_from(written.lines().count())?, "{rows:?}");
    Ok(())
}

#[test]
fn a_page_is_written_without_scripts() -> Result<()> {
    let tool = Tool::copy()?;
    let path = events(&tool)?;
    let hostile =
        fs::read_to_string(&path)?.replace("\"comm\":\"", "\"comm\":\"<script>alert(1)</script>");
    fs::write(&path, hostile)?;
    let page = tool.directory().join("oom.html");
    let ended = tool.run(&["report", "-o", text(&page)?, text(&path)?])?;
    ended.well()?;
    let html = fs::read_to_string(&page)?;
    ensure!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    ensure!(
        !html.contains("src=") && !html.contains("url("),
        "it loads something"
    );
    let again = tool.run(&["report", text(&path)?])?;
    ensure!(again.out == html, "not the same page twice");
    Ok(())
}

#[test]
fn a_large_file_is_read_in_little_memory() -> Result<()> {
    let tool = Tool::copy()?;
    let path = events(&tool)?;
    let written = fs::read_to_string(&path)?;
    // Of lines that are long rather than many: parsing takes its time in a debug build.
    let first = written
        .lines()
        .next()
        .and_then(|line| line.strip_prefix('{'));
    let first = first.context("no event")?;
    let line = format!("{{\"padding\":\"{}\",{first}\n", "x".repeat(64 * 1024));
    let large = tool.directory().join("large.ndjson");
    fs::write(&large, line.repeat(1024))?;
    for command in ["top", "report"] {
        let status = Command::new("sh")
            .arg("-c")
            // Address space, in KiB: less than the file has.
            .arg("ulimit -v 60000; exec \"$@\"")
            .arg("sh")
            .arg(tool.path())
            .args([command, text(&large)?])
            .stdout(Stdio::from(File::create(tool.directory().join("out"))?))
            .status()?;
        ensure!(status.success(), "{command}: {status}");
    }
    Ok(())
}

/// What was kept is shown as it would have been at the time.
#[test]
fn show_is_the_long_report() -> Result<()> {
    let tool = Tool::copy()?;
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../oomtrace/src/klog/report/testdata/"
    );
    for log in ["simple.dmesg", "forms/v7.log", "forms/rhel9.log"] {
        let log = format!("{folder}{log}");
        let decoded = tool.run(&["decode", "-o", "json", "--full", &log])?;
        decoded.well()?;
        let kept = tool.directory().join("kept.ndjson");
        fs::write(&kept, &decoded.out)?;
        let long = tool.run(&["decode", "--long", &log])?;
        let shown = tool.run(&["show", "last", text(&kept)?])?;
        shown.well()?;
        ensure!(shown.out == long.out, "{log}:\n{}\n{}", shown.out, long.out);
    }
    Ok(())
}

/// On a terminal a read that takes long says how far it has come, and leaves nothing of that behind.
#[test]
fn a_long_read_shows_its_progress() -> Result<()> {
    let tool = Tool::copy()?;
    let events = fs::read(events(&tool)?)?;
    let log = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../oomtrace/src/klog/report/testdata/simple.dmesg"
    ))?;
    for (verb, input, shown) in [
        ("list", &events, " events read"),
        ("decode", &log, " read, "),
    ] {
        let pipe = tool.directory().join(verb);
        let made = Command::new("mkfifo").arg(&pipe).status()?;
        ensure!(made.success(), "mkfifo fails");
        // `script` gives it a terminal.
        let mut child = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command"])
            .arg(format!("{} {verb} {}", tool.path().display(), text(&pipe)?))
            .arg("/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start script")?;
        let mut from = child.stdout.take().context("no output")?;
        let mut to = File::options().write(true).open(&pipe)?;
        let seen = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let seen = Arc::clone(&seen);
            move || -> std::io::Result<Vec<u8>> {
                let (mut all, mut block) = (Vec::new(), [0; 4096]);
                loop {
                    let read = from.read(&mut block)?;
                    if read == 0 {
                        return Ok(all);
                    }
                    let before = all.len().saturating_sub(shown.len());
                    all.extend(block.iter().take(read));
                    let last = all.get(before..).unwrap_or_default();
                    if String::from_utf8_lossy(last).contains(shown) {
                        seen.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        while !seen.load(Ordering::Relaxed) {
            ensure!(Instant::now() < deadline, "{verb} shows no progress");
            to.write_all(input)?;
            thread::sleep(Duration::from_millis(20));
        }
        drop(to);
        ensure!(child.wait()?.success(), "{verb} fails");
        let all = reader
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        let all = String::from_utf8_lossy(&all);
        let (_, rest) = all.rsplit_once(shown).context("it was there")?;
        ensure!(
            rest.contains("\r\x1b[2K"),
            "{verb} leaves it behind: {rest:?}"
        );
    }
    Ok(())
}
