//! Alert rules, recording rules and dashboard, in a real Prometheus that scrapes a real daemon.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::cgroup::Cgroup;
use oomtrace_tests::command::run;
use oomtrace_tests::deploy::prometheus::start as start_prometheus;
use oomtrace_tests::deploy::running::Running;
use oomtrace_tests::deploy::webhook::Webhook;
use oomtrace_tests::deploy::{dashboard, http, repository};
use oomtrace_tests::process::Workload;
use oomtrace_tests::{Stage, tracer};
use serde_json::Value;

const FOLDER: &str = "deploy/observability";
const RULE_FILES: [&str; 2] = ["recording-rules.yml", "alert-rules.yml"];

#[test]
fn rules_pass_their_own_tests() -> Result<()> {
    for arguments in [
        &["check", "rules", "recording-rules.yml", "alert-rules.yml"][..],
        &["test", "rules", "alert-rules.test.yml"],
    ] {
        let mut promtool = Command::new("promtool");
        promtool.args(arguments).current_dir(repository(FOLDER));
        let ended = run(&mut promtool)?;
        ensure!(ended.code == 0, "{ended:?}");
    }
    Ok(())
}

/// An alert without a test could name anything.
#[test]
fn every_alert_has_a_test_that_fires() -> Result<()> {
    let rules = fs::read_to_string(repository(FOLDER).join("alert-rules.yml"))?;
    let tests = fs::read_to_string(repository(FOLDER).join("alert-rules.test.yml"))?;
    for name in rules
        .split("- alert: ")
        .skip(1)
        .filter_map(|text| text.lines().next())
    {
        let fires = tests
            .split("- alertname: ")
            .filter(|text| text.lines().next() == Some(name))
            .any(|text| text.contains("exp_labels"));
        ensure!(fires, "no test in which {name} fires");
    }
    Ok(())
}

#[test]
fn rules_and_dashboard_return_data_of_real_kills() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let metrics = http::free_port()?;
    let mut daemon = daemon(folder.path(), metrics)?;
    let webhook = Webhook::start()?;
    let alerts = http::free_port()?;
    let mut alertmanager = alertmanager(folder.path(), alerts, &webhook)?;
    let port = http::free_port()?;
    let mut prometheus = prometheus(folder.path(), metrics, alerts, port)?;
    // Once before the kills, so that there is something to increase from.
    prometheus.until("the first scrape", || {
        let up = http::query(port, "oomtrace_oom_kills_total").ok()?;
        (!up.is_empty()).then_some(())
    })?;
    let cgroup = stage.cgroup(24)?;
    for _ in 0..3 {
        Workload::within(&cgroup)?
            .start(&["anon", "32"])?
            .end_killed()?;
    }
    let scope = r#"oomtrace_oom_kills_total{scope="memcg"} >= 3"#;
    prometheus.until("three kills in Prometheus", || {
        let kills = http::query(port, scope).ok()?;
        (!kills.is_empty()).then_some(())
    })?;
    for expression in dashboard::expressions() {
        let what = format!("no data: {expression}");
        prometheus.until(&what, || {
            let series = http::query(port, &expression);
            series.map_or_else(
                |error| Some(Err(error)),
                |series| (!series.is_empty()).then_some(Ok(())),
            )
        })??;
    }
    rules_are_healthy(port)?;
    let alert = alertmanager.until("the alert arrives", || webhook.alert("OomKill"))?;
    let summary = alert
        .pointer("/annotations/summary")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ensure!(summary.starts_with("OOM kill of "), "{alert}");
    leads_to_the_kill(folder.path(), metrics, &cgroup)?;
    let text = http::get(metrics, "/metrics")?;
    names_are_those_of_the_daemon(&text)?;
    lint(folder.path(), &text)?;
    daemon.until("running at the end", || Some(()))
}

