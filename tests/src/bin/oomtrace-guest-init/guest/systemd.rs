//! Units of the systemd that is the guest's first process, each held against what systemd itself says
//! of it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::{Stage, engine, host, process};
use rustix::fs::{CWD, FileType, Mode, OFlags};

const UNITS: &str = "/run/systemd/system";
/// A service waits for somebody to write to it before it becomes the workload, so that systemd can be
/// asked about it while it runs.
const GATE: &str = "/run/oomtrace-gate";
const LIMIT: &str = "24M";
const PATIENCE: Duration = Duration::from_secs(60);

/// How a unit comes to be.
#[derive(Clone, Copy)]
enum Made {
    /// By its file.
    File,
    /// By `systemd-run`; gone as soon as it has ended.
    Collected,
    /// By `systemd-run`, around a process that was there before.
    Scope,
}

struct Case {
    unit: &'static str,
    made: Made,
    /// The slice it is to be in.
    slice: &'static str,
    /// The unit that has the limit.
    limited: &'static str,
    /// What the event says of the owner.
    owner: (&'static str, &'static str),
}

const fn case(unit: &'static str, made: Made, slice: &'static str) -> Case {
    Case {
        unit,
        made,
        slice,
        limited: unit,
        owner: ("unit", unit),
    }
}

const CASES: &[Case] = &[
    case("web.service", Made::File, "system.slice"),
    case("copy@disk\\x2d1.service", Made::File, "batch-night.slice"),
    Case {
        limited: "tight.slice",
        ..case("shared.service", Made::File, "tight.slice")
    },
    case("brief.service", Made::Collected, "system.slice"),
    case("adhoc.scope", Made::Scope, "system.slice"),
    Case {
        owner: ("user", "user-1000.slice"),
        ..case("session-3.scope", Made::Scope, "user-1000.slice")
    },
];

/// One kill in each unit.
pub(crate) fn units() -> Result<()> {
    let first = fs::read_to_string("/proc/1/comm").context("/proc/1/comm")?;
    ensure!(first == "systemd\n", "the first process is {first:?}");
    files()?;
    let tracer = ["systemd-run", "--quiet", "--scope", "--unit=oomtrace.scope"];
    let stage = Stage::with_tracer_by(&tracer, &[])?;
    let own = told_of("oomtrace.scope")?;
    ensure!(
        own.is("ControlGroup", "/system.slice/oomtrace.scope"),
        "the tracer's own unit: {own:?}"
    );
    let mut killed = Vec::new();
    for case in CASES {
        killed.push(play(&stage, case).with_context(|| case.unit)?);
    }
    stage.finish_with(b"/", &killed)?;
    Ok(())
}

/// Writes the units.
fn files() -> Result<()> {
    let workload = process::program()?;
    let service = format!(
        "[Service]\nExecStart={} anon 64\nStandardInput=file:{GATE}\nStandardOutput=null\n",
        workload.display()
    );
    fs::create_dir_all(UNITS).context(UNITS)?;
    for (name, text) in [
        ("web.service", format!("{service}MemoryMax={LIMIT}\n")),
        (
            "copy@.service",
            format!("{service}MemoryMax={LIMIT}\nSlice=batch-night.slice\n"),
        ),
        (
            "shared.service",
            format!("{service}MemoryMax=48M\nSlice=tight.slice\n"),
        ),
        ("tight.slice", format!("[Slice]\nMemoryMax={LIMIT}\n")),
    ] {
        fs::write(format!("{UNITS}/{name}"), text).context(name)?;
    }
    rustix::fs::mknodat(CWD, GATE, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).context(GATE)?;
    engine::run(Command::new("systemctl").arg("daemon-reload"))?;
    Ok(())
}

