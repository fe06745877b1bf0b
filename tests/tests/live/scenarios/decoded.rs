//! The same kills, read from the kernel's log afterwards: the same findings of the same facts.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::event::Event;
use oomtrace_tests::{command, figures, tracer};
use serde_json::Value;

/// Findings whose facts are in a log as well as in a live event.
const SHARED: [&str; 13] = [
    "limit_set_below_usage",
    "group_kill",
    "parent_limit",
    "shmem_filled",
    "anon_filled",
    "anon_filled_by_many",
    "kernel_memory",
    "page_cache_filled",
    "limit_reached",
    "page_cache_left",
    "swap_state",
    "trigger_is_not_victim",
    "report_counts_pages",
];

/// Findings that rest on the table of tasks, which the probe does not have where nothing but
/// survivors can be read.
const OF_CANDIDATES: [&str; 4] = [
    "top_consumers",
    "victim_chosen",
    "larger_process_survived",
    "many_processes",
];
/// Those that are about the log itself.
const OF_THE_REPORT: [&str; 1] = ["reports_suppressed"];

/// Compares what is said of each kill live with what is said of it from the log.
pub(super) fn agrees(live: &[(&'static str, Event)]) -> Result<()> {
    let ended = command::run(Command::new(tracer::program()?).args([
        "decode",
        "--full",
        "-o",
        "json",
        "/dev/kmsg",
    ]))?;
    ensure!(ended.code == 0, "decode: {ended:?}");
    let mut decoded = Vec::new();
    for line in ended.out.lines() {
        let value = serde_json::from_str(line).context("a line that is no JSON")?;
        decoded.push(Event {
            value,
            length: line.len() + 1,
        });
    }
    let mut wrong = String::new();
    for (name, event) in live {
        let same = decoded.iter().find(|other| {
            other.kind() == "oom_kill"
                && ["victim.tid", "limit.cgroup_path"]
                    .iter()
                    .all(|path| other.at(path) == event.at(path))
        });
        let Some(same) = same else {
            wrong.push_str(&format!("{name}: not in the log\n"));
            continue;
        };
        let (ours, theirs) = (shared(event), shared(same));
        if ours != theirs {
            wrong.push_str(&format!("{name}: live {ours:?}, decoded {theirs:?}\n"));
        }
        let extra: Vec<&str> = codes(same)
            .filter(|code| !codes(event).any(|other| other == *code))
            .collect();
        let survivors = event.text("candidates_basis") == Some("survivors");
        let probed = !survivors && !event.says_missing("candidates");
        let unexplained: Vec<&&str> = extra
            .iter()
            .filter(|code| probed || !OF_CANDIDATES.contains(code))
            .filter(|code| !OF_THE_REPORT.contains(code))
            .collect();
        if !unexplained.is_empty() {
            wrong.push_str(&format!("{name}: only decoded {unexplained:?}\n"));
        }
        for problem in figures::check(&same.value).problems {
            wrong.push_str(&format!("{name}, decoded: {problem}\n"));
        }
    }
    ensure!(wrong.is_empty() && !live.is_empty(), "{wrong}");
    Ok(())
}

fn shared(event: &Event) -> Vec<&str> {
    codes(event).filter(|code| SHARED.contains(code)).collect()
}

fn codes(event: &Event) -> impl Iterator<Item = &str> {
    let findings = event.list("findings").iter();
    findings.filter_map(|finding| finding.get("code").and_then(Value::as_str))
}
