//! Chart and kustomize base: the same objects, valid, and with no more rights than they say.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::command::{Tool, run};
use oomtrace_tests::deploy::container::Container;
use oomtrace_tests::deploy::python::kubernetes_tools;
use oomtrace_tests::deploy::running::Running;
use oomtrace_tests::deploy::shipper::Received;
use oomtrace_tests::deploy::{http, manifests, repository};
use oomtrace_tests::process::Workload;
use serde_json::Value;

/// Kubernetes versions whose schemas the objects must follow.
const VERSIONS: [&str; 2] = ["1.25.0", "1.37.0"];

const PLUGIN: &str = "deploy/kubernetes/kubectl-plugin/kubectl-oomtrace";

/// Settings of the chart, each of which must give valid objects.
const SETTINGS: &[&[&str]] = &[
    &["kernelLog=true"],
    &["events.enabled=true"],
    &[
        "events.enabled=true",
        "networkPolicy.egress[0].ports[0].port=4318",
    ],
    &["networkPolicy.enabled=false"],
    &["networkPolicy.from[0].namespaceSelector.matchLabels.name=monitoring"],
    &["networkPolicy.egress[0].ports[0].port=4318"],
    &["podMonitor.enabled=true", "serviceMonitor.enabled=true"],
    &["image.digest=sha256:0000", "imagePullSecrets[0].name=pull"],
    &["capabilities={BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH}"],
    &[
        "engineState={/run/k3s/containerd}",
        "storePath=/data/oomtrace",
    ],
    &["podAnnotations.team=nodes", "metricsPort=9999"],
];

#[test]
fn helm_and_kustomize_make_the_same_objects() -> Result<()> {
    for (settings, components) in [
        (&[][..], &[][..]),
        (&["podMonitor.enabled=true"], &["podmonitor"]),
        (&["serviceMonitor.enabled=true"], &["servicemonitor"]),
    ] {
        let helm = manifests::objects(&manifests::helm(settings)?)?;
        let kustomize = manifests::objects(&manifests::kustomize(components)?)?;
        ensure!(helm.len() >= 4, "too few objects: {helm:?}");
        let names = |objects: &[Value]| {
            objects
                .iter()
                .map(manifests::kind_and_name)
                .collect::<Vec<_>>()
        };
        ensure!(
            names(&helm) == names(&kustomize),
            "{:?}, {:?}",
            names(&helm),
            names(&kustomize)
        );
        for (one, other) in helm.iter().zip(&kustomize) {
            ensure!(one == other, "by helm: {one:#}\nby kustomize: {other:#}");
        }
    }
    Ok(())
}

#[test]
fn every_setting_gives_valid_objects() -> Result<()> {
    let yaml = manifests::kustomize(&["podmonitor", "servicemonitor"])?;
    for version in VERSIONS {
        manifests::validate(&yaml, version)?;
    }
    for settings in SETTINGS {
        let yaml = manifests::helm(settings)?;
        manifests::validate(&yaml, VERSIONS[1]).with_context(|| format!("{settings:?}"))?;
    }
    // Else the above could not fail.
    let wrong = yaml.replace("hostPID:", "hostPid:");
    ensure!(
        manifests::validate(&wrong, VERSIONS[1]).is_err(),
        "a wrong key passes"
    );
    Ok(())
}

#[test]
fn checkov_finds_nothing_without_a_reason() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let yaml = manifests::helm(&[])?;
    manifests::checkov(&yaml, folder.path())?;
    let wrong = yaml.replace(
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
    );
    let refused = manifests::checkov(&wrong, folder.path());
    ensure!(refused.is_err_and(|error| format!("{error:#}").contains("CKV_K8S_22")));
    Ok(())
}

#[test]
fn the_daemon_takes_the_charts_configuration() -> Result<()> {
    let tool = Tool::copy()?;
    for settings in [
        &[][..],
        &["kernelLog=true", "store.maxSize=1GiB", "metricsPort=9999"],
        &["events.enabled=true"],
    ] {
        let objects = manifests::objects(&manifests::helm(settings)?)?;
        let mut configs = objects
            .iter()
            .filter_map(|object| object.pointer("/data/oomtrace.toml")?.as_str());
        let file = tool.directory().join("oomtrace.toml");
        fs::write(&file, configs.next().context("no configuration")?)?;
        let ended = tool.run(&["config", "check", &file.to_string_lossy()])?;
        ensure!(ended.code == 0, "{ended:?}");
    }
    Ok(())
}

