//! Delivery: readers that stop reading or go away, full disks, and being stopped all the same.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, command, tracer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::disk::Disk;

/// Two seconds for the reader, and what a busy machine adds.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// More than a pipe holds, one event having some 5 KiB.
const MORE_THAN_A_PIPE: usize = 30;

fn kill_many(cgroup: &Cgroup, count: usize) -> Result<()> {
    for _ in 0..count {
        Workload::within(cgroup)?
            .start(&["anon", "64"])?
            .end_killed()?;
    }
    Ok(())
}

/// An `oomtrace` whose standard output belongs to the test; dropping it kills it.
struct Running {
    child: Child,
    complaints: BufReader<ChildStderr>,
}

impl Running {
    fn spawn(way: &[&str], arguments: &[&str], stdin: Stdio, stdout: Stdio) -> Result<Self> {
        let program = tracer::program()?;
        let mut words: Vec<&Path> = way.iter().map(Path::new).collect();
        words.push(&program);
        words.extend(arguments.iter().map(Path::new));
        let (first, rest) = words.split_first().context("no program")?;
        let mut child = Command::new(first)
            .args(rest)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start oomtrace")?;
        let complaints = BufReader::new(child.stderr.take().context("no standard error")?);
        Ok(Self { child, complaints })
    }

    /// Starts a tracer and waits until it is attached.
    fn trace(arguments: &[&str], stdout: Stdio) -> Result<Self> {
        let arguments = [&["-o", "json"], arguments].concat();
        let mut running = Self::spawn(&[], &arguments, Stdio::null(), stdout)?;
        running.read_until_attached()?;
        Ok(running)
    }

    /// Returns what it said before that.
    fn read_until_attached(&mut self) -> Result<String> {
        let (mut said, mut line) = (String::new(), String::new());
        while !line.starts_with("oomtrace: tracing") {
            said.push_str(&line);
            line.clear();
            ensure!(
                self.complaints.read_line(&mut line)? > 0,
                "it does not attach: {said}"
            );
        }
        Ok(said)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        signal_to(self.child.id(), signal)
    }

    /// Waits for its end; returns what it said on standard error meanwhile.
    fn ended(mut self) -> Result<(ExitStatus, String)> {
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let mut rest = String::new();
                self.complaints.read_to_string(&mut rest)?;
                return Ok((status, rest));
            }
            ensure!(Instant::now() < deadline, "oomtrace does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal_to(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.context("no process id")?, signal).context("oomtrace has gone")
}

/// Nobody reads, and the pipe is full: it ends within seconds and says what was not delivered.
#[test]
fn a_blocked_reader_cannot_keep_it() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(24)?;
    let ways = [(Some(Signal::TERM), &[][..]), (Some(Signal::INT), &[])];
    for (signal, arguments) in ways.into_iter().chain([(None, &["--duration", "8s"][..])]) {
        let tracer = Running::trace(arguments, Stdio::piped())?;
        kill_many(&cgroup, MORE_THAN_A_PIPE)?;
        if let Some(signal) = signal {
            tracer.signal(signal)?;
        }
        let (status, said) = tracer.ended()?;
        ensure!(
            status.code() == Some(1)
                && said.contains("not delivered: standard output is not being"),
            "{signal:?}: {status}, {said}"
        );
    }
    Ok(())
}

/// A reader that pauses gets every kill once it goes on.
#[test]
fn a_reader_that_pauses_loses_nothing() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(24)?;
    let mut tracer = Running::trace(&[], Stdio::piped())?;
    kill_many(&cgroup, MORE_THAN_A_PIPE)?;
    let mut out = tracer.child.stdout.take().context("no standard output")?;
    tracer.signal(Signal::TERM)?;
    let mut text = String::new();
    out.read_to_string(&mut text)?;
    let (status, said) = tracer.ended()?;
    ensure!(status.success(), "{status}: {said}");
    let kills = kills_in(&text, &cgroup)?;
    ensure!(kills == MORE_THAN_A_PIPE, "{kills} kills");
    Ok(())
}

