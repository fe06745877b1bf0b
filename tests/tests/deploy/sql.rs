//! The questions of `deploy/sql` over a simulated fleet: three databases, and the answers known beforehand.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::fleet::{Fleet, Kill};
use oomtrace_tests::deploy::sql;
use oomtrace_tests::deploy::sql::{Answers, Engine};
use oomtrace_tests::schema::Schema;
use oomtrace_tests::tracer;
use serde_json::{Value, json};

const FLEET: Fleet = Fleet {
    nodes: 60,
    days: 12,
    seed: 1,
};

const PAUSE_MAX_US: u64 = 600_000_000;

#[test]
fn clickhouse_answers_what_is_so() -> Result<()> {
    answers_are_right(Engine::ClickHouse)
}

#[test]
fn duckdb_answers_what_is_so() -> Result<()> {
    answers_are_right(Engine::DuckDb)
}

#[test]
fn postgresql_answers_what_is_so() -> Result<()> {
    answers_are_right(Engine::PostgreSql)
}

#[test]
fn simulated_events_follow_the_schema() -> Result<()> {
    let schema = Schema::of(&tracer::program()?)?;
    let mut lines = Vec::new();
    let mut kills = 0;
    let written = FLEET.write(&mut lines, |_| kills += 1)?;
    let text = String::from_utf8(lines)?;
    for line in text.lines() {
        schema.check(line)?;
    }
    let distinct: BTreeSet<&str> = text.lines().collect();
    ensure!(
        distinct.len() == kills,
        "{} lines, {kills} kills",
        distinct.len()
    );
    ensure!(written > u64::try_from(kills)?, "no line comes twice");
    Ok(())
}

fn answers_are_right(engine: Engine) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (kills, _) = sql::write(&FLEET, folder.path())?;
    let answers = engine.ask(folder.path())?;
    same(&answers, "who_dies_most", &who_dies_most(&kills))?;
    same(&answers, "limits_too_small", &limits_too_small(&kills))?;
    same(&answers, "restart_loops", &restart_loops(&kills))?;
    same(&answers, "node_or_container", &node_or_container(&kills))?;
    same(&answers, "since_which_image", &since_which_image(&kills))
}

fn same(answers: &Answers, question: &str, expected: &[Value]) -> Result<()> {
    let rows = answers
        .rows
        .get(question)
        .with_context(|| format!("no answer to {question}"))?;
    let rows: Vec<Value> = rows.iter().map(comparable).collect();
    ensure!(
        !expected.is_empty() && rows == expected,
        "{question}: {rows:#?} is not {expected:#?}"
    );
    Ok(())
}

/// Times to the second, in one form.
fn comparable(row: &Value) -> Value {
    let columns = row.as_object().into_iter().flatten().map(|(name, value)| {
        let value = match value.as_str().filter(|_| name.ends_with("_kill")) {
            Some(time) => json!(time.get(..19).unwrap_or_default().replace(' ', "T")),
            None => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Object(columns.collect())
}

fn time(us: i64) -> Value {
    let time = jiff::Timestamp::from_microsecond(us).unwrap_or_default();
    json!(time.to_string().get(..19).unwrap_or_default())
}

fn grouped<K: Ord>(kills: &[Kill], key: impl Fn(&Kill) -> Option<K>) -> BTreeMap<K, Vec<&Kill>> {
    let mut groups: BTreeMap<K, Vec<&Kill>> = BTreeMap::new();
    for kill in kills {
        if let Some(key) = key(kill) {
            groups.entry(key).or_default().push(kill);
        }
    }
    groups
}

/// Most kills first, then by name: the maps are in order of names, and the sort is stable.
fn most_first(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.get("kills").and_then(Value::as_u64)));
    rows
}

fn hosts(kills: &[&Kill]) -> usize {
    kills
        .iter()
        .map(|kill| &kill.host)
        .collect::<BTreeSet<_>>()
        .len()
}

fn first_and_last(kills: &[&Kill]) -> (Value, Value) {
    let times = || kills.iter().map(|kill| kill.time_us);
    (
        time(times().min().unwrap_or_default()),
        time(times().max().unwrap_or_default()),
    )
}

fn who_dies_most(kills: &[Kill]) -> Vec<Value> {
    let rows = grouped(kills, |kill| Some(kill.workload)).into_iter().map(|(workload, kills)| {
        let (first, last) = first_and_last(&kills);
        json!({"workload": workload, "kills": kills.len(), "hosts": hosts(&kills), "first_kill": first, "last_kill": last})
    });
    most_first(rows.collect())
}

fn limits_too_small(kills: &[Kill]) -> Vec<Value> {
    let rows = grouped(kills, |kill| kill.limit.map(|limit| (kill.workload, limit)));
    let rows = rows.into_iter().map(|((workload, limit), kills)| {
        let configured = kills.iter().filter_map(|kill| kill.configured).max();
        let configured = configured.filter(|configured| *configured > limit);
        let needed = configured.unwrap_or_default().max(limit + 4096);
        json!({"workload": workload, "limit_bytes": limit, "needed_above_bytes": needed, "kills": kills.len()})
    });
    most_first(rows.collect())
}

fn restart_loops(kills: &[Kill]) -> Vec<Value> {
    let mut loops: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for ((workload, _), mut kills) in
        grouped(kills, |kill| Some((kill.workload, kill.host.clone())))
    {
        kills.sort_by_key(|kill| kill.killed_us);
        let goes_on = |a: &&Kill, b: &&Kill| {
            (a.killed_us..=a.killed_us + PAUSE_MAX_US).contains(&b.started_us)
        };
        for row in kills.chunk_by(goes_on).filter(|row| row.len() >= 3) {
            let host = row.first().map_or("", |kill| &kill.host);
            loops.entry(workload).or_default().push((row.len(), host));
        }
    }
    let rows = loops.into_iter().map(|(workload, loops)| {
        let kills: usize = loops.iter().map(|(kills, _)| kills).sum();
        let longest = loops.iter().map(|(kills, _)| kills).max();
        let hosts: BTreeSet<&str> = loops.iter().map(|(_, host)| *host).collect();
        json!({"workload": workload, "loops": loops.len(), "kills": kills, "longest": longest, "hosts": hosts.len()})
    });
    most_first(rows.collect())
}

fn node_or_container(kills: &[Kill]) -> Vec<Value> {
    let rows = grouped(kills, |kill| {
        Some(if kill.is_global { "global" } else { "memcg" })
    });
    let rows = rows.into_iter().map(
        |(scope, kills)| json!({"scope": scope, "kills": kills.len(), "hosts": hosts(&kills)}),
    );
    most_first(rows.collect())
}

fn since_which_image(kills: &[Kill]) -> Vec<Value> {
    let rows = grouped(kills, |kill| Some((kill.workload, kill.image.clone()?)));
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|((workload, _), kills)| {
        (*workload, kills.iter().map(|kill| kill.time_us).min())
    });
    let rows = rows.into_iter().map(|((workload, image), kills)| {
        let (first, last) = first_and_last(&kills);
        json!({"workload": workload, "image": image, "first_kill": first, "last_kill": last, "kills": kills.len()})
    });
    rows.collect()
}
