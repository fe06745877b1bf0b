//! `oomtrace decode` from outside: what real tools make of a kernel's log, what is still being
//! written, and what cannot be read.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::{self, Ended, Tool};
use oomtrace_tests::host;
use serde_json::Value;

const RUNTIME: i32 = 1;
const USAGE: i32 = 2;

/// A report that this kernel wrote, as `dmesg --raw` prints it.
const REPORT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../oomtrace/src/klog/report/testdata/simple.dmesg"
);

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

fn decode(tool: &Tool, file: &Path) -> Result<Ended> {
    tool.run(&["decode", "-o", "json", "--full", text(file)?])
}

/// The events, without what carriers may differ in: times and what comes from them.
fn events(ended: &Ended) -> Result<Vec<Value>> {
    ended
        .out
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line)?;
            let object = event
                .as_object_mut()
                .context("an event that is no object")?;
            for key in [
                "timestamp",
                "timestamp_basis",
                "log_time",
                "since_boot_us",
                "hostname",
                "event_id",
                // Known where there is a time.
                "recurrence",
            ] {
                object.remove(key);
            }
            if let Some(incident) = object.get_mut("incident").and_then(Value::as_object_mut) {
                incident.remove("id");
            }
            Ok(event)
        })
        .collect()
}

/// What a program prints, into a file.
fn printed(tool: &Tool, name: &str, command: &mut Command) -> Result<std::path::PathBuf> {
    let path = tool.directory().join(name);
    let status = command
        .stdin(Stdio::null())
        .stdout(File::create(&path)?)
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(path)
}

#[test]
fn every_form_of_dmesg_gives_the_same_events() -> Result<()> {
    let tool = Tool::copy()?;
    let expected = decode(&tool, Path::new(REPORT))?;
    expected.well()?;
    let expected = events(&expected)?;
    ensure!(!expected.is_empty(), "the report is not decoded");
    // (Some `dmesg --json` do not read files rightly.)
    let forms: [&[&str]; 11] = [
        &[],
        &["--raw"],
        &["--decode"],
        &["--notime"],
        &["--show-delta"],
        &["--ctime"],
        &["--reltime"],
        &["--time-format", "iso"],
        &["--decode", "--time-format", "iso"],
        &["--decode", "--ctime"],
        &["--color=always"],
    ];
    for form in forms {
        let mut dmesg = Command::new("dmesg");
        dmesg.args(["--file", REPORT]).args(form);
        let ended = decode(&tool, &printed(&tool, "form", &mut dmesg)?)?;
        ended.well()?;
        ensure!(events(&ended)? == expected, "dmesg {form:?}: {ended:?}");
    }
    Ok(())
}

#[test]
fn compressed_logs_are_unpacked() -> Result<()> {
    let tool = Tool::copy()?;
    let expected = events(&decode(&tool, Path::new(REPORT))?)?;
    for program in ["gzip", "xz", "zstd"] {
        let mut pack = Command::new(program);
        let packed = printed(&tool, program, pack.args(["-c", REPORT]))?;
        let ended = decode(&tool, &packed)?;
        ended.well()?;
        ensure!(events(&ended)? == expected, "{program}: {ended:?}");
        // What came before the damage counts, and the damage is told of.
        let whole = fs::read(&packed)?;
        fs::write(&packed, whole.get(..whole.len() / 2).unwrap_or_default())?;
        let ended = decode(&tool, &packed)?;
        ensure!(ended.code == RUNTIME, "{program}, cut: {ended:?}");
        ensure!(
            ended.complaint.contains(program),
            "{program}, cut: {ended:?}"
        );
    }
    Ok(())
}

#[test]
fn unreadable_files_are_named_and_the_rest_decoded() -> Result<()> {
    host::require_root()?;
    let tool = Tool::copy()?;
    let secret = tool.directory().join("secret");
    fs::write(&secret, "x")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    // Where `nobody` can read it.
    let report = tool.directory().join("report");
    fs::copy(REPORT, &report)?;
    fs::set_permissions(&report, fs::Permissions::from_mode(0o644))?;
    let ended = tool.run_by(
        &host::NOBODY,
        &[
            "decode",
            "-o",
            "json",
            "/nonexistent",
            "/",
            text(&secret)?,
            text(&report)?,
        ],
    )?;
    ensure!(ended.code == RUNTIME, "{ended:?}");
    for part in [
        "/nonexistent does not exist",
        "/ is a directory",
        "adm, systemd-journal",
    ] {
        ensure!(ended.complaint.contains(part), "no {part:?} in {ended:?}");
    }
    ensure!(
        !events(&ended)?.is_empty(),
        "the last file was not decoded: {ended:?}"
    );
    Ok(())
}

