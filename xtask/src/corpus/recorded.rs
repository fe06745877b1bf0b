//! Recorded runs: the kills that the log shows against those that the kernel's tracepoints show.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{facts::fact, verdict::Tally};

/// Two figures of resident memory are the same if they are no further apart than this: some kernels
/// add up for the log what each processor still has to itself, at most 32 pages of each of the two
/// that the recordings were made on.
const RSS_BYTES_APART_MAX: u64 = 2 * 32 * 4096;

/// The log's clock is not that of the tracepoints.
const US_APART_MAX: u64 = 2_000_000;

/// Compares the events of a log with the trace beside it.
///
/// # Errors
/// A file that cannot be read.
pub fn compare(log: &Path, events: &[Value]) -> Result<Tally> {
    let path = log.with_extension("trace");
    let trace = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut kills = kills(&String::from_utf8_lossy(&trace));
    let mut tally = Tally::default();
    for event in events {
        let Some(pid) = event.pointer("/victim/tid").and_then(Value::as_u64) else {
            continue;
        };
        let Some(at) = kills.iter().position(|kill| kill.pid == pid) else {
            tally.invented_event(&format!("kill of {pid}, which the trace does not show"));
            continue;
        };
        let kill = kills.remove(at);
        let mut same = |name: &str, wanted: &Value, found: &Value| {
            tally.fact(&format!("[victim {pid}] {name}"), wanted, &[], found);
        };
        // They were killed in this order.
        same("kills before it", &json!(0), &json!(at));
        for (name, wanted) in &kill.figures {
            let found = fact(name, event, &[]).unwrap_or(Value::Null);
            same(name, wanted, &found);
        }
        for (name, wanted, apart) in kill.near {
            let found = event.pointer(name).cloned().unwrap_or(Value::Null);
            let is_near = found
                .as_u64()
                .is_some_and(|found| found.abs_diff(wanted) <= apart);
            let wanted = if is_near {
                found.clone()
            } else {
                json!(wanted)
            };
            same(name, &wanted, &found);
        }
    }
    for kill in kills {
        tally.missing_event(1, &format!("kill of {}, which the trace shows", kill.pid));
    }
    Ok(tally)
}

struct Kill {
    pid: u64,
    /// What the tracepoint shows, by the name of the fact, where the log reads the same figure.
    figures: Vec<(&'static str, Value)>,
    /// What may differ by so much, by its place in the event.
    near: Vec<(&'static str, u64, u64)>,
}

/// Figures of the tracepoint that the log has the same, and how they are labelled.
const FIGURES: &[(&str, &str)] = &[
    ("total_vm_kb", "total-vm="),
    ("victim_uid", " uid="),
    ("pgtables_kb", "pgtables="),
    ("oom_score_adj", "oom_score_adj="),
];

/// Parts of the resident memory, in KiB.
const RESIDENT: &[(&str, &str)] = &[
    ("/victim/memory/anon_bytes", "anon-rss="),
    ("/victim/memory/file_bytes", "file-rss:"),
    ("/victim/memory/shmem_bytes", "shmem-rss:"),
];

/// Marks that `__oom_kill_process` made: kills. Other marks are of processes that were dying anyway.
fn kills(trace: &str) -> Vec<Kill> {
    let mut kills = Vec::new();
    // A trace without functions holds nothing but kills: the scenarios with other marks have them.
    let mut is_kill = !trace.contains(": mark_oom_victim <-");
    for line in trace.lines() {
        if line.contains(": mark_oom_victim <-") {
            is_kill = line.contains(": mark_oom_victim <-__oom_kill_process");
        }
        if let (true, Some((head, fields))) = (is_kill, line.split_once(": mark_victim: "))
            && let Some(kill) = kill(head, fields)
        {
            kills.push(kill);
        }
    }
    kills
}

fn kill(head: &str, fields: &str) -> Option<Kill> {
    let number = |name: &str| {
        let (_, rest) = fields.rsplit_once(name)?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(rest.len());
        rest.get(..end)?.parse::<i64>().ok()
    };
    // A name may hold anything, so the process id is read from the left, and the rest from the right.
    let rest = fields.strip_prefix("pid=")?;
    let pid = rest.split(' ').next().unwrap_or(rest).parse().ok()?;
    let mut figures: Vec<_> = FIGURES
        .iter()
        .filter_map(|(name, label)| Some((*name, json!(number(label)?))))
        .collect();
    if let Some((_, rest)) = fields.split_once(" comm=")
        && let Some((comm, _)) = rest.rsplit_once(" total-vm=")
    {
        figures.push(("victim_comm", json!(comm)));
    }
    let mut near: Vec<_> = RESIDENT
        .iter()
        .filter_map(|(name, label)| {
            let bytes = u64::try_from(number(label)?).ok()?.checked_mul(1024)?;
            Some((*name, bytes, RSS_BYTES_APART_MAX))
        })
        .collect();
    let (_, seconds) = head.rsplit_once(' ')?;
    let (whole, part) = seconds.split_once('.')?;
    let us = whole.parse::<u64>().ok()?.checked_mul(1_000_000)? + part.parse::<u64>().ok()?;
    near.push(("/since_boot_us", us, US_APART_MAX));
    Some(Kill { pid, figures, near })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_of_a_kill_are_kills() {
        let trace = "\
 a-1 [000] ..... 1.0: mark_oom_victim <-__oom_kill_process
 a-1 [000] ..... 1.100000: mark_victim: pid=7 comm=a pid=9 total-vm=72748kB anon-rss=1kB file-rss:4kB shmem-rss:1kB uid=1000 pgtables=100kB oom_score_adj=-100
 a-1 [000] ..... 2.0: mark_oom_victim <-out_of_memory
 a-1 [000] ..... 2.100000: mark_victim: pid=8
";
        let kills = kills(trace);
        assert_eq!(kills.len(), 1);
        assert_eq!(kills[0].pid, 7);
        assert_eq!(
            kills[0].figures,
            [
                ("total_vm_kb", json!(72748)),
                ("victim_uid", json!(1000)),
                ("pgtables_kb", json!(100)),
                ("oom_score_adj", json!(-100)),
                ("victim_comm", json!("a pid=9")),
            ]
        );
        let near: Vec<u64> = kills[0].near.iter().map(|(_, value, _)| *value).collect();
        assert_eq!(near, [1024, 4096, 1024, 1_100_000]);
    }

    #[test]
    fn figures_too_far_apart_are_not_the_same() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("a.dmesg");
        let mark = " a-1 [000] ..... 3.100000: mark_victim: pid=7 comm=a total-vm=8kB \
            anon-rss=1000kB file-rss:4kB shmem-rss:0kB uid=0 pgtables=4kB oom_score_adj=0\n";
        fs::write(log.with_extension("trace"), mark)?;
        let event = |anon_kb: u64, us: u64| {
            json!({"victim": {"tid": 7, "comm": "a", "uid": 0, "oom_score_adj": 0,
                "memory": {"virtual_bytes": 8192, "anon_bytes": anon_kb * 1024, "file_bytes": 4096,
                    "shmem_bytes": 0, "pgtables_bytes": 4096}}, "since_boot_us": us})
        };
        assert!(compare(&log, &[event(1256, 1_100_000)])?.is_perfect());
        assert_eq!(compare(&log, &[event(1257, 1_100_000)])?.wrong, 1);
        assert_eq!(compare(&log, &[event(1000, 1_099_999)])?.wrong, 1);
        assert_eq!(compare(&log, &[])?.missing, 1);
        Ok(())
    }
}
