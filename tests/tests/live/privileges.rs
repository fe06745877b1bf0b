//! `check` says what is missing wherever the tool is put, and events miss just that.
//!
//! Lockdown and `cgroup_disable=memory` cannot be had here; the tests of `kernel::plan` have them.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::command::{self, Ended, Tool};
use oomtrace_tests::docker::Docker;
use oomtrace_tests::event::Event;
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::{self, Tracer};
use oomtrace_tests::{Stage, image};
use serde_json::Value;

/// A user other than root who has the two capabilities that tracing takes.
const TWO_CAPABILITIES: &[&str] = &[
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all,+bpf,+perfmon",
    "--ambient-caps=-all,+bpf,+perfmon",
];

/// Root, who owns what is root's, without the capability to mount anything.
const ROOT_WITH_TWO: &[&str] = &[
    "setpriv",
    "--inh-caps=-all,+bpf,+perfmon",
    "--bounding-set=-all,+bpf,+perfmon",
];

/// A field and the reason for its absence.
type Missing = (String, String);

/// What `check` says is missing: for every victim, and for all kinds of them.
fn missing_by_check(report: &Value) -> (Vec<Missing>, Vec<Missing>) {
    let (mut always, mut all) = (Vec::new(), Vec::new());
    for entry in report["missing"].as_array().into_iter().flatten() {
        let reason = entry["reason"].as_str().unwrap_or_default();
        for field in entry["fields"].as_array().into_iter().flatten() {
            let missing = (
                field.as_str().unwrap_or_default().to_owned(),
                reason.to_owned(),
            );
            if entry.get("only").is_none() {
                always.push(missing.clone());
            }
            all.push(missing);
        }
    }
    (always, all)
}

fn missing_in(event: &Event) -> Vec<Missing> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    event
        .list("missing")
        .iter()
        .map(|entry| (text(entry, "field"), text(entry, "reason")))
        .collect()
}

/// The event of one kill by a tracer that is started this way.
fn one_event(way: &[&str], cgroup: &Cgroup) -> Result<Event> {
    let path = String::from_utf8(cgroup.path().to_vec())?;
    // It ends by itself: not every program that is in between passes a signal on.
    let tracer = Tracer::start_by(way, &["--count", "1", "--cgroup", &path])?;
    let mut victim = Workload::within(cgroup)?.start(&["anon", "64"])?;
    victim.end_killed()?;
    let tid = victim.pid();
    let said = tracer.finish(0)?;
    let event = said.events.into_iter().find(|event| event.is_kill_of(tid));
    event.context("no event")
}

/// What `check` says by way of another program; and what it says is missing, an event misses, and
/// nothing else.
fn agreed(way: &[&str]) -> Result<Value> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(16)?;
    let program = tracer::program()?;
    let program = program.to_str().context("a path that is no text")?;
    let whole: Vec<&str> = way.iter().copied().chain([program]).collect();
    let (first, rest) = whole.split_first().context("no program")?;
    let ended = command::run(Command::new(first).args(rest).args(["check", "-o", "json"]))?;
    ended.well()?;
    let report: Value = serde_json::from_str(&ended.out)?;
    let event = one_event(way, &cgroup)?;
    let (always, all) = missing_by_check(&report);
    let lacks = missing_in(&event);
    for missing in &always {
        ensure!(lacks.contains(missing), "{missing:?} is not in {lacks:?}");
    }
    for missing in &lacks {
        ensure!(all.contains(missing), "{missing:?} is not in {report:#}");
    }
    Ok(report)
}

fn says(report: &Value, field: &str) -> bool {
    let (_, all) = missing_by_check(report);
    all.iter().any(|(missing, _)| missing == field)
}

fn remedy(report: &Value, field: &str) -> String {
    let missing = report["missing"].as_array().into_iter().flatten();
    let has = |entry: &&Value| {
        let fields = entry["fields"].as_array();
        fields.is_some_and(|fields| fields.contains(&Value::from(field)))
    };
    missing
        .filter(has)
        .filter_map(|entry| entry["remedy"].as_str())
        .collect()
}

fn host(report: &Value, name: &str) -> String {
    let rows = report["host"].as_array().into_iter().flatten();
    rows.filter(|row| row["name"] == name)
        .filter_map(|row| row["value"].as_str())
        .collect()
}

#[test]
fn root() -> Result<()> {
    let report = agreed(&["env"])?;
    ensure!(!says(&report, "trigger.gfp_flags"), "{report:#}");
    ensure!(!says(&report, "hierarchy.oom_lock"), "{report:#}");
    ensure!(host(&report, "tracefs") == "readable", "{report:#}");
    Ok(())
}