fn daemon(folder: &Path, metrics: u16) -> Result<Running> {
    let config = folder.join("oomtrace.toml");
    let dead = http::free_port()?;
    let here = folder.display();
    fs::write(
        &config,
        format!(
            "[capture]\nbackfill = false\n[store]\npath = \"{here}/store\"\n\
             [metrics]\nlisten = \"127.0.0.1:{metrics}\"\n\
             [[sink]]\ntype = \"file\"\npath = \"{here}/out\"\n\
             [[sink]]\ntype = \"http\"\nurl = \"http://127.0.0.1:{dead}/\"\ngzip = false\n"
        ),
    )?;
    let mut command = Command::new(tracer::program()?);
    command.args(["daemon", "--config"]).arg(&config);
    let log = folder.join("daemon.log");
    let mut daemon = Running::start(&mut command, &log)?;
    daemon.until("the daemon attaches", || {
        let said = fs::read_to_string(&log).ok()?;
        said.contains("tracing OOM kills").then_some(())
    })?;
    Ok(daemon)
}

fn alertmanager(folder: &Path, port: u16, webhook: &Webhook) -> Result<Running> {
    let config = folder.join("alertmanager.yml");
    fs::write(
        &config,
        format!(
            "route: {{receiver: here, group_wait: 0s}}\n\
             receivers: [{{name: here, webhook_configs: [{{url: '{}'}}]}}]\n",
            webhook.url()
        ),
    )?;
    let mut command = Command::new("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.path={}",
            folder.join("alerts").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        // It is alone.
        .arg("--cluster.listen-address=");
    Running::start(&mut command, &folder.join("alertmanager.log"))
}

/// The exemplar that comes with the count names a kill, and `show` has it.
fn leads_to_the_kill(folder: &Path, metrics: u16, cgroup: &Cgroup) -> Result<()> {
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let text = http::get_with(metrics, "/metrics", accept)?;
    let id = text
        .lines()
        .filter(|line| line.starts_with("oomtrace_oom_kills_total{scope=\"memcg\"}"))
        .find_map(|line| line.split_once("# {event_id=\"")?.1.split('"').next())
        .with_context(|| format!("no exemplar: {text}"))?;
    let mut show = Command::new(tracer::program()?);
    show.args(["show", id]).arg(folder.join("store"));
    let shown = run(&mut show)?;
    let path = String::from_utf8_lossy(cgroup.path());
    ensure!(
        shown.code == 0 && shown.out.contains(&*path),
        "{id}: {shown:?}"
    );
    Ok(())
}

fn prometheus(folder: &Path, metrics: u16, alerts: u16, port: u16) -> Result<Running> {
    let rules = RULE_FILES.map(|name| repository(FOLDER).join(name).display().to_string());
    let config = format!(
        "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
         rule_files: {rules:?}\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]}}]}}\n\
         scrape_configs: [{{job_name: oomtrace, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n"
    );
    start_prometheus(folder, &config, port)
}

fn rules_are_healthy(port: u16) -> Result<()> {
    let answer: Value = serde_json::from_str(&http::get(port, "/api/v1/rules")?)?;
    let groups = answer.pointer("/data/groups").and_then(Value::as_array);
    let rules: Vec<&Value> = groups
        .context("no groups")?
        .iter()
        .filter_map(|group| group.pointer("/rules")?.as_array())
        .flatten()
        .collect();
    ensure!(rules.len() > 10, "only {} rules", rules.len());
    for rule in rules {
        ensure!(rule.pointer("/health") == Some(&"ok".into()), "{rule}");
    }
    Ok(())
}

/// Every metric that the rules name is one that the daemon has.
fn names_are_those_of_the_daemon(exposition: &str) -> Result<()> {
    let has: BTreeSet<&str> = exposition
        .lines()
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    for file in RULE_FILES {
        let text = fs::read_to_string(repository(FOLDER).join(file))?;
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        for word in words.filter(|word| word.starts_with("oomtrace_")) {
            ensure!(
                has.contains(word),
                "{file} names {word}, which the daemon does not have"
            );
        }
    }
    Ok(())
}

/// The exposition follows Prometheus' conventions.
fn lint(folder: &Path, exposition: &str) -> Result<()> {
    let file = folder.join("metrics");
    fs::write(&file, exposition)?;
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::from(fs::File::open(&file)?))
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}");
    Ok(())
}
