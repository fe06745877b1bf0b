//! One kernel's log by every way that it takes on a real system: each must decode to the same
//! events as the log itself, and none may make a kill of what a process has written.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::command::Tool;
use oomtrace_tests::loggers::Loggers;
use oomtrace_tests::process::Workload;
use serde_json::Value;

/// What the victims call themselves: what carriers mistake for their own, and what parsers do.
const NAMES: [&[u8]; 5] = [
    b"hog",
    b"a) b,pid=1 x",
    b"kernel: [1.0] ",
    b"{\"MESSAGE\":\"\"}",
    "\u{e9}t\u{e9} <b>&lt;".as_bytes(),
];

/// What the image with the report is called.
const IMAGE: &str = "oomtrace-report";

/// A name that not every carrier keeps: it ends a line.
const BROKEN: &[u8] = b"new\nline";

/// Carriers that write a line end as what may be part of a name.
const NOT_FOR_BROKEN: [&str; 7] = [
    "rsyslog-traditional",
    "rsyslog-iso",
    "rsyslog-rfc5424",
    "syslogng-bsd",
    "syslogng-iso",
    "syslogng-rfc5424",
    "journalctl-reverse",
];

/// Carriers that put nothing before a line: neither a line end in a name nor a name that looks like
/// what others put there can be told.
const BARE: [&str; 2] = ["dmesg--notime", "journalctl-cat"];

/// Beginnings of the names of carriers that leave the kernel's escapes as they are, in which a name
/// that is not ASCII reads as the escapes.
const ESCAPED: [&str; 2] = ["rsyslog-", "syslogng-"];

/// Carriers that do not show who wrote a line: rsyslog calls everything from the kernel's log
/// `kernel`, and so does whoever calls himself that; the others show nobody, or a level without the
/// facility.
const WITHOUT_WRITER: [&str; 14] = [
    "dmesg",
    "dmesg--raw",
    "dmesg--json",
    "dmesg--ctime",
    "dmesg--notime",
    "dmesg--show-delta",
    "dmesg--reltime",
    "dmesg--time-formatiso",
    "dmesg--coloralways",
    "journalctl-cat",
    "rsyslog-traditional",
    "rsyslog-iso",
    "syslogng-bsd",
    "syslogng-iso",
];

const FORGED: &str = "Out of memory: Killed process 1 (forged) total-vm:4kB, anon-rss:4kB, \
    file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0";

/// The events of a log, by the victim, without what carriers may differ in: times, hosts, and what
/// comes from them.
fn events(tool: &Tool, log: &Path) -> Result<Vec<Value>> {
    let log = log.to_str().context("a path that is no text")?;
    let ended = tool.run(&["decode", "-o", "json", "--full", log])?;
    ended.well()?;
    let mut events = Vec::new();
    for line in ended.out.lines() {
        let mut event: Value = serde_json::from_str(line)?;
        for (object, keys) in [
            (
                "",
                &[
                    "timestamp",
                    "timestamp_basis",
                    "log_time",
                    "observed_timestamp",
                    "since_boot_us",
                    // Of kills that are known to lie close to each other in time.
                    "recurrence",
                    "hostname",
                    "event_id",
                ][..],
            ),
            ("/incident", &["id"]),
            ("/kernel", &["boot_id"]),
        ] {
            if let Some(Value::Object(object)) = event.pointer_mut(object) {
                for key in keys {
                    object.remove(*key);
                }
            }
        }
        // The finding that tells of it.
        if let Some(Value::Array(findings)) = event.pointer_mut("/findings") {
            findings.retain(|finding| finding.get("code") != Some(&"repeated_kill".into()));
        }
        events.push(event);
    }
    Ok(events)
}

fn tid(event: &Value) -> Option<u64> {
    event.pointer("/victim/tid").and_then(Value::as_u64)
}

fn comm(event: &Value) -> Option<&str> {
    event.pointer("/victim/comm").and_then(Value::as_str)
}

