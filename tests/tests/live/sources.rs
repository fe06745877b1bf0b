//! Both sources on the same kills, field by field.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::event::Event;
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::Tracer;
use serde_json::Value;

/// How far apart the two clocks may put one kill: marking it, and printing that.
const APART_US: i64 = 100_000;

/// Fields that tell of the telling, or of what only one source can see.
const OF_THE_SOURCE: [&str; 17] = [
    "/source",
    "/message",
    "/event_id",
    "/observed_timestamp",
    "/timestamp",
    "/timestamp_basis",
    "/since_boot_us",
    "/recurrence/since_first_us",
    "/incident/id",
    "/incident/scope_basis",
    "/limit/basis",
    "/limit/stat_basis",
    "/findings",
    "/missing",
    "/candidates_total",
    // The probe's are read after the kill.
    "/limit/usage",
    "/victim/memory/rss_error_max_bytes",
];

/// Paths and values of the leaves.
fn leaves(path: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    // Neither the table in the log nor /proc adds up what each processor keeps to itself.
    let is_approximate = path.starts_with("/candidates/") && path.ends_with("/rss_bytes");
    if OF_THE_SOURCE.contains(&path) || is_approximate {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(&format!("{path}/{key}"), value, out);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(&format!("{path}/{index}"), value, out);
            }
        }
        leaf => {
            out.insert(path.to_owned(), leaf.clone());
        }
    }
}

/// The probe's event with the figures of the kernel's own, less exact read, which the log has.
fn as_reported(bpf: &Event) -> Value {
    let mut value = bpf.value.clone();
    let reported = value.pointer("/victim/memory_reported").cloned();
    let page = bpf.u64("kernel.page_size_bytes");
    if let (Some(Value::Object(reported)), Some(page), Some(memory)) = (
        reported,
        page.filter(|page| *page > 0),
        value.pointer_mut("/victim/memory"),
    ) {
        let rss: u64 = reported.values().filter_map(Value::as_u64).sum();
        for (name, part) in reported {
            memory[name] = part;
        }
        memory["rss_bytes"] = rss.into();
        memory["rss_pages"] = (rss / page).into();
    }
    value
}

/// What both have is the same; returns how many fields that are.
fn agree(klog: &Event, bpf: &Event) -> Result<Vec<String>> {
    let (mut one, mut two) = (BTreeMap::new(), BTreeMap::new());
    leaves("", &klog.value, &mut one);
    leaves("", &as_reported(bpf), &mut two);
    let mut same = Vec::new();
    for (path, value) in &one {
        let Some(other) = two.get(path) else {
            continue;
        };
        ensure!(
            value == other,
            "{path}: the log tells {value}, the probe {other}\n{}\n{}",
            klog.value,
            bpf.value
        );
        same.push(path.clone());
    }
    let moment = |event: &Event| -> Result<jiff::Timestamp> {
        let text = event.text("timestamp").context("no timestamp")?;
        text.parse().context("timestamp")
    };
    let apart = moment(klog)?.as_microsecond() - moment(bpf)?.as_microsecond();
    ensure!(apart.abs() < APART_US, "{apart} µs apart");
    ensure!(klog.text("timestamp_basis") == Some("derived"));
    ensure!(klog.text("source") == Some("klog") && bpf.text("source") == Some("bpf"));
    Ok(same)
}

/// Both sources on the same kills: what both tell, they tell alike.
#[test]
fn the_log_agrees_with_the_probe() -> Result<()> {
    let stage = Stage::with_tracer(&["--source", "bpf"])?;
    let log = Tracer::start(&["--source", "klog"])?;
    stage.await_reports(3)?;
    let cgroup = stage.cgroup(48)?;
    let mut tids = vec![];
    // The victim asks by itself; another one asks; one of another user, adjusted.
    let mut victim = Workload::within(&cgroup)?
        .adj(100)
        .uid(65534)
        .start(&["anon", "64"])?;
    victim.end_killed()?;
    tids.push(victim.pid());
    let mut holder = Workload::within(&cgroup)?.adj(500).start(&["hold", "20"])?;
    holder.wait_for("filled")?;
    let mut trigger = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    holder.end_killed()?;
    tids.push(holder.pid());
    if !trigger.survived()? {
        tids.push(trigger.pid());
    }
    for tid in &tids {
        // The probe's event is held against the kernel's report, and the log's against the probe's.
        let kill = stage.agreed_kill(*tid, Rss::Exact)?;
        let bpf = kill.event.context("no event")?;
        let klog = log.kill_of(*tid, Duration::from_secs(5))?;
        let same = agree(&klog, &bpf)?;
        for field in [
            "/victim/pid",
            "/victim/comm",
            "/victim/uid",
            "/victim/cgroup_path",
            "/victim/oom_score_adj",
            "/victim/memory/rss_bytes",
            "/victim/memory/anon_bytes",
            "/victim/memory/pgtables_bytes",
            "/victim/memory/virtual_bytes",
            "/trigger/tid",
            "/trigger/comm",
            "/limit/cgroup_path",
            "/limit/limit_bytes",
            "/limit/usage_bytes",
            "/incident/scope",
            "/incident/kill_kind",
            "/kernel/boot_id",
            "/hostname",
        ] {
            ensure!(
                same.iter().any(|path| path == field),
                "{field}: {}",
                klog.value
            );
        }
        for field in [
            "victim.cmdline",
            "victim.exe",
            "victim.threads",
            "hierarchy",
        ] {
            ensure!(
                klog.says_missing(field),
                "{field} is not missed: {}",
                klog.value
            );
        }
    }
    let said = log.stop()?;
    ensure!(
        said.killed_below(cgroup.path()) == sorted(&tids),
        "{tids:?}"
    );
    stage.finish_with(cgroup.path(), &tids)?;
    Ok(())
}

fn sorted(tids: &[u32]) -> Vec<u32> {
    let mut tids = tids.to_vec();
    tids.sort_unstable();
    tids
}