fn text_at<'a>(event: &'a Value, path: &str) -> Option<&'a str> {
    event.pointer(path).and_then(Value::as_str)
}

fn kills_in(text: &str, cgroup: &Cgroup) -> Result<usize> {
    let path = std::str::from_utf8(cgroup.path())?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| {
            text_at(event, "/event") == Some("oom_kill")
                && text_at(event, "/victim/cgroup_path") == Some(path)
        })
        .count())
}

/// The reader has gone: it is noticed without a kill, said, and not taken for success.
#[test]
fn a_dead_reader_is_noticed_at_once() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    for arguments in [&[][..], &["--source", "klog"]] {
        let mut tracer = Running::trace(arguments, Stdio::piped())?;
        drop(tracer.child.stdout.take());
        let (status, said) = tracer.ended()?;
        ensure!(
            status.code() == Some(1) && said.contains("reader of standard output has gone"),
            "{status}: {said}"
        );
    }
    Ok(())
}

/// `oomtrace | head` on a terminal is a wish, not an error.
#[test]
fn a_closed_pipe_on_a_terminal_is_quiet() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let program = tracer::program()?;
    let pipeline = format!(
        "{} | true; echo \"ended ${{PIPESTATUS[0]}}\"",
        program.display()
    );
    let ended = command::run(
        Command::new("script")
            .args(["-qec", &format!("bash -c '{pipeline}'"), "/dev/null"])
            .stdin(Stdio::null()),
    )?;
    ensure!(
        ended.out.contains("ended 0") && !ended.out.contains("reader"),
        "{}",
        ended.out
    );
    Ok(())
}

/// The disk was full: what the file lacks is said in it, first, on a line of its own.
#[test]
fn a_full_disk_leaves_a_gap() -> Result<()> {
    const FULL: usize = 8;
    let stage = Stage::without_tracer()?;
    let cgroup = stage.cgroup(24)?;
    let disk = Disk::new(64)?;
    fs::write(disk.path("filler"), vec![b'x'; 48 * 1024])?;
    let out = File::create(disk.path("out"))?;
    let tracer = Running::trace(&[], out.into())?;
    kill_many(&cgroup, FULL)?;
    let full = wait_until(|| Ok(fs::metadata(disk.path("out"))?.len() >= 16 * 1024))?;
    ensure!(full, "the disk is not full");
    fs::remove_file(disk.path("filler"))?;
    kill_many(&cgroup, 1)?;
    tracer.signal(Signal::TERM)?;
    let (status, said) = tracer.ended()?;
    ensure!(
        status.code() == Some(1) && said.contains("not written to standard output"),
        "{status}: {said}"
    );
    let text = fs::read_to_string(disk.path("out"))?;
    let lines: Vec<&str> = text.lines().collect();
    let is_torn = |line: &&&str| serde_json::from_str::<Value>(line).is_err();
    let torn = lines.iter().filter(is_torn).count();
    ensure!(torn == 1, "{torn} torn lines in {text}");
    let mut rest = lines.iter().skip_while(|line| !is_torn(line)).skip(1);
    let gap: Value = serde_json::from_str(rest.next().context("nothing follows")?)?;
    ensure!(
        text_at(&gap, "/event") == Some("gap") && text_at(&gap, "/reason") == Some("output_failed"),
        "{gap}"
    );
    ensure!(text_at(&gap, "/event_id").is_some(), "{gap}");
    let count = |path| gap.pointer(path).and_then(Value::as_u64);
    let missed = count("/kills_missed_min").context("no count")?;
    ensure!(count("/kills_missed_max") == Some(missed), "{gap}");
    let kills = kills_in(&text, &cgroup)? + usize::try_from(missed)?;
    ensure!(kills == FULL + 1, "{kills} kills with those of the gap");
    Ok(())
}

