//! What the daemon can still do once it is set up, and that this suffices for a whole report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::http::free_port;
use oomtrace_tests::docker::Docker;
use oomtrace_tests::engine::{self, Parent, WAIT_AND_FILL};
use oomtrace_tests::{Stage, image};
use serde_json::Value;

use super::receivers::get;
use super::{Daemon, file_sink, wait_until, written};

/// `DAC_READ_SEARCH`, `IPC_LOCK` and `SYS_PTRACE`: what may be left on a kernel whose maps can be read
/// without a capability.
const LEFT: u64 = 1 << 2 | 1 << 14 | 1 << 19;

const IMAGE: &str = "oomtrace-test/small:1";

/// A field of `/proc/PID/status`, hexadecimal where it is a set.
fn field(status: &str, name: &str) -> Result<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let value = value.with_context(|| format!("no {name} in {status}"))?;
    Ok(u64::from_str_radix(
        value.trim_start_matches(':').trim(),
        16,
    )?)
}

/// The status of each thread.
fn threads(pid: u32) -> Result<Vec<String>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))?;
    threads
        .map(|thread| Ok(fs::read_to_string(thread?.path().join("status"))?))
        .collect()
}

fn event_of(folder: &Path, container: &str) -> Result<Option<Value>> {
    for line in written(folder)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let text = |at| event.pointer(at).and_then(Value::as_str);
        let is_kill = text("/event") == Some("oom_kill");
        if is_kill && text("/owner/container_id") == Some(container) {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

/// Every thread has given up what it does not need, and a container's kill is still explained: its
/// limit, its owner, its name from the engine's socket, and from its files.
#[test]
fn a_confined_daemon_explains_everything() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let parent = Parent::new("docker");
    let docker = Docker::start(&image::small(folder.path())?, IMAGE)?;
    let metrics = free_port()?;
    let nowhere = PathBuf::from("/nonexistent");
    let mut answered = false;
    // On a busy machine the socket may take longer than it is waited for, and the event says so; not
    // three times.
    for (name, root) in [
        ("asked0", &nowhere),
        ("asked1", &nowhere),
        ("asked2", &nowhere),
        ("filed", &docker.root()),
    ] {
        if answered && root == &nowhere {
            continue;
        }
        let more = format!(
            "[[sink]]\ntype = \"http\"\nurl = \"http://127.0.0.1:{}/\"\n\
             [capture]\nbackfill = false\nnames.docker_roots = [\"{}\"]\n\
             names.docker_socket = \"{}\"\n[metrics]\nlisten = \"127.0.0.1:{metrics}\"\n",
            free_port()?,
            root.display(),
            docker.socket().display(),
        );
        let daemon = Daemon::start(
            folder.path(),
            &file_sink(folder.path(), &more),
            Stdio::null(),
        )?;
        let health = get(metrics, "/-/healthy")?;
        ensure!(
            health.contains("no_new_privs on; seccomp on; Landlock on"),
            "{health}"
        );
        let all = threads(daemon.child.id())?;
        ensure!(all.len() >= 5, "{}", all.len());
        for status in all {
            let effective = field(&status, "CapEff")?;
            ensure!(effective & !LEFT == 0, "{status}");
            for other in ["CapPrm", "CapBnd"] {
                ensure!(field(&status, other)? == effective, "{status}");
            }
            ensure!(field(&status, "NoNewPrivs")? == 1, "{status}");
            ensure!(field(&status, "Seccomp")? == 2, "{status}");
        }
        let place = format!("--cgroup-parent=/{}/docker", parent.name());
        let mut arguments = vec!["run", "--detach", "--memory=24m", "--network=none"];
        arguments.extend([place.as_str(), "--name", name, IMAGE]);
        arguments.extend(WAIT_AND_FILL);
        let id = docker.docker(&arguments)?;
        engine::go(docker.pid(&id)?)?;
        let mut event = None;
        let is_there = || {
            event = event_of(folder.path(), &id)?;
            Ok(event.is_some())
        };
        ensure!(wait_until(is_there)?, "{}", daemon.said()?);
        let event = event.context("no event")?;
        let is_asked = root == &nowhere;
        if is_asked && event.to_string().contains("does not answer") {
            daemon.stop()?;
            continue;
        }
        answered |= is_asked;
        ensure!(event["owner"]["container_name"] == name, "{event}");
        ensure!(event["owner"]["image"] == IMAGE, "{event}");
        ensure!(event["limit"]["limit_bytes"] == 24_u64 << 20, "{event}");
        ensure!(event["limit"]["usage"]["anon_bytes"].is_u64(), "{event}");
        ensure!(event["victim"]["cmdline"].is_array(), "{event}");
        let said = daemon.stop()?;
        ensure!(!said.contains("ot permitted"), "{said}");
    }
    ensure!(answered, "the engine never answers in time");
    Ok(())
}

/// Each protection has a switch.
#[test]
fn protections_can_be_switched_off() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let more = "[capture]\nbackfill = false\n[privileges]\ndrop_capabilities = false\n\
                seccomp = false\nlandlock = false\n";
    let daemon = Daemon::start(
        folder.path(),
        &file_sink(folder.path(), more),
        Stdio::null(),
    )?;
    let own = fs::read_to_string("/proc/self/status")?;
    for status in threads(daemon.child.id())? {
        for name in ["CapEff", "CapBnd", "Seccomp"] {
            ensure!(
                field(&status, name)? == field(&own, name)?,
                "{name}: {status}"
            );
        }
    }
    ensure!(daemon.said()?.contains("seccomp off; Landlock off"));
    daemon.stop()?;
    Ok(())
}