/// With the manifest's rights and no others the daemon attaches, and a kill has what only the mounts give.
#[test]
fn the_manifests_rights_are_enough_for_a_kill() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let port = http::free_port()?;
    let objects = manifests::objects(&manifests::helm(&[&format!("metricsPort={port}")])?)?;
    let of_kind = |kind: &str| {
        let mut objects = objects.iter();
        objects
            .find(|object| object.get("kind") == Some(&kind.into()))
            .context("no object")
    };
    let config = of_kind("ConfigMap")?
        .pointer("/data/oomtrace.toml")
        .and_then(Value::as_str);
    let config = config.context("no configuration")?;
    let mut container = Container::start(of_kind("DaemonSet")?, config, folder.path())?;
    let log = folder.path().join("log");
    container.running.until("the daemon attaches", || {
        let said = fs::read_to_string(&log).ok()?;
        said.contains("tracing OOM kills").then_some(())
    })?;
    let cgroup = stage.cgroup(24)?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    victim.end_killed()?;
    let event = container.running.until("the kill", || {
        let said = fs::read_to_string(&log).ok()?;
        let mut events = said
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.find(|event| event.pointer("/victim/pid") == Some(&victim.pid().into()))
    })?;
    ensure!(
        event.pointer("/hostname") == Some(&"node-of-the-pod".into()),
        "{event}"
    );
    for path in [
        "/victim/cmdline",
        "/victim/memory/anon_bytes",
        "/limit/usage/anon_bytes",
    ] {
        ensure!(event.pointer(path).is_some(), "no {path}: {event}");
    }
    ensure!(http::get(port, "/-/ready")?.contains("ready"));
    let text = http::get(port, "/metrics")?;
    ensure!(text.contains("\noomtrace_capturing 1\n"), "{text}");
    Ok(())
}

/// The proxy beside the daemon, with the arguments of the manifest, lets Events through and nothing else.
#[test]
fn the_proxy_creates_events_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Received::listen()?;
    let port = http::free_port()?;
    let objects = manifests::objects(&manifests::helm(&["events.enabled=true"])?)?;
    let mut pods = objects
        .iter()
        .filter_map(|object| object.pointer("/spec/template/spec"));
    let arguments = pods
        .next()
        .and_then(|pod| pod.pointer("/containers/1/args")?.as_array());
    let (_, kubectl) = kubernetes_tools()?;
    let mut command = Command::new(kubectl);
    for argument in arguments
        .context("no proxy")?
        .iter()
        .filter_map(Value::as_str)
    {
        command.arg(argument.replace("8001", &port.to_string()));
    }
    command.arg(format!("--server=http://127.0.0.1:{}", server.port()));
    let mut proxy = Running::start(
        command.env("HOME", folder.path()),
        &folder.path().join("log"),
    )?;
    let log = folder.path().join("log");
    proxy.until("the proxy listens", || {
        fs::read_to_string(&log)
            .ok()?
            .contains("Starting to serve")
            .then_some(())
    })?;
    for (method, path) in [
        ("GET", "/api/v1/namespaces/shop/events"),
        ("POST", "/api/v1/namespaces/shop/secrets"),
        ("POST", "/api/v1/namespaces/shop/pods/web-0/exec"),
    ] {
        let answer = http::send(port, method, path, "{}")?;
        ensure!(
            answer.contains(" 403 Forbidden"),
            "{method} {path}: {answer}"
        );
    }
    ensure!(server.text().is_empty(), "{}", server.text());
    // The server does not answer: that it was asked is enough.
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(b"POST /api/v1/namespaces/shop/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")?;
    proxy.until("the Event arrives", || {
        let text = server.text();
        text.starts_with("POST /api/v1/namespaces/shop/events HTTP/1.1\r\n")
            .then_some(())
    })
}

/// A kubectl that knows one pod and one daemon, and says what it was asked to execute.
const KUBECTL: &str = r#"#!/bin/sh
case "$*" in
    "get pod web-0 -n shop -o jsonpath={.spec.nodeName}") printf node7 ;;
    "config view --minify -o jsonpath={..namespace}") printf shop ;;
    *"spec.nodeName=node7,"*) printf 'oomtrace-abc oomtrace-old' ;;
    "get pods"*) ;;
    exec*) echo "$*" ;;
    *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"#;

#[test]
fn the_plugin_asks_the_daemon_of_the_pods_node() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kubectl = folder.path().join("kubectl");
    fs::write(&kubectl, KUBECTL)?;
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755))?;
    let plugin = |arguments: &str| {
        let mut command = Command::new("sh");
        command.arg(repository(PLUGIN)).args(arguments.split(' '));
        run(command
            .env("KUBECTL", &kubectl)
            .env_remove("OOMTRACE_NAMESPACE"))
    };
    let called = "exec -n oomtrace oomtrace-abc -c oomtrace -- /oomtrace";
    for (arguments, expected) in [
        ("list -n shop web-0", "list --pod shop/web-0"),
        ("show web-0 --long", "show --pod shop/web-0 --long"),
        (
            "top --namespace=shop web-0 --since 7d",
            "top --pod shop/web-0 --since 7d",
        ),
        ("trace web-0", "trace --pod shop/web-0"),
        ("check -n shop web-0", "check"),
        ("report --node node7", "report"),
    ] {
        let ended = plugin(arguments)?;
        ensure!(
            ended.code == 0 && ended.out == format!("{called} {expected}\n"),
            "{ended:?}"
        );
    }
    for (arguments, reason) in [
        ("list", "which pod"),
        ("list --node node8", "no oomtrace runs on node node8"),
        ("list web-0 --node", "--node needs a value"),
        ("drop web-0", "unknown command drop"),
    ] {
        let ended = plugin(arguments)?;
        ensure!(
            ended.code == 2 && ended.complaint.contains(reason),
            "{ended:?}"
        );
    }
    Ok(())
}

#[test]
fn the_plugin_is_plain_shell() -> Result<()> {
    let ended = run(Command::new("shellcheck")
        .args(["--shell=sh"])
        .arg(repository(PLUGIN)))?;
    ensure!(ended.code == 0, "{}", ended.out);
    Ok(())
}
