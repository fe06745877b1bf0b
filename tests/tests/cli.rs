//! Bad input and bad conditions: a clear word, the right exit code, never a panic.
//!
//! Those that take something away from the tool need root, and fail without it.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use oomtrace_tests::host;
use oomtrace_tests::schema::Schema;

const RUNTIME: i32 = 1;
const USAGE: i32 = 2;
const UNABLE: i32 = 3;

/// As short as it can be, should it be able to trace after all.
const TRACE: [&str; 3] = ["trace", "--duration", "1s"];

#[test]
fn not_root() -> Result<()> {
    host::require_root()?;
    let ended = Tool::copy()?.run_by(&host::NOBODY, &TRACE)?;
    ended.refused(UNABLE, &["CAP_BPF", "CAP_PERFMON"])
}

#[test]
fn not_root_check() -> Result<()> {
    host::require_root()?;
    let ended = Tool::copy()?.run_by(&host::NOBODY, &["check"])?;
    ensure!(ended.code == UNABLE, "{ended:?}");
    ensure!(
        format!("{}{}", ended.out, ended.complaint).contains("CAP_BPF"),
        "{ended:?}"
    );
    Ok(())
}

/// The binary of the image is not run by root: its file has what it may use, permitted only.
#[test]
fn permitted_capabilities_are_used() -> Result<()> {
    host::require_root()?;
    // `struct vfs_cap_data`, revision 2: DAC_READ_SEARCH, SYSLOG, PERFMON and BPF, none effective.
    let permitted = [
        0, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0xc4, 0, 0, 0, 0, 0, 0, 0,
    ];
    let tool = Tool::copy()?;
    rustix::fs::setxattr(
        tool.path(),
        "security.capability",
        &permitted,
        rustix::fs::XattrFlags::empty(),
    )
    .context("cannot give the tool capabilities")?;
    let ended = tool.run_by(&host::NOBODY, &["check"])?;
    ensure!(ended.code == 0, "{ended:?}");
    Ok(())
}

#[test]
fn root_without_capabilities() -> Result<()> {
    host::require_root()?;
    let without = [
        "setpriv",
        "--bounding-set",
        "-bpf,-perfmon,-sys_admin",
        "--inh-caps",
        "-all",
    ];
    let ended = Tool::copy()?.run_by(&without, &TRACE)?;
    ended.refused(UNABLE, &["CAP_BPF", "CAP_PERFMON"])
}

#[test]
fn one_capability_short() -> Result<()> {
    host::require_root()?;
    let without = [
        "setpriv",
        "--bounding-set",
        "-perfmon,-sys_admin",
        "--inh-caps",
        "-all",
    ];
    let ended = Tool::copy()?.run_by(&without, &TRACE)?;
    ended.refused(UNABLE, &["CAP_PERFMON"])?;
    ensure!(
        !ended.complaint.contains("lacks CAP_BPF"),
        "it has CAP_BPF: {ended:?}"
    );
    Ok(())
}

/// Runs the tool in a mount namespace where an empty file system lies over these directories.
fn hidden(directories: &[&str], arguments: &[&str]) -> Result<oomtrace_tests::command::Ended> {
    host::require_root()?;
    let hide: String = directories
        .iter()
        .map(|directory| {
            format!(
                "if [ -d {directory} ]; then mount -t tmpfs hidden {directory} || exit 99; fi; "
            )
        })
        .collect();
    let script = format!("{hide}exec \"$@\"");
    Tool::copy()?.run_by(
        &["unshare", "--mount", "sh", "-c", &script, "sh"],
        arguments,
    )
}

#[test]
fn no_btf() -> Result<()> {
    hidden(&["/sys/kernel/btf"], &TRACE)?.refused(UNABLE, &["/sys/kernel/btf/vmlinux"])
}

#[test]
fn no_btf_check() -> Result<()> {
    let ended = hidden(&["/sys/kernel/btf"], &["check"])?;
    ensure!(ended.code == UNABLE, "{ended:?}");
    ensure!(
        format!("{}{}", ended.out, ended.complaint).contains("/sys/kernel/btf/vmlinux"),
        "{ended:?}"
    );
    Ok(())
}

/// Tracing goes on without tracefs, where the kernel lets it; if not, it says that tracefs is needed.
#[test]
fn no_tracefs() -> Result<()> {
    let ended = hidden(&["/sys/kernel/debug", "/sys/kernel/tracing"], &TRACE)?;
    if ended.code == UNABLE {
        return ended.refused(UNABLE, &["tracefs"]);
    }
    ended.well()?;
    ensure!(
        ended.complaint.contains("oomtrace: tracing"),
        "it ended well and did not trace: {ended:?}"
    );
    Ok(())
}

/// The kernel's side sees all without it, so it goes on; what only the files say will be missing.
#[test]
fn no_cgroupfs() -> Result<()> {
    let ended = hidden(&["/sys/fs/cgroup"], &TRACE)?;
    ended.well()?;
    ensure!(
        ended.complaint.contains("oomtrace: tracing"),
        "it ended well and did not trace: {ended:?}"
    );
    Ok(())
}