fn wait_until(mut is_so: impl FnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + ENDS_WITHIN;
    while Instant::now() < deadline {
        if is_so()? {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// Whether the process catches this signal.
fn catches(pid: u32, signal: Signal) -> Result<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:\t"))
        .context("no SigCgt")?;
    let caught = u64::from_str_radix(caught, 16)?;
    Ok(caught >> (signal.as_raw() - 1) & 1 == 1)
}

/// Whether the process has any BPF object open.
fn has_bpf(pid: u32) -> Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = fs::read_link(entry?.path()).unwrap_or_default();
        if target.to_string_lossy().contains("bpf") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Signals are caught before anything is loaded, also where they were ignored before.
#[test]
fn signals_are_caught_before_attaching() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let ignoring = ["sh", "-c", "trap '' INT TERM; exec \"$@\"", "sh"];
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 0)] {
        let arguments = ["-o", "json"];
        let tracer = Running::spawn(&ignoring, &arguments, Stdio::null(), Stdio::null())?;
        let pid = tracer.child.id();
        ensure!(wait_until(|| catches(pid, signal))?, "it catches nothing");
        ensure!(!has_bpf(pid)?, "it has loaded something before");
        tracer.signal(signal)?;
        let (status, said) = tracer.ended()?;
        ensure!(status.code() == Some(code), "{status}: {said}");
    }
    Ok(())
}

/// As the first process of a PID namespace nothing ends it that it does not handle.
#[test]
fn the_first_process_can_be_stopped() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let way = ["unshare", "--pid", "--fork", "--kill-child"];
    let waiting = Running::spawn(&way, &["decode"], Stdio::piped(), Stdio::null())?;
    let children = format!("/proc/{0}/task/{0}/children", waiting.child.id());
    let mut first = None;
    let is_waiting = wait_until(|| {
        first = fs::read_to_string(&children)?.trim().parse::<u32>().ok();
        let Some(pid) = first else {
            return Ok(false);
        };
        let name = fs::read_to_string(format!("/proc/{pid}/comm"))?;
        Ok(name.trim() == "oomtrace" && fs::read_to_string(format!("/proc/{pid}/wchan"))? != "0")
    })?;
    ensure!(is_waiting, "it does not wait for its input");
    // It has started, but perhaps only just.
    thread::sleep(Duration::from_millis(300));
    signal_to(first.context("no child")?, Signal::TERM)?;
    let (status, said) = waiting.ended()?;
    ensure!(status.code() == Some(143), "{status}: {said}");
    Ok(())
}

/// Whether the tests, and so a tracer that they start, may lower an `oom_score_adj`.
fn may_lower_oom_score_adj() -> Result<bool> {
    const CAP_SYS_RESOURCE: u32 = 24;
    let status = fs::read_to_string("/proc/self/status")?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:\t"))
        .context("no CapEff")?;
    Ok(u64::from_str_radix(effective, 16)? >> CAP_SYS_RESOURCE & 1 == 1)
}

/// It is no candidate itself; where it may not see to that, it says so.
#[test]
fn the_tracer_is_no_candidate_or_says_so() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let without = [
        "setpriv",
        "--bounding-set=-sys_resource",
        "--inh-caps=-sys_resource",
    ];
    let may = may_lower_oom_score_adj()?;
    for (way, may) in [(&[][..], may), (&without, false)] {
        let arguments = ["--source", "klog"];
        let mut tracer = Running::spawn(way, &arguments, Stdio::null(), Stdio::null())?;
        let said = tracer.read_until_attached()?;
        let adj = fs::read_to_string(format!("/proc/{}/oom_score_adj", tracer.child.id()))?;
        ensure!(
            (adj.trim() == "-1000") == may,
            "{adj} where it may lower it: {may}"
        );
        ensure!(
            said.contains("a system-wide OOM may kill oomtrace") != may,
            "{said}"
        );
    }
    Ok(())
}