#[test]
fn every_way_of_the_log_gives_the_same_events() -> Result<()> {
    let tool = Tool::copy()?;
    let stage = Stage::without_tracer()?;
    let loggers = Loggers::start()?;
    stage.await_reports(NAMES.len() + 1)?;
    let cgroup = stage.cgroup(24)?;
    let mut wanted = Vec::new();
    for name in NAMES.iter().chain([&BROKEN]) {
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut victim = Workload::within(&cgroup)?.start(&["comm", &hex, "48"])?;
        stage.kill(victim.pid())?;
        victim.end_killed()?;
        wanted.push(u64::from(victim.pid()));
    }
    let carried = loggers.finish(FORGED)?;
    let mut tids = wanted.iter().rev().copied();
    let (broken, foreign, disguised) = (tids.next(), tids.next(), tids.nth(1));
    let ours = |events: Vec<Value>, carrier: &str| -> Vec<Value> {
        let escapes = ESCAPED.iter().any(|start| carrier.starts_with(start));
        let bare = BARE.contains(&carrier);
        let breaks = bare || NOT_FOR_BROKEN.contains(&carrier);
        let mut ours: Vec<Value> = events
            .into_iter()
            .filter(|event| tid(event).is_some_and(|tid| wanted.contains(&tid)))
            .filter(|event| !breaks || tid(event) != broken)
            .filter(|event| !escapes || tid(event) != foreign)
            .filter(|event| !bare || tid(event) != disguised)
            .collect();
        ours.sort_by_key(tid);
        ours
    };
    let log = events(&tool, Path::new("/dev/kmsg"))?;
    ensure!(
        !log.iter().any(|event| comm(event) == Some("forged")),
        "/dev/kmsg says who wrote a line"
    );
    let log = ours(log, "");
    ensure!(
        log.len() == wanted.len(),
        "{} events in /dev/kmsg",
        log.len()
    );
    for (event, name) in log.iter().zip(NAMES.iter().chain([&BROKEN])) {
        ensure!(
            comm(event).map(str::as_bytes) == Some(name),
            "{} is not {}",
            event,
            name.escape_ascii()
        );
    }
    let mut differences = Vec::new();
    let mut compared = 0;
    for writer in ["journalctl-", "dmesg", "rsyslog-", "syslogng-"] {
        for name in carried.names(writer)? {
            let found = events(&tool, &carried.path(&name))?;
            let forged = found.iter().any(|event| comm(event) == Some("forged"));
            if forged && !WITHOUT_WRITER.contains(&name.as_str()) {
                differences.push(format!("{name}: what a process wrote became a kill"));
            }
            let expected = ours(log.clone(), &name);
            let found = ours(found, &name);
            if found.len() != expected.len() {
                differences.push(format!("{name}: {} events", found.len()));
            }
            for (found, expected) in found.iter().zip(&expected) {
                if let Some(difference) = difference(found, expected) {
                    differences.push(format!("{name}: {difference}"));
                }
            }
            compared += 1;
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    ensure!(compared >= 30, "only {compared} carriers");
    Ok(())
}

/// The first thing in which two events differ.
fn difference(found: &Value, expected: &Value) -> Option<String> {
    let names = |event: &Value| -> Vec<String> {
        event
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    names(found)
        .into_iter()
        .chain(names(expected))
        .find(|name| found.get(name) != expected.get(name))
        .map(|name| {
            format!(
                "{:?}: {name}: {} instead of {}",
                comm(expected),
                found.get(&name).unwrap_or(&Value::Null),
                expected.get(&name).unwrap_or(&Value::Null)
            )
        })
}

#[test]
fn a_containers_output_gives_the_same_events() -> Result<()> {
    oomtrace_tests::host::require_root()?;
    let tool = Tool::copy()?;
    let report = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../oomtrace/src/klog/report/testdata/simple.dmesg"
    );
    let expected = events(&tool, Path::new(report))?;
    // An image of one program and one file.
    let image = tempfile::tempdir()?;
    for folder in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir(image.path().join(folder))?;
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file())
        .context("no busybox: install busybox-static")?;
    fs::copy(busybox, image.path().join("bin/busybox"))?;
    fs::copy(report, image.path().join("report"))?;
    let archive = image.path().with_extension("tar");
    let status = std::process::Command::new("tar")
        .arg("-C")
        .arg(image.path())
        .arg("-cf")
        .arg(&archive)
        .arg(".")
        .status()?;
    ensure!(status.success(), "tar: {status}");
    let docker = oomtrace_tests::docker::Docker::start(&archive, IMAGE);
    fs::remove_file(&archive)?;
    let docker = docker?;
    docker.docker(&[
        "run",
        "--network=none",
        "--log-driver=json-file",
        IMAGE,
        "/bin/busybox",
        "cat",
        "/report",
    ])?;
    let mut logs = Vec::new();
    for container in fs::read_dir(docker.root().join("containers"))? {
        for file in fs::read_dir(container?.path())? {
            let path = file?.path();
            if path.to_string_lossy().ends_with("-json.log") {
                logs.push(path);
            }
        }
    }
    let [log] = logs.as_slice() else {
        anyhow::bail!("{logs:?} instead of one log");
    };
    ensure!(
        events(&tool, log)? == expected,
        "docker's json-file differs"
    );
    Ok(())
}