#[test]
fn two_capabilities_of_another_user() -> Result<()> {
    let report = agreed(TWO_CAPABILITIES)?;
    ensure!(says(&report, "trigger.gfp_flags"), "{report:#}");
    let remedy = remedy(&report, "trigger.gfp_flags");
    ensure!(remedy.contains("CAP_DAC_READ_SEARCH"), "{remedy}");
    Ok(())
}

/// Nobody has mounted it, and this process may not.
#[test]
fn no_tracefs() -> Result<()> {
    let hidden = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "umount /sys/kernel/tracing /sys/kernel/debug/tracing 2>/dev/null; exec \"$@\"",
        "sh",
    ];
    let way: Vec<&str> = hidden.iter().chain(ROOT_WITH_TWO).copied().collect();
    let report = agreed(&way)?;
    let remedy = remedy(&report, "trigger.gfp_flags");
    ensure!(remedy.contains("mount -t tracefs"), "{report:#}");
    Ok(())
}

#[test]
fn another_pid_namespace() -> Result<()> {
    let report = agreed(&["unshare", "--pid", "--fork", "--mount-proc"])?;
    let row = host(&report, "pid namespace");
    ensure!(row.starts_with("not the host's"), "{report:#}");
    Ok(())
}

#[test]
fn another_cgroup_namespace() -> Result<()> {
    let report = agreed(&["unshare", "--cgroup"])?;
    let row = host(&report, "cgroup namespace");
    ensure!(row == "not the host's", "{report:#}");
    Ok(())
}

#[test]
fn no_cgroup_files() -> Result<()> {
    let report = agreed(&[
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -t tmpfs hidden /sys/fs/cgroup && exec \"$@\"",
        "sh",
    ])?;
    ensure!(says(&report, "limit.usage"), "{report:#}");
    Ok(())
}

#[test]
fn a_read_only_root() -> Result<()> {
    let report = agreed(&[
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -o remount,bind,ro / && exec \"$@\"",
        "sh",
    ])?;
    ensure!(!says(&report, "trigger.gfp_flags"), "{report:#}");
    Ok(())
}

/// What Docker 20.10 can grant, which knows neither `BPF` nor `PERFMON`.
#[test]
fn docker_with_sys_admin_only() -> Result<()> {
    const IMAGE: &str = "oomtrace-test/small:1";
    let directory = tempfile::tempdir()?;
    let archive = image::small(directory.path())?;
    let docker = Docker::start(&archive, IMAGE)?;
    let socket = format!("unix://{}", docker.socket().display());
    let program = tracer::program()?;
    let program = program.to_str().context("a path that is no text")?;
    let mut way = vec!["docker", "--host", &socket, "run", "--rm", "--network=none"];
    way.extend(["--cap-drop=ALL", "--cap-add=SYS_ADMIN"]);
    let volumes: Vec<String> = ["/usr", "/lib", "/lib64", program]
        .iter()
        .map(|path| format!("--volume={path}:{path}:ro"))
        .collect();
    way.extend(volumes.iter().map(String::as_str));
    way.push(IMAGE);
    let report = agreed(&way)?;
    let row = host(&report, "pid namespace");
    ensure!(row.starts_with("not the host's"), "{report:#}");
    Ok(())
}

/// It ends with 3, says the cause once, and the words.
fn refused(ended: &Ended, cause: &str, words: &[&str]) -> Result<()> {
    ended.refused(3, words)?;
    let times = ended.complaint.matches(cause).count();
    ensure!(times == 1, "{cause:?} {times} times in {ended:?}");
    Ok(())
}

#[test]
fn without_sysfs_btf_is_not_visible() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let hidden = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -t tmpfs hidden /sys && exec \"$@\"",
        "sh",
    ];
    let tool = Tool::copy()?;
    let ended = tool.run_by(&hidden, &["trace", "--source", "bpf"])?;
    refused(&ended, "not visible here", &["/sys/kernel/btf/vmlinux"])?;
    let checked = tool.run_by(&hidden, &["check"])?;
    ensure!(
        checked.code == 3 && checked.out.contains("not visible here"),
        "{checked:?}"
    );
    Ok(())
}

/// The maps do not fit: the memory cgroup is named, and how much it should have.
#[test]
fn a_small_memory_cgroup_is_named() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(5)?;
    let within = format!(
        "echo 0 > {}/cgroup.procs && exec \"$@\"",
        cgroup.directory().display()
    );
    let ended = Tool::copy()?.run_by(
        &["sh", "-c", &within, "sh"],
        &["trace", "--source", "bpf", "--duration", "1s"],
    )?;
    let path = String::from_utf8(cgroup.path().to_vec())?;
    refused(
        &ended,
        "Cannot allocate memory",
        &[&path, "5.0 MiB", "16 MiB"],
    )
}
