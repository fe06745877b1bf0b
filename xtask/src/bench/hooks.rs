//! What the hooks cost everybody else: per signal, per task exit, per process exit, per kill.
//!
//! Each workload runs with and without a tracer in turn, so that a change of the machine's mood
//! meets both. Where the kernel can count the time spent in each BPF program, that is stated too:
//! it is the exact figure, while the difference of two wall clocks holds all of their noise.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result};
use oomtrace_tests::cgroup::Cgroup;
use rustix::process::{Signal, getpid, kill_process};

use super::cost::spread;
use super::tracer::{Recipe, Tracer};
use super::{choices, process};

/// Rounds with and without a tracer; the median counts.
pub const ROUNDS: usize = 5;

/// Limit of the cgroup in which processes are killed.
const LIMIT_MIB: u64 = 16;

/// Kernel switch for counting runs and run time of BPF programs.
const BPF_STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Something that is done again and again.
pub struct Workload {
    /// What it is.
    pub name: &'static str,
    /// Nothing is killed in it.
    pub is_idle: bool,
    times: u32,
    once: fn(&Cgroup) -> Result<()>,
}

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "an ignored signal to oneself",
        is_idle: true,
        times: 500_000,
        once: signal,
    },
    Workload {
        name: "a thread, started and ended",
        is_idle: true,
        times: 10_000,
        once: thread_exit,
    },
    Workload {
        name: "a process, started and ended",
        is_idle: true,
        times: 500,
        once: process_exit,
    },
    Workload {
        name: "a process, killed at its limit",
        is_idle: false,
        times: 20,
        once: kill,
    },
];

fn signal(_: &Cgroup) -> Result<()> {
    // Ignored by default, yet it goes the whole way through the kernel's signal code.
    kill_process(getpid(), Signal::URG).context("sending a signal to oneself")
}

fn thread_exit(_: &Cgroup) -> Result<()> {
    thread::spawn(|| {})
        .join()
        .map_err(|_| anyhow::anyhow!("a thread panicked"))
}

fn process_exit(_: &Cgroup) -> Result<()> {
    let status = Command::new("true")
        .stdin(Stdio::null())
        .status()
        .context("starting true")?;
    anyhow::ensure!(status.success(), "true ended with {status}");
    Ok(())
}

fn kill(cgroup: &Cgroup) -> Result<()> {
    // The shell joins the cgroup and becomes a program that grows until it meets the limit.
    let status = Command::new("sh")
        .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec tail /dev/zero"])
        .arg(cgroup.directory())
        .stdin(Stdio::null())
        .status()
        .context("starting a process to be killed")?;
    anyhow::ensure!(
        status.signal() == Some(9),
        "it was not killed but ended with {status}"
    );
    Ok(())
}

/// Nanoseconds per operation of one round.
///
/// # Errors
/// The workload cannot run.
pub fn round(workload: &Workload, cgroup: &Cgroup) -> Result<u64> {
    let start = Instant::now();
    for _ in 0..workload.times {
        (workload.once)(cgroup).with_context(|| workload.name)?;
    }
    let each = start.elapsed().as_nanos() / u128::from(workload.times.max(1));
    u64::try_from(each).context("a round took centuries")
}

/// All workloads with and without the tracer, and each program's own run time.
///
/// # Errors
/// The tracer does not start, or a workload cannot run.
pub fn measure(tracer: &Recipe) -> Result<String> {
    let cgroup = Cgroup::top()?;
    cgroup.limit_mib(LIMIT_MIB)?;
    let mut text =
        String::from("| | without | with oomtrace | difference of medians |\n|---|---|---|---|\n");
    for workload in WORKLOADS {
        println!(
            "-- {}: {ROUNDS} rounds of {} each",
            workload.name, workload.times
        );
        let (mut off, mut on) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            off.push(round(workload, &cgroup)?);
            let running = Tracer::start(tracer)?;
            thread::sleep(Duration::from_millis(500));
            on.push(round(workload, &cgroup)?);
            drop(running);
        }
        let off = spread(off).context("no rounds")?;
        let on = spread(on).context("no rounds")?;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            workload.name,
            range(off),
            range(on),
            difference(off, on)
        );
    }
    let _ = writeln!(
        text,
        "\nHooks that were not chosen, for comparison:\n\n{}",
        choices::measure(&cgroup)?
    );
    match in_kernel(tracer, &cgroup) {
        Ok(programs) => {
            let _ = writeln!(text, "\n{programs}");
        }
        Err(error) => {
            let _ = writeln!(
                text,
                "\nTime in each BPF program: cannot be measured here: {error:#}"
            );
        }
    }
    Ok(text)
}

/// Median and range.
pub fn range([least, median, most]: [u64; 3]) -> String {
    format!("{} ({}–{})", shown(median), shown(least), shown(most))
}

/// A time in the unit that leaves it readable.
fn shown(ns: u64) -> String {
    let seconds = Duration::from_nanos(ns).as_secs_f64();
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} µs", seconds * 1e6),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}

fn difference([_, off, _]: [u64; 3], [_, on, _]: [u64; 3]) -> String {
    if on >= off {
        format!("+{}", shown(on - off))
    } else {
        format!("−{}", shown(off - on))
    }
}

/// Turns the kernel's counting on, and back to what it was when dropped.
struct Counting {
    before: String,
}

impl Counting {
    fn new() -> Result<Self> {
        let before =
            fs::read_to_string(BPF_STATS).with_context(|| format!("reading {BPF_STATS}"))?;
        fs::write(BPF_STATS, "1").with_context(|| format!("writing {BPF_STATS}"))?;
        Ok(Self { before })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if fs::write(BPF_STATS, self.before.trim()).is_err() {
            eprintln!(
                "xtask: {BPF_STATS} could not be set back to {}",
                self.before.trim()
            );
        }
    }
}

/// Runs and time of each of the tracer's programs, as the kernel counts them, over one round of
/// each workload.
fn in_kernel(recipe: &Recipe, cgroup: &Cgroup) -> Result<String> {
    let _counting = Counting::new()?;
    let tracer = Tracer::start(recipe)?;
    for workload in WORKLOADS {
        round(workload, cgroup)?;
    }
    let programs = process::bpf_objects(tracer.pid())?.programs;
    anyhow::ensure!(
        programs.values().any(|program| program.run_count > 0),
        "none of its {} programs is counted as having run",
        programs.len()
    );
    let mut text = String::from(
        "| BPF program (id, the kernel's type number) | runs | ns per run |\n|---|---|---|\n",
    );
    for (id, program) in programs {
        let each = program.run_time_ns.checked_div(program.run_count);
        let each = each.map_or_else(|| "never ran".to_owned(), |ns| ns.to_string());
        let _ = writeln!(
            text,
            "| {id}, {} | {} | {each} |",
            program.kind, program.run_count
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_keep_their_sign() {
        assert_eq!(difference([0, 100, 0], [0, 130, 0]), "+30 ns");
        assert_eq!(difference([0, 130, 0], [0, 100, 0]), "−30 ns");
        assert_eq!(difference([0, 0, 0], [0, 53_027, 0]), "+53.0 µs");
        assert_eq!(difference([0, 0, 0], [0, 19_220_744, 0]), "+19.22 ms");
    }
}
