//! The case that oomtrace was made for: a JVM with a capped heap in a container with a limit.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::docker::{Docker, JAVA_IMAGE};
use oomtrace_tests::event::Event;
use oomtrace_tests::image::{self, CLASSES, JAVA, SLEEP};
use oomtrace_tests::stage::Kill;
use serde_json::Value;

const LIMIT: u64 = 256 << 20;
const HEAP: u64 = 128 << 20;
const RUNS: usize = 10;

/// Other threads of the JVM run on while it is killed.
pub(crate) const JVM: Rss = Rss::Within(4 << 20);

type Scene = fn(&Docker, Stage) -> Result<()>;

/// A daemon with the image that has a JVM, and busybox.
pub(crate) fn docker() -> Result<Docker> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/DirectHog.java");
    let archive = image::archive(Path::new(env!("CARGO_TARGET_TMPDIR")), &source)?;
    Docker::start(&archive, JAVA_IMAGE)
}

fn untraced(scene: Scene) -> Result<()> {
    let docker = docker()?;
    scene(&docker, Stage::without_tracer()?)
}

fn traced(scene: Scene) -> Result<()> {
    let docker = docker()?;
    let root = docker.root();
    let root = root.to_str().context("a path that is no text")?;
    scene(&docker, Stage::with_tracer(&["--docker-root", root])?)
}

mod oracle {
    #[test]
    fn capped_heap() -> anyhow::Result<()> {
        super::untraced(super::capped_heap)
    }
    #[test]
    fn processes_beside_java() -> anyhow::Result<()> {
        super::untraced(super::processes_beside_java)
    }
    #[test]
    fn removed_at_once() -> anyhow::Result<()> {
        super::untraced(super::removed_at_once)
    }
}

mod traced {
    #[test]
    fn capped_heap() -> anyhow::Result<()> {
        super::traced(super::capped_heap)
    }
    #[test]
    fn processes_beside_java() -> anyhow::Result<()> {
        super::traced(super::processes_beside_java)
    }
    #[test]
    fn removed_at_once() -> anyhow::Result<()> {
        super::traced(super::removed_at_once)
    }
}

/// `docker run` until the end of the container; returns its id.
pub(crate) fn run_java(
    docker: &Docker,
    name: &str,
    options: &[&str],
    beside: &[&str],
) -> Result<String> {
    let mut all = vec!["--name", name, "--memory=256m"];
    all.extend(options);
    let mut command = vec![
        JAVA,
        "-Xmx128m",
        "-XX:MaxDirectMemorySize=1g",
        "-cp",
        CLASSES,
        "DirectHog",
    ];
    command.extend(beside);
    run_killed(docker, &all, &command)
}

/// `docker run` until the container's first process is killed; returns its id.
pub(crate) fn run_killed(docker: &Docker, options: &[&str], command: &[&str]) -> Result<String> {
    let ids = tempfile::tempdir().context("cannot make a directory")?;
    let id_file = ids.path().join("id");
    let id_option = format!("--cidfile={}", id_file.display());
    let mut arguments = vec!["run", "--network=none", &id_option];
    arguments.extend(options);
    arguments.push(JAVA_IMAGE);
    arguments.extend(command);
    let status = docker
        .spawn(&arguments)?
        .wait()
        .context("cannot wait for docker run")?;
    ensure!(status.code() == Some(137), "docker run ended with {status}");
    std::fs::read_to_string(&id_file).context("docker wrote no container id")
}

fn agreed(stage: &Stage, id: &str, name: &str) -> Result<Kill> {
    let path = format!("/docker/{id}");
    let kill = stage.agreed_kill_in(path.as_bytes(), JVM)?;
    ensure!(
        kill.report.killed.comm == b"java",
        "{:?}",
        kill.report.killed
    );
    let memory = kill
        .report
        .dump
        .as_ref()
        .and_then(|dump| dump.memory)
        .context("no memory line")?;
    ensure!(memory.limit_kib << 10 == LIMIT, "{memory:?}");
    if let Some(event) = &kill.event {
        explained(event, id, name)?;
    }
    Ok(kill)
}

