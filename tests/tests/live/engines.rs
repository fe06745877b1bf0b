//! Names of containers as each engine keeps them: while it runs, when the container is removed with
//! its kill, and when its daemon is gone.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::containerd::Containerd;
use oomtrace_tests::docker::Docker;
use oomtrace_tests::engine::{self, FILL, Parent, WAIT_AND_FILL};
use oomtrace_tests::event::Event;
use oomtrace_tests::podman::{self, Podman};
use oomtrace_tests::systemd::Systemd;
use oomtrace_tests::{Stage, image};

const NOWHERE: &str = "/nonexistent";

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// The event of the one kill in this cgroup, which agrees with the kernel's report.
fn killed_in(stage: &Stage, cgroup: &str) -> Result<Event> {
    let kill = stage.agreed_kill_in(cgroup.as_bytes(), Rss::Exact)?;
    kill.event.context("no event")
}

/// Fields with these texts, and without any where there is none.
fn is_owned(event: &Event, fields: &[(&str, Option<&str>)]) -> Result<()> {
    for (field, wanted) in fields {
        let field = format!("owner.{field}");
        ensure!(
            event.text(&field) == *wanted,
            "{field} is not {wanted:?}: {}",
            event.value
        );
        ensure!(
            wanted.is_some() != event.says_missing(&field),
            "{field} and missing do not agree: {}",
            event.value
        );
    }
    Ok(())
}

#[test]
fn docker_with_its_daemon_up_and_down() -> Result<()> {
    let files = tempfile::tempdir().context("cannot make a directory")?;
    let parent = Parent::new("docker");
    let image = "oomtrace-test/small:1";
    let mut docker = Docker::start(&image::small(files.path())?, image)?;
    let (root, socket) = (docker.root(), docker.socket());
    let (root, socket) = (text(&root)?, text(&socket)?);
    let start = |name: &str, below: &str| -> Result<(String, u32)> {
        let place = format!("--cgroup-parent=/{}{below}", parent.name());
        let mut arguments = vec!["run", "--detach", "--memory=24m", "--network=none"];
        arguments.extend([&place, "--name", name, image]);
        arguments.extend(WAIT_AND_FILL);
        let id = docker.docker(&arguments)?;
        let pid = docker.pid(&id)?;
        Ok((format!("/{}{below}/{id}", parent.name()), pid))
    };
    let asked = ["asked0", "asked1", "asked2"]
        .into_iter()
        .map(|name| Ok((name, start(name, "")?)))
        .collect::<Result<Vec<_>>>()?;
    let filed = start("filed", "")?;
    // The only one whose cgroup has a form that says Docker.
    let nameless = start("nameless", "/docker")?;
    let killed = |stage: &Stage, (cgroup, pid): &(String, u32)| {
        stage.await_reports(1)?;
        engine::go(*pid)?;
        killed_in(stage, cgroup)
    };
    let owned = |event: &Event, name: &str, from: &str| {
        is_owned(
            event,
            &[
                ("kind", Some("container")),
                ("engine", Some("docker")),
                ("container_name", Some(name)),
                ("image", Some(image)),
            ],
        )?;
        let said = event.text("owner.names_basis").unwrap_or_default();
        ensure!(said.starts_with(from), "{}", event.value);
        Ok(())
    };

    // No files to be seen: the daemon is asked. On a busy machine it may take longer than it is waited
    // for, and the event says so; not three times.
    let only_socket = ["--docker-root", NOWHERE, "--docker-socket", socket];
    let mut answered = false;
    for (name, container) in &asked {
        let stage = Stage::with_tracer(&only_socket)?;
        let event = killed(&stage, container)?;
        stage.finish()?;
        if !event.value.to_string().contains("does not answer") {
            owned(&event, name, socket)?;
            answered = true;
            break;
        }
    }
    ensure!(answered, "the daemon never answers in time");

    // No daemon: what it has left on disk is enough.
    docker.crash()?;
    let stage = Stage::with_tracer(&["--docker-root", root, "--docker-socket", socket])?;
    owned(&killed(&stage, &filed)?, "filed", root)?;
    stage.finish()?;

    // Neither: what the path says, and why there is no more.
    let stage = Stage::with_tracer(&only_socket)?;
    let event = killed(&stage, &nameless)?;
    let fields = [
        ("kind", Some("container")),
        ("engine", Some("docker")),
        ("container_name", None),
        ("image", None),
    ];
    is_owned(&event, &fields)?;
    let said = event.value.to_string();
    ensure!(said.contains("nobody listens"), "{said}");
    stage.finish()?;
    Ok(())
}

