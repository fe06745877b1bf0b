//! A program over a log: what it found, its processor time, its memory.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::super::process;
use super::Program;
use super::logs::Log;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Processor time, the kernel's part included.
    pub cpu: Duration,
    /// By the clock on the wall.
    pub wall: Duration,
    /// The most resident memory that was seen.
    pub peak_rss_bytes: u64,
}

/// What came through a pipe.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Bytes that went in.
    pub bytes: u64,
    /// Kills that came out.
    pub kills: u64,
    /// The most resident memory until a tenth had gone through.
    pub early_rss_bytes: u64,
    /// What the run took.
    pub spent: Spent,
}

/// Runs a program over a file: the kills that it found, and what that took.
///
/// # Errors
/// It cannot be started, fails, or prints no number.
pub fn file(program: &Program, file: &Path) -> Result<(u64, Spent)> {
    let mut running = Running::start(program, |command| {
        command.arg(file).stdin(Stdio::null());
    })?;
    let spent = running.end()?;
    Ok((running.found()?, spent))
}

/// Runs a program on a log that comes through a pipe and is as long as `bytes` or a little longer.
///
/// # Errors
/// Like [`file`]; or it does not find all kills.
pub fn stream(program: &Program, log: Log, bytes: u64) -> Result<Stream> {
    let (block, kills) = log.block();
    let size = u64::try_from(block.len()).context("a block too large")?;
    let blocks = bytes.div_ceil(size);
    let mut running = Running::start(program, |command| {
        command.arg("-").stdin(Stdio::piped());
    })?;
    let mut input = running.child.stdin.take().context("no standard input")?;
    let mut early_rss_bytes = 0;
    for number in 0..blocks {
        input
            .write_all(block.as_bytes())
            .context("writing into the pipe")?;
        if number == blocks / 10 {
            early_rss_bytes = process::memory(running.child.id())?.peak_rss_bytes;
        }
    }
    // While the pipe is open the program is there.
    running.peak_rss_bytes = process::memory(running.child.id())?.peak_rss_bytes;
    drop(input);
    let spent = running.end()?;
    let found = running.found()?;
    anyhow::ensure!(
        found == kills * blocks,
        "{}: {found} kills instead of {} came out of the pipe",
        program.name,
        kills * blocks
    );
    Ok(Stream {
        bytes: size * blocks,
        kills: found,
        early_rss_bytes,
        spent,
    })
}

/// A program at work, and whoever counts what it prints.
struct Running {
    child: Child,
    counter: Child,
    is_lines: bool,
    start: Instant,
    peak_rss_bytes: u64,
}

impl Running {
    fn start(program: &Program, adjust: impl FnOnce(&mut Command)) -> Result<Self> {
        let (name, arguments) = program
            .command
            .split_first()
            .context("an empty command line")?;
        let mut command = Command::new(name);
        command.args(arguments);
        adjust(&mut command);
        let start = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        // Output is read by somebody else, as it would be; with none, grep stops at the first line.
        let output = child.stdout.take().context("no standard output")?;
        let mut counter = if program.is_lines {
            let mut wc = Command::new("wc");
            wc.arg("-l");
            wc
        } else {
            Command::new("cat")
        };
        let counter = counter
            .stdin(Stdio::from(output))
            .stdout(Stdio::piped())
            .spawn()
            .context("starting wc")?;
        Ok(Self {
            child,
            counter,
            is_lines: program.is_lines,
            start,
            peak_rss_bytes: 0,
        })
    }

    /// Waits for its end, and looks at its memory meanwhile.
    fn end(&mut self) -> Result<Spent> {
        let raw = i32::try_from(self.child.id()).context("no process id")?;
        let pid = Pid::from_raw(raw).context("no process id")?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(pid), options)
            .context("waiting")?
            .is_none()
        {
            // At its end it has no memory any more.
            if let Ok(memory) = process::memory(self.child.id()) {
                self.peak_rss_bytes = self.peak_rss_bytes.max(memory.peak_rss_bytes);
            }
            thread::sleep(LOOK_EVERY);
        }
        let wall = self.start.elapsed();
        // Nobody has asked for its status yet, so the kernel still has its times.
        let path = format!("/proc/{raw}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let cpu = processor_time(&stat).with_context(|| format!("no times in {path}"))?;
        let status = self.child.wait().context("waiting")?;
        // grep says by this that there is nothing.
        anyhow::ensure!(
            status.success() || (status.code() == Some(1) && !self.is_lines),
            "it ended with {status}"
        );
        Ok(Spent {
            cpu,
            wall,
            peak_rss_bytes: self.peak_rss_bytes,
        })
    }

    /// The number that came out.
    fn found(&mut self) -> Result<u64> {
        let mut text = String::new();
        if let Some(stdout) = &mut self.counter.stdout {
            stdout.read_to_string(&mut text).context("reading")?;
        }
        self.counter.wait().context("waiting")?;
        text.trim()
            .parse()
            .with_context(|| format!("no number: {text}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in [&mut self.child, &mut self.counter] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// User and system time of `/proc/PID/stat`, in which the name may hold anything.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    let nanoseconds = (user + system).checked_mul(1_000_000_000)?;
    Some(Duration::from_nanos(nanoseconds.checked_div(ticks)?))
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    fn shell(script: &str, is_lines: bool) -> Program {
        Program {
            name: "shell",
            command: words(&["sh", "-c", script]),
            is_lines,
        }
    }

    #[test]
    fn time_and_memory_of_a_program_are_seen() {
        let busy = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo 7";
        let (found, spent) = file(&shell(busy, false), Path::new("/dev/null")).unwrap();
        assert_eq!(found, 7);
        assert!(spent.cpu >= Duration::from_millis(20), "{spent:?}");
        assert!(spent.peak_rss_bytes > 0);
        let (found, spent) =
            file(&shell("sleep 0.3; echo a; echo b", true), Path::new("x")).unwrap();
        assert_eq!(found, 2);
        assert!(spent.cpu < spent.wall / 2, "{spent:?}");
    }

    #[test]
    fn who_fails_or_finds_too_little_is_an_error() {
        assert!(file(&shell("echo 7; exit 2", false), Path::new("x")).is_err());
        let forgetful = shell("cat >/dev/null; echo one", true);
        assert!(stream(&forgetful, Log::Sparse, 1).is_err());
    }

    #[test]
    fn names_with_brackets_hide_no_times() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!("7 (a) b) Z 1 1 1 0 -1 0 0 0 0 0 {ticks} {ticks} 0 0 20");
        assert_eq!(processor_time(&stat), Some(Duration::from_secs(2)));
    }
}
