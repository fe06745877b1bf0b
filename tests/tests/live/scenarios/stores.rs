//! Data stores of the distribution.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::process::{Running, Workload};
use oomtrace_tests::stage::Kill;

use super::{Scenario, THREADED, kill_in, scenario};

/// Whom the distribution's packages run `PostgreSQL` as; it refuses to run as root.
const USER: &str = "postgres";

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "redis",
        "anon_filled",
        &["limit_reached"],
        &["redis-server"],
        redis,
    ),
    scenario("postgresql query", "anon_filled", &[], &["postgres"], query),
    scenario(
        "postgresql buffers",
        "shmem_filled",
        &[],
        &["postgres"],
        buffers,
    ),
];

/// Keys until the limit.
fn redis(stage: &Stage) -> Result<Kill> {
    let cgroup = stage.cgroup(64)?;
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("socket");
    let socket = socket.to_str().context("a path that is no text")?;
    let _running = Workload::within(&cgroup)?.start(&[
        "exec",
        "/usr/bin/redis-server",
        "--port",
        "0",
        "--unixsocket",
        socket,
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ])?;
    let mut fill = Command::new("/usr/bin/redis-cli");
    fill.args(["-s", socket, "debug", "populate", "2000000", "key", "100"]);
    until_started(|| {
        fill.output()
            .is_ok_and(|said| !said.stderr.starts_with(b"Could not"))
    })?;
    kill_in(stage, &cgroup, THREADED)
}

fn until_started(mut try_it: impl FnMut() -> bool) -> Result<()> {
    for _ in 0..200 {
        if try_it() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    anyhow::bail!("it does not start")
}

/// One query that builds a large value.
fn query(stage: &Stage) -> Result<Kill> {
    postgresql(
        stage,
        "16MB",
        "select length(string_agg(repeat(md5(i::text), 1000), '')) from generate_series(1, 20000) i",
    )
}

/// Buffers that hold a table.
fn buffers(stage: &Stage) -> Result<Kill> {
    postgresql(
        stage,
        "256MB",
        // Not `create table as`, which keeps to a few buffers.
        "create table t (i int, x text);
         insert into t select i, repeat(md5(i::text), 30) from generate_series(1, 200000) i",
    )
}

fn postgresql(stage: &Stage, shared_buffers: &str, sql: &str) -> Result<Kill> {
    let programs = programs()?;
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let data = at("data");
    run(Command::new("chown").arg(USER).arg(directory.path()))?;
    let as_user = [
        "/usr/bin/setpriv",
        "--reuid",
        USER,
        "--regid",
        USER,
        "--clear-groups",
        "--",
    ];
    let initdb = programs.join("initdb").to_string_lossy().into_owned();
    run(Command::new(as_user[0]).args(&as_user[1..]).args([
        &initdb,
        "--no-sync",
        "--auth=trust",
        "-D",
        &data,
    ]))?;
    let server = programs.join("postgres").to_string_lossy().into_owned();
    let told = format!("shared_buffers={shared_buffers}");
    let sockets = format!("unix_socket_directories={}", directory.path().display());
    let mut words = vec!["exec"];
    words.extend(as_user);
    words.extend([
        &*server,
        "-D",
        &data,
        "-c",
        &told,
        "-c",
        &sockets,
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "huge_pages=off",
    ]);
    let cgroup = stage.cgroup(96)?;
    let running: Running = Workload::within(&cgroup)?.start(&words)?;
    let psql = |sql: &str| {
        let mut command = Command::new("/usr/bin/psql");
        command.arg("-h").arg(directory.path());
        command.args(["-U", USER, "-d", "postgres", "-q", "-c", sql]);
        command
    };
    until_started(|| {
        psql("select 1")
            .output()
            .is_ok_and(|said| said.status.success())
    })?;
    let mut client = psql(sql).spawn().context("cannot start psql")?;
    let kill = kill_in(stage, &cgroup, THREADED);
    drop(running);
    let _ = client.wait();
    kill
}

fn programs() -> Result<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql");
    let list = fs::read_dir(versions).context("no PostgreSQL: install postgresql")?;
    let mut found: Vec<PathBuf> = list
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().context("no PostgreSQL: install postgresql")
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
