//! The daemon: whatever is killed, full, blocked or dead meanwhile, every kill is delivered or counted,
//! and none twice once repeated lines are told by their id.

mod ledger;
mod privileges;
mod receivers;

use std::fs;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup;
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, tracer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use self::ledger::Ledger;
use crate::disk::Disk;

const WITHIN: Duration = Duration::from_secs(60);

/// A running `oomtrace daemon`; dropping it kills it.
struct Daemon {
    child: Child,
    said: PathBuf,
}

impl Daemon {
    /// Starts it with this configuration and waits until it is attached.
    fn start(folder: &Path, config: &str, stdout: Stdio) -> Result<Self> {
        let file = folder.join("oomtrace.toml");
        fs::write(&file, config)?;
        let said = folder.join("said");
        let child = Command::new(tracer::program()?)
            .arg("daemon")
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(File::create(&said)?)
            .spawn()
            .context("cannot start the daemon")?;
        let daemon = Self { child, said };
        let is_attached = || Ok(daemon.said()?.contains("tracing OOM kills"));
        ensure!(wait_until(is_attached)?, "not attached: {}", daemon.said()?);
        Ok(daemon)
    }

    fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.said)?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, signal).context("the daemon has gone")
    }

    /// Ends it as a service manager would.
    fn stop(mut self) -> Result<String> {
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "the daemon does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let said = self.said()?;
        ensure!(status.success(), "{status}: {said}");
        Ok(said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only where it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(mut is_so: impl FnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + WITHIN;
    while Instant::now() < deadline {
        if is_so()? {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(false)
}

fn kill_many(cgroup: &Cgroup, count: usize) -> Result<Vec<u32>> {
    let one = |_| {
        let mut victim = Workload::within(cgroup)?.start(&["anon", "32"])?;
        victim.end_killed()?;
        Ok(victim.pid())
    };
    (0..count).map(one).collect()
}

fn file_sink(folder: &Path, more: &str) -> String {
    let folder = folder.display();
    format!(
        "[store]\npath = \"{folder}/store\"\n[[sink]]\ntype = \"file\"\npath = \"{folder}/out\"\nmax_line_bytes = 7680\n{more}"
    )
}

fn written(folder: &Path) -> Result<String> {
    Ok(fs::read_to_string(folder.join("out")).unwrap_or_default())
}

/// Killed in the middle of a storm and started again, twice: nothing is lost, and what is repeated has
/// the same id.
#[test]
fn killed_in_a_storm_it_loses_nothing() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let config = file_sink(folder.path(), "");
    let top = stage.cgroup(256)?;
    let cgroups = top.children(4, 8)?;
    let mut daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let storm = thread::scope(|scope| {
        let storm = scope.spawn(|| cgroup::in_each(&cgroups, |cgroup| kill_many(cgroup, 40)));
        for lines in [20, 60] {
            ensure!(
                wait_until(|| Ok(written(folder.path())?.lines().count() > lines))?,
                "nothing is delivered: {}",
                daemon.said()?
            );
            daemon.signal(Signal::KILL)?;
            daemon.child.wait()?;
            daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
        }
        storm
            .join()
            .map_err(|_| anyhow::anyhow!("the storm panicked"))?
    })?;
    let counted = cgroups.iter().map(Cgroup::kills).sum::<Result<u64>>()?;
    ensure!(counted == u64::try_from(storm.len())?, "{counted} counted");
    let is_all = || {
        let text = written(folder.path())?;
        let delivered = Ledger::read(&text, top.path());
        Ok(delivered.is_ok_and(|ledger| ledger.holds(&storm).is_ok()))
    };
    wait_until(is_all)?;
    let said = daemon.stop()?;
    let ledger = Ledger::read(&written(folder.path())?, top.path())?;
    ledger.holds(&storm).context(said)?;
    // What happened while it was down is in the kernel log, which drops reports in a storm but no kills.
    ensure!(
        ledger.gaps.keys().all(|reason| reason == "before_start"),
        "{:?}",
        ledger.gaps
    );
    Ok(())
}

/// A second start adds nothing that is there, and what was before the first is no warning.
#[test]
fn a_restart_repeats_nothing() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let config = file_sink(folder.path(), "");
    let cgroup = stage.cgroup(24)?;
    let before = kill_many(&cgroup, 2)?;
    let daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let live = kill_many(&cgroup, 3)?;
    daemon.stop()?;
    let down = kill_many(&cgroup, 2)?;
    let first = written(folder.path())?;
    for line in first.lines() {
        let event: Value = serde_json::from_str(line)?;
        if event["event"] == "gap" {
            ensure!(
                event["reason"] == "before_start" && event["level"] == "info",
                "{event}"
            );
        }
    }
    for tids in [&down[..], &[]] {
        let before = written(folder.path())?.lines().count();
        Daemon::start(folder.path(), &config, Stdio::null())?.stop()?;
        let text = written(folder.path())?;
        let added = Ledger::read(
            &text.lines().skip(before).collect::<Vec<_>>().join("\n"),
            cgroup.path(),
        )?;
        added.holds(tids)?;
        ensure!(added.gaps.is_empty(), "{:?}", added.gaps);
    }
    let all = Ledger::read(&written(folder.path())?, cgroup.path())?;
    all.holds(&[before, live, down].concat())
}

/// Nobody reads standard output: the file gets everything meanwhile, and the reader once it reads.
#[test]
fn a_blocked_pipe_delays_nobody_else() -> Result<()> {
    const KILLS: usize = 60;
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let config = file_sink(
        folder.path(),
        "[[sink]]\ntype = \"stdout\"\n[capture]\nbackfill = false\n",
    );
    let cgroup = stage.cgroup(24)?;
    let mut daemon = Daemon::start(folder.path(), &config, Stdio::piped())?;
    let tids = kill_many(&cgroup, KILLS)?;
    let is_in_file = || {
        let text = written(folder.path())?;
        Ok(Ledger::read(&text, cgroup.path()).is_ok_and(|ledger| ledger.kills.len() == KILLS))
    };
    ensure!(wait_until(is_in_file)?, "{}", daemon.said()?);
    let out = daemon.child.stdout.take().context("no standard output")?;
    let mut lines = Vec::new();
    for line in BufReader::new(out).lines() {
        let line = line?;
        let is_last =
            line.contains("oom_kill") && line.contains(&format!("\"tid\":{}", tids[KILLS - 1]));
        lines.push(line);
        if is_last {
            break;
        }
    }
    Ledger::read(&lines.join("\n"), cgroup.path())?.holds(&tids)?;
    daemon.stop()?;
    Ok(())
}

/// The store's disk is full of something else, and then not: every kill is delivered or counted.
#[test]
fn a_full_disk_holds_up_and_loses_nothing() -> Result<()> {
    const KILLS: usize = 80;
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let disk = Disk::new(1024)?;
    let store = disk.path("store");
    let config = file_sink(folder.path(), "[capture]\nbackfill = false\n").replacen(
        &format!("{}/store", folder.path().display()),
        &store.display().to_string(),
        1,
    );
    let cgroup = stage.cgroup(24)?;
    let daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let filler = disk.path("filler");
    // Leaves 100 KiB: some 20 events.
    fs::write(&filler, vec![b'x'; 900 * 1024])?;
    let tids = kill_many(&cgroup, KILLS)?;
    ensure!(
        wait_until(|| Ok(daemon.said()?.contains("events wait in memory")))?,
        "it does not notice: {}",
        daemon.said()?
    );
    fs::remove_file(&filler)?;
    let is_all = || {
        let text = written(folder.path())?;
        Ok(Ledger::read(&text, cgroup.path()).is_ok_and(|ledger| ledger.kills.len() == KILLS))
    };
    ensure!(wait_until(is_all)?, "{}", daemon.said()?);
    let said = daemon.stop()?;
    ensure!(said.contains("the store can be written again"), "{said}");
    let ledger = Ledger::read(&written(folder.path())?, cgroup.path())?;
    ledger.holds(&tids)?;
    ensure!(cgroup.kills()? == u64::try_from(KILLS)?);
    Ok(())
}

/// SIGHUP opens files again and takes a changed configuration; a wrong one changes nothing.
#[test]
fn a_hangup_opens_files_and_reads_the_configuration() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let config = file_sink(folder.path(), "[capture]\nbackfill = false\n");
    let cgroup = stage.cgroup(24)?;
    let daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let has = |name: &str, tids: &[u32]| {
        wait_until(|| {
            let text = fs::read_to_string(folder.path().join(name)).unwrap_or_default();
            Ok(Ledger::read(&text, cgroup.path())?.holds(tids).is_ok())
        })
    };
    let first = kill_many(&cgroup, 1)?;
    ensure!(has("out", &first)?);
    fs::rename(folder.path().join("out"), folder.path().join("out.old"))?;
    fs::write(
        folder.path().join("oomtrace.toml"),
        "[[sink]]\ntype = \"fil\"",
    )?;
    daemon.signal(Signal::HUP)?;
    ensure!(wait_until(|| Ok(daemon
        .said()?
        .contains("stays as it was")))?);
    let second = kill_many(&cgroup, 1)?;
    ensure!(has("out", &second)?);
    let folder_name = folder.path().display();
    let more = format!(
        "{config}[[sink]]\ntype = \"file\"\nname = \"new\"\npath = \"{folder_name}/new\"\n"
    );
    fs::write(folder.path().join("oomtrace.toml"), more)?;
    daemon.signal(Signal::HUP)?;
    ensure!(wait_until(|| Ok(daemon
        .said()?
        .contains("read again: 2 sinks")))?);
    let third = kill_many(&cgroup, 1)?;
    ensure!(has("new", &third)?);
    ensure!(has("out", &[second, third].concat())?);
    daemon.stop()?;
    Ok(())
}

/// Two daemons cannot share a store.
#[test]
fn a_store_has_one_daemon() -> Result<()> {
    let _stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let config = file_sink(folder.path(), "[capture]\nbackfill = false\n");
    let daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let mut second = Command::new(tracer::program()?)
        .arg("daemon")
        .arg("--config")
        .arg(folder.path().join("oomtrace.toml"))
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let mut errors = second.stderr.take().context("no standard error")?;
    errors.read_to_string(&mut said)?;
    ensure!(second.wait()?.code() == Some(1), "{said}");
    ensure!(said.contains("in use by another oomtrace"), "{said}");
    daemon.stop()?;
    Ok(())
}