/// Starts the unit, has its process killed, and compares; the id of the thread that was killed.
fn play(stage: &Stage, case: &Case) -> Result<u32> {
    stage.await_reports(1)?;
    let mut scope = start(case)?;
    let unit = told_of(case.unit)?;
    let limited = match case.limited {
        other if other != case.unit => told_of(other)?,
        _ => unit.clone(),
    };
    ensure!(
        unit.text("Id")? == case.unit && unit.text("Slice")? == case.slice,
        "{unit:?}"
    );
    let tid = match &mut scope {
        Some(scope) => {
            let mut input = scope.stdin.take().context("no way to the scope")?;
            let went = input.write_all(b"go\n");
            went.context("the scope does not listen")?;
            scope.id()
        }
        None => {
            open_gate()?;
            unit.text("MainPID")?.parse().context("MainPID")?
        }
    };
    let event = stage.agreed_kill(tid, Rss::Exact)?.event;
    let event = event.context("no event")?;
    let limit: u64 = limited.text("MemoryMax")?.parse().context("MemoryMax")?;
    ensure!(
        event.text("owner.kind") == Some(case.owner.0)
            && event.text("owner.unit") == Some(case.owner.1)
            && event.text("victim.cgroup_path") == Some(unit.text("ControlGroup")?)
            && event.text("limit.cgroup_path") == Some(limited.text("ControlGroup")?)
            && event.u64("limit.limit_bytes") == Some(limit),
        "systemd says {unit:?}, limited by {limited:?}: {}",
        event.value
    );
    if let Some(scope) = &mut scope {
        scope.wait().context("waiting for the scope")?;
    }
    verdict(case, &unit)?;
    Ok(tid)
}

/// Starts it up to where it only has to be let go; the process where it is a scope's.
fn start(case: &Case) -> Result<Option<Child>> {
    let workload = process::program()?;
    let mut run = Command::new("systemd-run");
    run.arg("--quiet").arg(format!("--unit={}", case.unit));
    run.arg(format!("--slice={}", case.slice));
    run.arg(format!("--property=MemoryMax={LIMIT}"));
    match case.made {
        Made::File => {
            engine::run(Command::new("systemctl").args(["start", "--", case.unit]))?;
            Ok(None)
        }
        Made::Collected => {
            run.arg("--collect");
            run.arg(format!("--property=StandardInput=file:{GATE}"));
            engine::run(run.arg(workload).args(["anon", "64"]))?;
            Ok(None)
        }
        Made::Scope => {
            run.arg("--scope")
                .arg(workload)
                .args(["--wait", "anon", "64"]);
            let child = run
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .context("cannot start systemd-run")?;
            until("the scope is there", || {
                Ok(told_of(case.unit)?.is("ActiveState", "active"))
            })?;
            Ok(Some(child))
        }
    }
}

/// Lets a service go.
fn open_gate() -> Result<()> {
    until("the service waits", || {
        let mut options = OpenOptions::new();
        // Else this waits where nobody reads.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).context("flags")?;
        Ok(options.write(true).custom_flags(flags).open(GATE).is_ok())
    })
}

/// systemd itself says that the unit ended by a kill for want of memory, or has none any more.
fn verdict(case: &Case, running: &Told) -> Result<()> {
    let mut told = Told::default();
    until("systemd has buried the unit", || {
        told = told_of(case.unit)?;
        Ok(told.is("LoadState", "not-found") || told.is("ActiveState", "failed"))
    })?;
    // On version 1 no file of the kernel's tells systemd.
    let knows = host::memory_controller()?.version == 2;
    let result = match case.made {
        Made::Collected => None,
        Made::File if knows => Some("oom-kill"),
        Made::File => Some("signal"),
        // Older releases have no policy for scopes, which then end as if nothing had happened.
        Made::Scope => (knows && running.0.contains_key("OOMPolicy")).then_some("oom-kill"),
    };
    ensure!(
        match result {
            Some(result) => told.is("Result", result),
            None => told.is("LoadState", "not-found"),
        },
        "not {result:?}: {told:?}"
    );
    Ok(())
}

/// What `systemctl show` says of a unit.
#[derive(Clone, Debug, Default)]
struct Told(BTreeMap<String, String>);

impl Told {
    fn text(&self, key: &str) -> Result<&str> {
        let value = self.0.get(key).filter(|value| !value.is_empty());
        value
            .map(String::as_str)
            .with_context(|| format!("systemd tells no {key}: {self:?}"))
    }

    fn is(&self, key: &str, value: &str) -> bool {
        self.0.get(key).is_some_and(|told| told == value)
    }
}

fn told_of(unit: &str) -> Result<Told> {
    const PROPERTIES: &str =
        "Id,LoadState,ActiveState,Slice,ControlGroup,MemoryMax,MainPID,Result,OOMPolicy";
    let mut show = Command::new("systemctl");
    show.args(["show", "--property", PROPERTIES, "--", unit]);
    let told = engine::run(&mut show)?;
    let pairs = told.lines().filter_map(|line| line.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(Told(pairs.collect()))
}

fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
