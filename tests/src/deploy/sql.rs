//! The questions of `deploy/sql`, asked in `ClickHouse`, `DuckDB` and `PostgreSQL`.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::fleet::{Fleet, Kill};
use super::python::{CHDB, DUCKDB, Package};
use super::repository;
use super::running::Running;
use crate::engine::run;

/// The questions, by the names of their parts.
pub const QUESTIONS: [&str; 5] = [
    "who_dies_most",
    "limits_too_small",
    "restart_loops",
    "node_or_container",
    "since_which_image",
];

/// Whom the distribution's packages run `PostgreSQL` as; it refuses to run as root.
const USER: &str = "postgres";

/// What a database says.
#[derive(Debug, Deserialize)]
pub struct Answers {
    /// Rows of each part.
    pub rows: BTreeMap<String, Vec<Value>>,
    /// Seconds that each part took.
    pub seconds: BTreeMap<String, f64>,
}

/// A database, and the file with its questions.
#[derive(Clone, Copy, Debug)]
pub enum Engine {
    /// `ClickHouse`, as a library.
    ClickHouse,
    /// `DuckDB`.
    DuckDb,
    /// `PostgreSQL`, a server of its own.
    PostgreSql,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClickHouse, Self::DuckDb, Self::PostgreSql];

    /// Loads `events.ndjson` of a folder, twice, and asks everything. The database stays there, in `NAME.db`.
    ///
    /// # Errors
    /// The database is not to be had, or does not understand a part.
    pub fn ask(self, folder: &Path) -> Result<Answers> {
        match self {
            Self::ClickHouse => embedded(&CHDB, "chdb", self.file(), &folder.join(self.database())),
            Self::DuckDb => embedded(
                &DUCKDB,
                "duckdb",
                self.file(),
                &folder.join(self.database()),
            ),
            Self::PostgreSql => postgresql(&self.file(), folder, &folder.join(self.database())),
        }
    }

    fn file(self) -> PathBuf {
        let name = match self {
            Self::ClickHouse => "clickhouse",
            Self::DuckDb => "duckdb",
            Self::PostgreSql => "postgres",
        };
        repository(&format!("deploy/sql/{name}.sql"))
    }

    fn database(self) -> String {
        format!("{self:?}.db")
    }
}

fn embedded(package: &Package, name: &str, file: PathBuf, database: &Path) -> Result<Answers> {
    let mut python = package.python()?;
    let script = repository("tests/fixtures/deploy/query.py").canonicalize()?;
    let folder = database.parent().context("no folder")?;
    python.arg(script).arg(name).arg(file.canonicalize()?);
    let out = run(python.arg(database).current_dir(folder))?;
    let last = out.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("{name}: {out}"))
}

/// The parts of a file: what follows each line `-- name: NAME`.
fn parts(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let parts = text.split("\n-- name: ").skip(1);
    Ok(parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, sql)| (name.to_owned(), sql.to_owned()))
        .collect())
}

fn postgresql(file: &Path, folder: &Path, data: &Path) -> Result<Answers> {
    let programs = programs()?;
    let sockets = tempfile::tempdir().context("making a folder")?;
    fs::create_dir_all(data).context("making a folder")?;
    run(Command::new("chown")
        .arg(USER)
        .arg(data)
        .arg(sockets.path()))?;
    // The folders above are the test's own.
    run(Command::new("chmod").arg("a+x").arg(folder))?;
    let mut initdb = as_user(&programs.join("initdb"));
    run(initdb
        .args(["--no-sync", "--auth=trust", "--locale=C", "-D"])
        .arg(data))?;
    let mut server = as_user(&programs.join("postgres"));
    server
        .arg("-D")
        .arg(data)
        .args(["-c", "listen_addresses=", "-c", "fsync=off"]);
    server.arg("-c").arg(format!(
        "unix_socket_directories={}",
        sockets.path().display()
    ));
    let mut server = Running::start(&mut server, &sockets.path().join("log"))?;
    let psql = || {
        let mut command = Command::new("psql");
        command.arg("-h").arg(sockets.path()).current_dir(folder);
        command.args([
            "-U",
            USER,
            "-d",
            "postgres",
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        command
    };
    server.until("PostgreSQL answers", || {
        let answer = psql().args(["-c", "select 1"]).output();
        answer
            .is_ok_and(|answer| answer.status.success())
            .then_some(())
    })?;
    let mut answers = Answers {
        rows: BTreeMap::new(),
        seconds: BTreeMap::new(),
    };
    let parts = parts(file)?;
    for name in ["table", "load", "load"].into_iter().chain(QUESTIONS) {
        let sql = parts.get(name).with_context(|| format!("no part {name}"))?;
        let sql = match name {
            "table" | "load" => sql.clone(),
            _ => format!(
                "select coalesce(json_agg(q), '[]') from ({}) q",
                sql.trim_end().trim_end_matches(';')
            ),
        };
        let script = sockets.path().join("part.sql");
        fs::write(&script, sql)?;
        let start = Instant::now();
        let out = run(psql().arg("-f").arg(&script)).with_context(|| name.to_owned())?;
        answers
            .seconds
            .entry(name.to_owned())
            .or_insert(start.elapsed().as_secs_f64());
        let rows = serde_json::from_str(out.trim()).unwrap_or_default();
        answers.rows.insert(name.to_owned(), rows);
    }
    Ok(answers)
}

fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]);
    command.arg(program).current_dir("/");
    command
}

fn programs() -> Result<PathBuf> {
    let list = fs::read_dir("/usr/lib/postgresql").context("no PostgreSQL: install postgresql")?;
    let mut found: Vec<PathBuf> = list
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().context("no PostgreSQL: install postgresql")
}

/// Writes the events of a fleet to `events.ndjson` in a folder; each kill once, and the number of lines.
///
/// # Errors
/// They cannot be written.
pub fn write(fleet: &Fleet, folder: &Path) -> Result<(Vec<Kill>, u64)> {
    let mut kills = Vec::new();
    let file = File::create(folder.join("events.ndjson")).context("making events.ndjson")?;
    let mut out = BufWriter::new(file);
    let lines = fleet.write(&mut out, |kill| kills.push(kill))?;
    out.flush().context("writing events.ndjson")?;
    Ok((kills, lines))
}

/// Size and time of a fleet's events in each database, as a table.
///
/// # Errors
/// As [`Engine::ask`].
pub fn measure(fleet: &Fleet) -> Result<String> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let (kills, lines) = write(fleet, folder.path())?;
    let bytes = fs::metadata(folder.path().join("events.ndjson"))?.len();
    let mut table = format!(
        "{} nodes, {} days: {} kills in {lines} lines, {} MB\n\n| | MB | load, s | slowest question, s |\n|---|---|---|---|\n",
        fleet.nodes,
        fleet.days,
        kills.len(),
        bytes / 1_000_000
    );
    for engine in Engine::ALL {
        let answers = engine.ask(folder.path())?;
        let of = |name: &str| answers.seconds.get(name).copied().unwrap_or_default();
        let slowest = QUESTIONS.into_iter().map(of).fold(0.0, f64::max);
        let size = run(Command::new("du")
            .args(["-sB1000000"])
            .arg(folder.path().join(engine.database())))?;
        let size = size
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        table.push_str(&format!(
            "| {engine:?} | {size} | {:.1} | {slowest:.2} |\n",
            of("load")
        ));
    }
    Ok(table)
}