#[test]
fn podman() -> Result<()> {
    let files = tempfile::tempdir().context("cannot make a directory")?;
    let podman = Podman::new(&image::small(files.path())?)?;
    let [storage, run] = podman.storage();
    let (storage, run) = (text(&storage)?, text(&run)?);
    let stage = Stage::with_tracer(&["--storage-root", storage, "--storage-root", run])?;
    for (name, option) in [("web", "--rm=false"), ("once", "--rm")] {
        stage.await_reports(1)?;
        let ids = tempfile::tempdir().context("cannot make a directory")?;
        let id_file = ids.path().join("id");
        let id_option = format!("--cidfile={}", id_file.display());
        let options = [option, "--name", name, &id_option];
        let mut ended = podman.run(&options, &FILL);
        let id = engine::run_killed_with_id(&mut ended, &id_file)?;
        let event = killed_in(&stage, &format!("{}/libpod-{id}", podman.cgroup()))?;
        is_owned(
            &event,
            &[
                ("kind", Some("container")),
                ("engine", Some("podman")),
                ("container_id", Some(&id)),
                ("container_name", Some(name)),
                ("image", Some(podman::IMAGE)),
            ],
        )?;
    }
    stage.finish()?;
    Ok(())
}

#[test]
fn containerd_with_its_daemon_up_and_down() -> Result<()> {
    let files = tempfile::tempdir().context("cannot make a directory")?;
    let mut containerd = Containerd::start(&image::small(files.path())?)?;
    let state = containerd.state();
    let stage = Stage::with_tracer(&["--containerd-state", text(&state)?])?;
    let owned = |event: &Event, id: &str, name: Option<&str>| {
        is_owned(
            event,
            &[
                ("kind", Some("container")),
                ("engine", Some("containerd")),
                ("container_id", Some(id)),
                ("container_name", name),
                // containerd keeps it in a database of its own.
                ("image", None),
            ],
        )
    };
    // As nerdctl names its containers; and removed with its kill.
    let named = ["--rm", "--annotation", "nerdctl/name=web"];
    // `ctr` itself gives no name besides the id.
    for (options, id, name) in [
        (&named[..], "first", Some("web")),
        (&named[..1], "second", None),
    ] {
        stage.await_reports(1)?;
        engine::run_killed(&mut containerd.run(options, id, &FILL))?;
        owned(&killed_in(&stage, &containerd.cgroup(id))?, id, name)?;
    }

    let mut detached = containerd.run(&["--detach"], "third", &WAIT_AND_FILL);
    engine::run(&mut detached)?;
    let pid = containerd.pid("third")?;
    containerd.crash()?;
    stage.await_reports(1)?;
    engine::go(pid)?;
    owned(
        &killed_in(&stage, &containerd.cgroup("third"))?,
        "third",
        None,
    )?;
    stage.finish()?;
    Ok(())
}

#[test]
fn units_of_systemd() -> Result<()> {
    const HOG: &str = "[Unit]\nDefaultDependencies=no\n[Service]\nMemoryMax=24M\n\
        ExecStart=busybox dd if=/dev/zero of=/dev/null bs=64M\n";
    let sliced = format!("{HOG}Slice=batch-night.slice\n");
    // The limit is that of the slice.
    let shared = format!("{HOG}MemoryMax=48M\nSlice=tight.slice\n");
    let scope = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n\
        ExecStart=systemd-run --quiet --scope --unit=adhoc --property=MemoryMax=24M \
        busybox dd if=/dev/zero of=/dev/null bs=64M\n";
    let slice = "[Unit]\nDefaultDependencies=no\n[Slice]\nMemoryMax=24M\n";
    let stage = Stage::with_tracer(&[])?;
    stage.await_reports(4)?;
    let mut systemd = Systemd::start(&[
        ("web.service", HOG),
        ("copy@disk\\x2d1.service", &sliced),
        ("batch-night.slice", "[Unit]\nDefaultDependencies=no\n"),
        ("shared.service", &shared),
        ("tight.slice", slice),
        ("once.service", scope),
    ])?;
    for (below, unit) in [
        ("system.slice/web.service", "web.service"),
        (
            "batch.slice/batch-night.slice/copy@disk\\x2d1.service",
            "copy@disk\\x2d1.service",
        ),
        ("tight.slice/shared.service", "shared.service"),
        ("system.slice/adhoc.scope", "adhoc.scope"),
    ] {
        let event = killed_in(&stage, &format!("{}/{below}", systemd.cgroup()));
        systemd.check()?;
        let event = event?;
        is_owned(&event, &[("kind", Some("unit")), ("unit", Some(unit))])?;
    }
    stage.finish()?;
    Ok(())
}
