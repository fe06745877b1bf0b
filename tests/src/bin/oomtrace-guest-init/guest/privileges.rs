//! A tracer that may do less, and a kernel that hides more.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use rustix::process::Uid;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::scenes::processes;

/// What Debian, and others, recommend to those who want to be strict.
const STRICT: &[(&str, &str)] = &[
    ("/proc/sys/kernel/kptr_restrict", "2"),
    ("/proc/sys/kernel/perf_event_paranoid", "3"),
    ("/proc/sys/kernel/unprivileged_bpf_disabled", "2"),
];

/// The argument with which this program gives its privileges up and becomes another one.
pub(crate) const DROP: &str = "as-nobody";

const NOBODY: u32 = 65534;

/// Not even root is shown the kernel's addresses.
pub(crate) fn addresses_hidden() -> Result<()> {
    let mut before = Vec::new();
    for (setting, value) in STRICT {
        before.push(fs::read_to_string(setting).context(*setting)?);
        fs::write(setting, value).context(*setting)?;
    }
    let played = Stage::with_tracer(&[]).and_then(processes::victim_is_trigger);
    for ((setting, _), value) in STRICT.iter().zip(before) {
        fs::write(setting, value).context(*setting)?;
    }
    played
}

/// The tracer is another user's, and may load programs and nothing else.
///
/// A kernel whose tracepoint does not hand over the task counts maps as locked memory, of which another
/// user may have little: then it must end and say what helps.
pub(crate) fn two_capabilities() -> Result<()> {
    let tracer = oomtrace_tests::tracer::program()?;
    let facts = Command::new(&tracer).args(["check", "--facts"]).output();
    let facts = String::from_utf8(facts.context("oomtrace check --facts")?.stdout)?;
    let has_task = |line: &str| line.contains("mark_victim") && line.contains("task_struct");
    if !facts.lines().any(has_task) {
        return two_capabilities_are_refused(&tracer);
    }
    let stage = Stage::with_tracer_by(&["/proc/self/exe", DROP], &[])?;
    processes::victim_is_trigger(stage)
}

fn two_capabilities_are_refused(tracer: &Path) -> Result<()> {
    let mut command = Command::new("/proc/self/exe");
    let output = command.arg(DROP).arg(tracer).args(["trace", "-o", "json"]);
    let output = output
        .output()
        .context("starting oomtrace as another user")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(3) && said.contains("RLIMIT_MEMLOCK is 64 KiB"),
        "it ended with {} and says: {said}",
        output.status
    );
    Ok(())
}

/// Becomes a program, as another user with two capabilities. Returns only where that fails.
pub(crate) fn become_nobody(program: &[String]) -> Result<()> {
    let (program, arguments) = program.split_first().context("which program?")?;
    let two = [CapabilitySet::BPF, CapabilitySet::PERFMON];
    let both = two[0] | two[1];
    rustix::thread::set_keep_capabilities(true).context("keeping capabilities")?;
    let nobody = Uid::from_raw(NOBODY);
    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).context("another user")?;
    let sets = CapabilitySets {
        effective: both,
        permitted: both,
        inheritable: both,
    };
    rustix::thread::set_capabilities(None, sets).context("two capabilities")?;
    for one in two {
        rustix::thread::configure_capability_in_ambient_set(one, true)
            .context("a capability that outlives exec")?;
    }
    Err(Command::new(program).args(arguments).exec()).context("becoming the program")
}