#[test]
fn what_is_no_log_is_told_of() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("file");
    let noise: Vec<u8> = (0..100_000_u64)
        .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    let contents: [(&[u8], &str); 4] = [
        (b"", "is empty"),
        (&noise, "binary"),
        (b"nothing of interest\n", "no OOM report was found"),
        (
            b"May 26 06:17:40 h app[1]: Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB\n",
            "--trust-user-lines",
        ),
    ];
    for (content, part) in contents {
        fs::write(&file, content)?;
        let ended = decode(&tool, &file)?;
        ended.well()?;
        ensure!(ended.out.is_empty(), "{ended:?}");
        ensure!(ended.complaint.contains(part), "no {part:?} in {ended:?}");
    }
    let trusted = tool.run(&["decode", "-o", "json", "--trust-user-lines", text(&file)?])?;
    ensure!(events(&trusted)?.len() == 1, "{trusted:?}");
    fs::write(&file, b"LPKSHHRH\0\0\0\0")?;
    decode(&tool, &file)?.refused(RUNTIME, &["journalctl --file"])?;
    tool.run(&["decode", "--follow", "-"])?
        .refused(USAGE, &["--follow"])
}

#[test]
fn a_line_without_end_is_not_kept() -> Result<()> {
    let tool = Tool::copy()?;
    let report = fs::read(REPORT)?;
    // 64 MiB of address space are less than the line has.
    let script = "ulimit -v 65536; { printf 'oom'; head -c 100000000 /dev/zero | tr '\\0' x; \
                  echo; cat \"$2\"; } | \"$1\" decode -o json --full -";
    let ended = command::run(
        Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(tool.path())
            .arg(REPORT),
    )?;
    ended.well()?;
    ensure!(
        !report.is_empty() && !events(&ended)?.is_empty(),
        "{ended:?}"
    );
    Ok(())
}

/// Runs the tool with its output read line by line.
struct Running {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start oomtrace")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// The next event's victim.
    fn victim(&self) -> Result<u64> {
        let line = self
            .lines
            .recv_timeout(Duration::from_secs(10))
            .context("no event within 10 s")?;
        let event: Value = serde_json::from_str(&line)?;
        event
            .pointer("/victim/pid")
            .and_then(Value::as_u64)
            .context("no victim")
    }

    fn ended(&mut self) -> Result<i32> {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return status.code().context("ended by a signal");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        anyhow::bail!("it does not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill_line(pid: u32) -> String {
    format!(
        "[    {pid}.000000] Out of memory: Killed process {pid} (java) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
    )
}

#[test]
fn a_pipe_that_stays_open_is_shown_what_has_come() -> Result<()> {
    let tool = Tool::copy()?;
    let mut running = Running::start(
        Command::new(tool.path())
            .args(["decode", "-o", "json"])
            .stdin(Stdio::piped()),
    )?;
    let mut input = running.child.stdin.take().context("no standard input")?;
    for pid in [101, 102] {
        input.write_all(kill_line(pid).as_bytes())?;
        ensure!(running.victim()? == u64::from(pid), "another victim");
    }
    drop(input);
    ensure!(running.ended()? == 0, "it did not end well");
    Ok(())
}

#[test]
fn files_are_followed_through_growth_and_rotation() -> Result<()> {
    let tool = Tool::copy()?;
    let log = tool.directory().join("kern.log");
    fs::write(&log, kill_line(101))?;
    let mut running = Running::start(
        Command::new(tool.path())
            .args(["decode", "-o", "json", "--follow"])
            .arg(&log),
    )?;
    ensure!(running.victim()? == 101, "what was there before");
    let append = |text: &str| -> Result<()> {
        Ok(File::options()
            .append(true)
            .open(&log)?
            .write_all(text.as_bytes())?)
    };
    append(&kill_line(102))?;
    ensure!(running.victim()? == 102, "growth");
    fs::rename(&log, tool.directory().join("kern.log.1"))?;
    fs::write(&log, kill_line(103))?;
    ensure!(running.victim()? == 103, "rotation");
    File::options().write(true).open(&log)?.set_len(0)?;
    std::thread::sleep(Duration::from_millis(600));
    append(&kill_line(104))?;
    ensure!(running.victim()? == 104, "cutting");
    let pid = running.child.id().to_string();
    let status = Command::new("kill").args(["-TERM", &pid]).status()?;
    ensure!(status.success(), "kill: {status}");
    ensure!(running.ended()? == 0, "SIGTERM ends it well");
    Ok(())
}

#[test]
fn the_kernels_own_log_is_read_record_by_record() -> Result<()> {
    host::require_root()?;
    let tool = Tool::copy()?;
    let ended = tool.run(&["decode", "-o", "json", "-n", "3", "/dev/kmsg"])?;
    ended.well()?;
    // Whatever the log holds now: it is that of this host and this boot.
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    for line in ended.out.lines() {
        let event: Value = serde_json::from_str(line)?;
        ensure!(
            event.get("hostname").and_then(Value::as_str) == Some(&*name),
            "{line}"
        );
        ensure!(event.pointer("/kernel/boot_id").is_some(), "{line}");
    }
    Ok(())
}
