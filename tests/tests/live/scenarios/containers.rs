//! The same in containers of Docker, as their users make them.

use anyhow::Result;
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::docker::{Docker, JAVA_IMAGE};
use oomtrace_tests::engine::{FILL, Parent};
use oomtrace_tests::image::SLEEP;
use oomtrace_tests::stage::Kill;

use super::{Play, Scenario, scenario};
use crate::docker::{JVM, run_java, run_killed};

pub(super) const SCENARIOS: &[Scenario] = &[
    in_docker(
        "docker: capped jvm",
        "configured_cap_above_limit",
        &[
            "heap_cap_is_not_process_cap",
            "anon_filled",
            "limit_reached",
        ],
        &["-Xmx", "container capped"],
        |stage, docker| {
            let id = run_java(docker, "capped", &[], &[])?;
            stage.agreed_kill_in(path(&id).as_bytes(), JVM)
        },
    ),
    in_docker(
        "docker: leak",
        "anon_filled",
        &["limit_reached"],
        &["container leaking"],
        |stage, docker| {
            let id = run_killed(docker, &["--name=leaking", "--memory=24m"], &FILL)?;
            stage.agreed_kill_in(path(&id).as_bytes(), Rss::Exact)
        },
    ),
    in_docker(
        "docker: files in /dev/shm",
        "shmem_filled",
        &[],
        &["tmpfs"],
        |stage, docker| {
            let fill = "exec /bin/busybox dd if=/dev/zero of=/dev/shm/file bs=64k";
            let options = ["--shm-size=64m", "--memory=24m"];
            let id = run_killed(docker, &options, &["/bin/busybox", "sh", "-c", fill])?;
            stage.agreed_kill_in(path(&id).as_bytes(), Rss::Exact)
        },
    ),
    in_docker(
        "docker: slab",
        "kernel_memory",
        &[],
        &["kernel memory"],
        slab,
    ),
    in_docker(
        "docker: pod's limit",
        "parent_limit",
        &["anon_filled"],
        &["1 level above it"],
        pod,
    ),
    in_docker(
        "docker: restarted",
        "anon_filled",
        &["repeated_kill"],
        &["2 times in"],
        restarted,
    ),
];

const fn in_docker(
    name: &'static str,
    leads: &'static str,
    also: &'static [&'static str],
    says: &'static [&'static str],
    play: fn(&Stage, &Docker) -> Result<Kill>,
) -> Scenario {
    // What makes it on the host is never called.
    let on_host = |_: &Stage| anyhow::bail!("it is played in Docker");
    let mut scenario = scenario(name, leads, also, says, on_host);
    scenario.play = Play::InDocker(play);
    scenario
}

/// Where Docker puts a container.
fn path(id: &str) -> String {
    format!("/docker/{id}")
}

/// Starts a container; returns its id.
fn start(docker: &Docker, options: &[&str], command: &[&str]) -> Result<String> {
    let mut arguments = vec!["run", "--detach", "--network=none"];
    arguments.extend(options);
    arguments.push(JAVA_IMAGE);
    arguments.extend(command);
    docker.docker(&arguments)
}

/// Many small files: what they take is not in any process.
fn slab(stage: &Stage, docker: &Docker) -> Result<Kill> {
    let files = "cd /dev/shm; /bin/busybox seq 1 400000 | /bin/busybox xargs /bin/busybox touch";
    let shell = ["/bin/busybox", "sh", "-c", files];
    let id = start(docker, &["--memory=24m"], &shell)?;
    stage.agreed_kill_in(path(&id).as_bytes(), Rss::Exact)
}

/// Two containers, each within its own limit; that of what they are in is lower.
fn pod(stage: &Stage, docker: &Docker) -> Result<Kill> {
    let pod = Parent::new("pod");
    let place = format!("--cgroup-parent=/{}", pod.name());
    let quiet = start(docker, &[&place, "--memory=40m"], &SLEEP)?;
    pod.limit_mib(48)?;
    let leaking = start(docker, &[&place, "--memory=64m"], &FILL)?;
    let cgroup = format!("/{}/{leaking}", pod.name());
    let kill = stage.agreed_kill_in(cgroup.as_bytes(), Rss::Exact);
    docker.docker(&["rm", "--force", &quiet, &leaking])?;
    kill
}

/// What is killed is started again, and killed again.
fn restarted(stage: &Stage, docker: &Docker) -> Result<Kill> {
    let options = ["--restart=on-failure:1", "--memory=24m"];
    let id = start(docker, &options, &FILL)?;
    let again = stage.nth_victim_in(path(&id).as_bytes(), 2)?;
    stage.agreed_kill(again, Rss::Exact)
}