/// What a reader has to be told of this kill.
fn explained(event: &Event, id: &str, name: &str) -> Result<()> {
    let texts = [
        ("owner.kind", "container"),
        ("owner.engine", "docker"),
        ("owner.container_id", id),
        ("owner.container_name", name),
        ("owner.image", JAVA_IMAGE),
        ("runtime.kind", "jvm"),
        ("limit.counter", "memory"),
    ];
    for (field, wanted) in texts {
        ensure!(
            event.text(field) == Some(wanted),
            "{field} is not {wanted}: {}",
            event.value
        );
    }
    let numbers = [
        ("victim.ns_pid", 1),
        ("limit.limit_bytes", LIMIT),
        ("runtime.max_heap_bytes", HEAP),
        ("runtime.max_direct_bytes", 1 << 30),
        ("hierarchy_total", 3),
    ];
    for (field, wanted) in numbers {
        ensure!(
            event.u64(field) == Some(wanted),
            "{field} is not {wanted}: {}",
            event.value
        );
    }
    let line: Vec<&str> = event
        .list("victim.cmdline")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    ensure!(
        line.starts_with(&[JAVA, "-Xmx128m", "-XX:MaxDirectMemorySize=1g"]),
        "{line:?}"
    );
    let message = event.text("message").unwrap_or_default();
    for wanted in ["java", name, "256 MiB", "128 MiB", "anonymous"] {
        ensure!(message.contains(wanted), "no {wanted:?} in {message:?}");
    }
    let heap = event.list("findings").iter().find(|finding| {
        finding.get("code").and_then(Value::as_str) == Some("heap_cap_is_not_process_cap")
    });
    ensure!(
        heap.is_some(),
        "not a word of the heap's cap: {}",
        event.value
    );
    Ok(())
}

/// Ten times the same kill: nothing may differ but the figures.
fn capped_heap(docker: &Docker, stage: Stage) -> Result<()> {
    let mut shapes: Vec<(Value, Value)> = Vec::new();
    for run in 0..RUNS {
        stage.await_reports(1)?;
        let name = format!("web{run}");
        let id = run_java(docker, &name, &[], &[])?;
        let Some(event) = agreed(&stage, &id, &name)?.event else {
            continue;
        };
        // On a busy host the JVM is sometimes gone before its counters are read, and says less.
        if !event.says_missing("runtime.jvm") {
            shapes.push((shape(&event.value), event.value));
        }
    }
    let Some((first, whole)) = shapes.first() else {
        ensure!(!stage.traced(), "no event has the JVM's counters");
        return finish(stage, RUNS);
    };
    for (other, value) in &shapes {
        ensure!(
            first == other,
            "more than figures differ:\n{whole}\n{value}"
        );
    }
    finish(stage, RUNS)
}

fn finish(stage: Stage, kills: usize) -> Result<()> {
    let traced = stage.traced();
    let said = stage.finish()?;
    let told = said.killed_below(b"/docker/").len();
    ensure!(!traced || told == kills, "{kills} kills, {told} events");
    Ok(())
}

/// An event with every number zero and every run of digits and letters that has a digit replaced:
/// what is left must be the same for the same kill.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(_) => Value::from(0),
        Value::String(text) => Value::from(words(text)),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(map) => map
            .iter()
            // Whichever of the JVM's threads it was that asked.
            .filter(|(key, _)| key.as_str() != "trigger")
            // Whether a figure that is shown could be misread depends on the figure.
            .filter(|(key, _)| key.as_str() != "detail")
            // None of it, or a few pages.
            .filter(|(key, _)| {
                let code = map.get("code").and_then(Value::as_str);
                key.as_str() != "text" || code != Some("page_cache_left")
            })
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
        other => other.clone(),
    }
}

fn words(text: &str) -> String {
    let unit = |word: &str| matches!(word, "B" | "KiB" | "MiB" | "bytes");
    let plain = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        if core.chars().any(|c| c.is_ascii_digit()) || unit(core) {
            "#".to_owned()
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

/// Twenty processes die with the container's first one, and only that one was killed.
fn processes_beside_java(docker: &Docker, stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let mut beside = vec!["20"];
    beside.extend(SLEEP);
    let id = run_java(docker, "many", &[], &beside)?;
    let kill = agreed(&stage, &id, "many")?;
    let dump = kill.report.dump.context("no dump")?;
    ensure!(dump.tasks.len() == 21, "{:?}", dump.tasks);
    finish(stage, 1)
}

/// The container is removed as soon as it has ended; the event knows its name all the same.
fn removed_at_once(docker: &Docker, stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let id = run_java(docker, "shortlived", &["--rm"], &[])?;
    agreed(&stage, &id, "shortlived")?;
    finish(stage, 1)
}