#[test]
fn recording_that_cannot_be_written() -> Result<()> {
    host::require_root()?;
    let tool = Tool::copy()?;
    for place in ["/nonexistent/directory/file", "/proc/version", "/"] {
        let ended = tool.run(&["trace", "--duration", "1s", "--record", place])?;
        ended
            .refused(RUNTIME, &[place])
            .with_context(|| format!("--record {place}"))?;
    }
    Ok(())
}

#[test]
fn recording_of_nothing_is_replayed() -> Result<()> {
    host::require_root()?;
    let tool = Tool::copy()?;
    let file = tool.directory().join("recording");
    let file = file.to_str().context("a path that is no text")?;
    tool.run(&["trace", "--duration", "1s", "--record", file])?
        .well()?;
    let ended = tool.run(&["replay", "-o", "json", file])?;
    ended.well()?;
    ensure!(
        !ended.out.contains("oom_kill") || ended.out.starts_with('{'),
        "{ended:?}"
    );
    // Cut at each place: an end that is no end is told of, and is no panic.
    let whole = fs::read(file)?;
    ensure!(!whole.is_empty(), "a recording without even a header");
    for length in [0, 1, 4, 8, 16, whole.len() / 2, whole.len() - 1] {
        let cut = tool.directory().join("cut");
        fs::write(&cut, whole.get(..length).context("length")?)?;
        let cut = cut.to_str().context("a path that is no text")?;
        let ended = tool.run(&["replay", cut])?;
        ended
            .refused(RUNTIME, &[cut])
            .with_context(|| format!("cut to {length} of {}", whole.len()))?;
    }
    Ok(())
}

#[test]
fn garbage_is_no_recording() -> Result<()> {
    let tool = Tool::copy()?;
    let noise: Vec<u8> = (0..100_000_u64)
        .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    let deep = "[".repeat(50_000);
    let almost = b"{\"event\":\"oom_kill\"}\n".repeat(3);
    let contents: [(&str, &[u8]); 5] = [
        ("noise", &noise),
        ("empty", b""),
        ("zeroes", &[0; 4096]),
        ("deep", deep.as_bytes()),
        ("almost", &almost),
    ];
    for (name, content) in contents {
        let file = tool.directory().join(name);
        fs::write(&file, content)?;
        let file = file.to_str().context("a path that is no text")?;
        tool.run(&["replay", file])?
            .refused(RUNTIME, &[file])
            .context(name)?;
    }
    tool.run(&["replay", "/nonexistent"])?
        .refused(RUNTIME, &["/nonexistent"])?;
    tool.run(&["replay", "/"])?.refused(RUNTIME, &["/"])
}

#[test]
fn unknown_words() -> Result<()> {
    let tool = Tool::copy()?;
    let cases: [(&[&str], &str); 8] = [
        (&["trace", "-o", "yaml"], "yaml"),
        (&["trace", "--duration", "banana"], "banana"),
        (&["trace", "--duration=-1s"], "-1s"),
        (&["trace", "--count", "many"], "many"),
        (&["trace", "--no-such-flag"], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
        (&["replay"], "FILE"),
        (&["trace", "--color", "mauve"], "mauve"),
    ];
    for (arguments, word) in cases {
        tool.run(arguments)?
            .refused(USAGE, &[word])
            .with_context(|| format!("{arguments:?}"))?;
    }
    Ok(())
}

#[test]
fn help_and_version() -> Result<()> {
    let tool = Tool::copy()?;
    for arguments in [["--help"], ["--version"], ["-h"]] {
        let ended = tool.run(&arguments)?;
        ended.well()?;
        ensure!(
            ended.out.contains("oomtrace") && ended.complaint.is_empty(),
            "{ended:?}"
        );
    }
    for command in ["trace", "decode", "replay", "check", "demo", "schema"] {
        let ended = tool.run(&[command, "--help"])?;
        ended.well()?;
        ensure!(ended.out.contains("Usage"), "{ended:?}");
    }
    Ok(())
}

#[test]
fn schema_is_one() -> Result<()> {
    let tool = Tool::copy()?;
    let schema = Schema::of(&tool.path())?;
    ensure!(
        schema.check("{\"event\":\"no_such_event\"}").is_err(),
        "any event passes"
    );
    Ok(())
}

/// Who reads may stop reading.
#[test]
fn closed_pipe() -> Result<()> {
    let tool = Tool::copy()?;
    for arguments in [["schema"], ["--help"]] {
        let mut child = Command::new(tool.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start oomtrace")?;
        drop(child.stdout.take());
        let mut complaint = String::new();
        child
            .stderr
            .take()
            .context("no standard error")?
            .read_to_string(&mut complaint)?;
        let status = child.wait()?;
        ensure!(status.success(), "{arguments:?}: {status}: {complaint}");
        ensure!(complaint.is_empty(), "{arguments:?}: {complaint}");
    }
    Ok(())
}
