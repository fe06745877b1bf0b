//! Recorded runs: the kills that the log shows against those that the kernel's tracepoints show.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{facts::fact, verdict::Tally};

/// Compares a log with the trace beside it.
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
        tally.right += 1;
        for (name, wanted) in kill.figures {
            let found = fact(name, event, &[]).unwrap_or(Value::Null);
            tally.fact(
                &format!("[victim {pid}] {name}"),
                &json!(wanted),
                &[],
                &found,
            );
        }
    }
    for kill in kills {
        tally.missing_event(1, &format!("kill of {}, which the trace shows", kill.pid));
    }
    Ok(tally)
}

struct Kill {
    pid: u64,
    /// What the tracepoint shows, by the name of the fact, where the log reads the same figure. (RSS
    /// is not among them: some kernels read it more exactly for the log.)
    figures: Vec<(&'static str, i64)>,
}

/// Marks that `__oom_kill_process` made: kills. Other marks are of processes that were dying anyway.
fn kills(trace: &str) -> Vec<Kill> {
    let mut kills = Vec::new();
    // A trace without functions holds nothing but kills: the scenarios with other marks have them.
    let mut is_kill = !trace.contains(": mark_oom_victim <-");
    for line in trace.lines() {
        if line.contains(": mark_oom_victim <-") {
            is_kill = line.contains(": mark_oom_victim <-__oom_kill_process");
        }
        let Some((_, fields)) = line.split_once(": mark_victim: ") else {
            continue;
        };
        let number = |name: &str| {
            let (_, rest) = fields.rsplit_once(name)?;
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '-')
                .unwrap_or(rest.len());
            rest.get(..end)?.parse::<i64>().ok()
        };
        // A name may hold anything, so the process id is read from the left.
        let pid = fields
            .strip_prefix("pid=")
            .map(|rest| rest.split(' ').next().unwrap_or(rest))
            .and_then(|pid| pid.parse().ok());
        if let (true, Some(pid)) = (is_kill, pid) {
            let figures = [
                ("total_vm_kb", "total-vm="),
                ("victim_uid", " uid="),
                ("pgtables_kb", "pgtables="),
                ("oom_score_adj", "oom_score_adj="),
            ];
            kills.push(Kill {
                pid,
                figures: figures
                    .into_iter()
                    .filter_map(|(name, label)| Some((name, number(label)?)))
                    .collect(),
            });
        }
    }
    kills
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_of_a_kill_are_kills() {
        let trace = "\
 a-1 [000] ..... 1.0: mark_oom_victim <-__oom_kill_process
 a-1 [000] ..... 1.1: mark_victim: pid=7 comm=a pid=9 total-vm=72748kB anon-rss=1kB file-rss:4kB shmem-rss:1kB uid=1000 pgtables=100kB oom_score_adj=-100
 a-1 [000] ..... 2.0: mark_oom_victim <-out_of_memory
 a-1 [000] ..... 2.1: mark_victim: pid=8
";
        let kills = kills(trace);
        assert_eq!(kills.len(), 1);
        assert_eq!(kills[0].pid, 7);
        assert_eq!(
            kills[0].figures,
            [
                ("total_vm_kb", 72748),
                ("victim_uid", 1000),
                ("pgtables_kb", 100),
                ("oom_score_adj", -100)
            ]
        );
    }
}
