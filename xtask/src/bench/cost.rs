//! What one tracer costs while nothing is killed: start, memory, wake-ups.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use oomtrace_tests::counters::host_kills;

use super::process::{self, BpfObjects, Memory};
use super::tracer::{Recipe, Tracer};
use crate::command;

/// Time after the start in which a tracer may still be busy with itself.
const SETTLE: Duration = Duration::from_secs(2);

/// How often it is watched again because something was killed meanwhile.
const WATCHES: usize = 3;

/// The figures of one tracer.
pub struct Cost {
    /// From process start to "tracing": smallest, median, largest.
    pub start: [Duration; 3],
    /// Memory once it has settled.
    pub memory: Memory,
    /// BPF objects it holds.
    pub bpf: BpfObjects,
    /// What it did while nothing was killed.
    pub idle: Idle,
}

/// What a tracer did while it was watched.
pub struct Idle {
    /// Context switches of all its threads.
    pub switches: u64,
    /// The same as counted by perf, an independent eye; or why it cannot look.
    pub switches_by_perf: Result<u64>,
    /// Processor time, in nanoseconds.
    pub on_cpu_ns: u64,
    /// How long it was watched.
    pub lasting: Duration,
    /// Kills by the OOM killer on the machine meanwhile: then idle was not idle.
    pub kills: u64,
}

/// Measures one tracer.
///
/// # Errors
/// It does not start, or ends while it is watched.
pub fn measure(recipe: &Recipe, starts: usize, idle: Duration) -> Result<Cost> {
    let mut took = Vec::new();
    for _ in 0..starts.max(1) {
        took.push(Tracer::start(recipe)?.took);
    }
    let tracer = Tracer::start(recipe)?;
    thread::sleep(SETTLE);
    let memory = process::memory(tracer.pid())?;
    let bpf = process::bpf_objects(tracer.pid())?;
    let mut watched = watch(tracer.pid(), idle)?;
    for _ in 1..WATCHES {
        if watched.kills == 0 {
            break;
        }
        watched = watch(tracer.pid(), idle)?;
    }
    Ok(Cost {
        start: spread(took).context("it was never started")?,
        memory,
        bpf,
        idle: watched,
    })
}

fn watch(pid: u32, lasting: Duration) -> Result<Idle> {
    let start = Instant::now();
    let (kills, before) = (host_kills()?, process::activity(pid)?);
    // perf counts from inside the kernel and does not wake what it watches.
    let switches_by_perf = perf_switches(pid, lasting);
    thread::sleep(lasting.saturating_sub(start.elapsed()));
    let after = process::activity(pid).context("it ended while it was watched")?;
    Ok(Idle {
        switches: after.switches.saturating_sub(before.switches),
        switches_by_perf,
        on_cpu_ns: after.on_cpu_ns.saturating_sub(before.on_cpu_ns),
        lasting,
        kills: host_kills()?.saturating_sub(kills),
    })
}

/// Context switches of a process as perf counts them.
fn perf_switches(pid: u32, lasting: Duration) -> Result<u64> {
    let seconds = lasting.as_secs_f64().to_string();
    let mut perf = Command::new("perf");
    perf.args([
        "stat",
        "-x,",
        "--log-fd",
        "1",
        "-e",
        "context-switches",
        "-p",
    ])
    .arg(pid.to_string())
    .args(["--", "sleep", &seconds]);
    let counted = command::output(&mut perf)?;
    counted_by_perf(&counted).with_context(|| format!("perf counted nothing: {}", counted.trim()))
}

/// The count in perf's line. "not counted" is perf's word for a task that was never on a processor,
/// so that its counter was never started.
fn counted_by_perf(text: &str) -> Option<u64> {
    text.lines().find_map(|line| match line.split(',').next()? {
        "<not counted>" => Some(0),
        number => number.parse().ok(),
    })
}

/// Smallest, median and largest; `None` of nothing.
pub fn spread<T: Ord + Copy>(mut values: Vec<T>) -> Option<[T; 3]> {
    values.sort_unstable();
    let median = *values.get(values.len() / 2)?;
    Some([*values.first()?, median, *values.last()?])
}

#[cfg(test)]
mod tests {
    use super::super::tracer::tests::script;
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(spread(vec![5, 1, 9]), Some([1, 5, 9]));
        assert_eq!(spread(Vec::<u8>::new()), None);
    }

    #[test]
    fn perfs_line_is_read() {
        assert_eq!(
            counted_by_perf("7,,context-switches,12,100.00,,\n"),
            Some(7)
        );
        assert_eq!(
            counted_by_perf("\n<not counted>,,context-switches,0,100.00,,\n"),
            Some(0)
        );
        assert_eq!(counted_by_perf("Error: no permission\n"), None);
    }

    #[test]
    fn waking_up_is_seen() {
        let polling = script("echo 'oomtrace: tracing'; while :; do sleep 0.02; done");
        let cost = measure(&polling, 1, Duration::from_millis(500)).unwrap();
        assert!(cost.idle.switches > 2, "{}", cost.idle.switches);
        assert!(cost.memory.rss_bytes > 0);
    }
}
