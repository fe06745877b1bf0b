//! Runs the scenes, one after the other, and reports on each.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::frames::{Frame, Said};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::boot::{self, Asked, NoController};
use crate::line::{self, Line};

const LEDGER: &str = "/ledger";
const SAID: &str = "/said";
const TRACER: &str = "/bin/oomtrace";
/// Longest text of a scene's complaints that is sent on.
const SAID_MAX: usize = 24 << 10;

/// Does not return: the machine is off afterwards.
pub(crate) fn all() {
    if let Err(error) = settled() {
        line::complain(&format!("oomtrace-guest-init: {error:#}"));
    }
    rustix::fs::sync();
    // Where even this fails, the kernel panics over the end of its first process, which is seen.
    let _ = rustix::system::reboot(rustix::system::RebootCommand::PowerOff);
}

fn settled() -> Result<()> {
    let asked = boot::settle();
    let mut line = Line::open()?;
    let outcome = asked.and_then(|asked| {
        line.send(&Frame::Boot {
            release: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
        })?;
        line.send(&Frame::Check(said(&["check"])?))?;
        line.send(&Frame::Facts(said(&["check", "--facts"])?))?;
        scenes(&asked, &mut line)
    });
    if let Err(error) = &outcome {
        let why = format!("{error:#}");
        line.send(&match error.downcast_ref::<NoController>() {
            Some(_) => Frame::Unavailable { why },
            None => Frame::Failure { why },
        })?;
    }
    line.send(&Frame::Done)?;
    line.drain();
    outcome
}

/// What the tool says of this machine.
fn said(arguments: &[&str]) -> Result<Said> {
    let output = Command::new(TRACER)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run oomtrace {arguments:?}"))?;
    Ok(Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn scenes(asked: &Asked, line: &mut Line) -> Result<()> {
    for name in &asked.scenes {
        line.send(&Frame::Begin {
            scene: name.clone(),
        })?;
        let begun = Instant::now();
        let verdict = scene(name, Duration::from_secs(asked.seconds));
        for frame in fs::read_to_string(LEDGER).unwrap_or_default().lines() {
            let frame: Frame = serde_json::from_str(frame).context("the ledger")?;
            line.send(&frame)?;
        }
        let said = fs::read(SAID).unwrap_or_default();
        let tail = said.get(said.len().saturating_sub(SAID_MAX)..);
        line.send(&Frame::End {
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            said: String::from_utf8_lossy(tail.unwrap_or_default()).into_owned(),
            failure: verdict.err().map(|error| format!("{error:#}")),
        })?;
    }
    Ok(())
}

/// Runs one in a process of its own: it may be killed by what it does.
fn scene(name: &str, limit: Duration) -> Result<()> {
    let _ = fs::remove_file(LEDGER);
    // Pages of files that an earlier scene left would be read and dropped again and again when
    // memory runs out; each scene begins with what it needs.
    fs::write("/proc/sys/vm/drop_caches", "3").context("drop_caches")?;
    let said = File::create(SAID).context(SAID)?;
    let child = Command::new("/proc/self/exe")
        .arg(name)
        .env("OOMTRACE_BIN", TRACER)
        .env("OOMTRACE_WORKLOAD", boot::workload(name))
        .env("OOMTRACE_LEDGER", LEDGER)
        .env("RUST_BACKTRACE", "0")
        .current_dir(boot::DISK)
        .stdin(Stdio::null())
        .stdout(said.try_clone().context(SAID)?)
        .stderr(said)
        .process_group(0)
        .spawn()
        .context("cannot start the scene")?;
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("no process id")?;
    let ended = await_end(pid, limit);
    // What it left behind would be in the way of the next one.
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    let status = ended?.with_context(|| format!("it does not end within {limit:?}"))?;
    ensure!(status.exit_status() == Some(0), "it ended with {status:?}");
    Ok(())
}

/// Waits for one child and buries every other process that has lost its parent.
fn await_end(pid: Pid, limit: Duration) -> Result<Option<WaitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) if ended == pid => return Ok(Some(status)),
            Ok(Some(_)) => {}
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error).context("cannot wait for the scene"),
        }
    }
    Ok(None)
}
