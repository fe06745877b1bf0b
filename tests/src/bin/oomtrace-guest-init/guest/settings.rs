//! What the machine was told stays as it is, and what it was told not to allow is explained.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::{Running, Workload};

use super::global::protect;

const SETTINGS: &str = "/proc/sys";
const PANIC: &str = "/proc/sys/vm/panic_on_oom";
/// What the scheduler measures and writes there itself, on kernels that show it among settings.
const MEASURED: &str = "/max_newidle_lb_cost";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// `vm.panic_on_oom` is set and the kernel is locked down. A tracer that ran before goes on, changes
/// no setting, and another one is told why it cannot begin; then the kernel does as it was told, and
/// panics: this does not return where all is well.
pub(crate) fn left_alone() -> Result<()> {
    protect()?;
    fs::write(PANIC, "2").context(PANIC)?;
    // As far as this, nothing is barred.
    fs::write(LOCKDOWN, "integrity").context(LOCKDOWN)?;
    let before = settings(Path::new(SETTINGS));
    ensure!(
        before.get(PANIC).map(|text| text.trim()) == Some("2"),
        "{PANIC} is not set"
    );
    let stage = Stage::with_tracer(&[])?;
    sysrq_kill(&stage)?;

    fs::write(LOCKDOWN, "confidentiality").context(LOCKDOWN)?;
    refused(&["check"])?;
    refused(&["-n", "1"])?;
    sysrq_kill(&stage)?;

    let after = settings(Path::new(SETTINGS));
    let changed: Vec<_> = before
        .iter()
        .filter(|(path, text)| !path.ends_with(MEASURED) && after.get(*path) != Some(text))
        .map(|(path, text)| format!("{path}: {text:?}, now {:?}", after.get(path)))
        .collect();
    ensure!(changed.is_empty(), "settings have changed: {changed:?}");
    let cgroup = stage.cgroup(16)?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    let ended = victim.end_killed();
    bail!("the kernel was to panic, and did not: {ended:?}");
}

/// Even a machine that is to panic kills when it is asked to by hand.
fn sysrq_kill(stage: &Stage) -> Result<()> {
    stage.await_reports(1)?;
    let cgroup = Cgroup::top()?;
    let mut victim: Running = Workload::within(&cgroup)?.adj(900).start(&["hold", "32"])?;
    victim.wait_for("filled")?;
    fs::write("/proc/sysrq-trigger", "f").context("/proc/sysrq-trigger")?;
    stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()
}

/// Ends with 3, and says that it is the lockdown.
fn refused(arguments: &[&str]) -> Result<()> {
    let output = Command::new(oomtrace_tests::tracer::program()?)
        .args(arguments)
        .output()
        .context("cannot run oomtrace")?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    ensure!(
        output.status.code() == Some(3) && text.contains("lockdown=integrity"),
        "oomtrace {arguments:?} ends with {}: {text}",
        output.status
    );
    Ok(())
}

/// Every setting that can be read and does not count or draw something by itself.
fn settings(folder: &Path) -> BTreeMap<String, String> {
    /// Counters, random numbers, and what does something when it is read.
    const RESTLESS: &[&str] = &[
        "/random/",
        "-nr",
        "-state",
        "/nr",
        "ns_last_pid",
        "stat_refresh",
        "netfilter",
    ];
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if RESTLESS.iter().any(|part| name.contains(part)) {
            continue;
        }
        if path.is_dir() {
            found.extend(settings(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.insert(name, text);
        }
    }
    found
}
