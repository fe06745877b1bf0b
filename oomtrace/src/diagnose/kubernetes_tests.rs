//! Kills in Kubernetes.

use super::kubernetes::{Level, level};
use super::*;
use crate::cgroup::path::from_path;
use crate::model::fixture::captured;
use crate::model::*;

const POD: &str = "/kubepods.slice/kubepods-pod0a1b2c3d_0001_4002_8003_0123456789ab.slice";
const CONTAINER: &str =
    "cri-containerd-77aabbccddeeff00112233445566778899aabbccddeeff0011223344556677ff.scope";

fn explained(limit: &str) -> OomKill {
    let mut event = captured();
    let own = format!("{POD}/{CONTAINER}");
    event.owner = from_path(&own);
    event.victim.cgroup_path = Some(own);
    event.victim.cgroup_id = None;
    event.hierarchy = Vec::new();
    event.runtime = None;
    let hit = event.limit.as_mut().unwrap();
    hit.cgroup_path = Some(limit.to_owned());
    hit.memsw_limit_bytes = None;
    diagnose(&mut event);
    let value = serde_json::to_value(Event::OomKill(Box::new(event.clone()))).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    event
}

#[test]
fn the_kubelets_levels_are_known() {
    for (path, expected) in [
        ("/kubepods", Some(Level::Allocatable)),
        ("/kubepods.slice", Some(Level::Allocatable)),
        (
            "/kubepods.slice/kubepods-burstable.slice",
            Some(Level::QosClass),
        ),
        ("/kubepods/besteffort", Some(Level::QosClass)),
        (POD, Some(Level::Pod)),
        (
            "/kubepods/burstable/pod0a1b2c3d-0001-4002-8003-0123456789ab",
            Some(Level::Pod),
        ),
        (
            "/kubepods/burstable/pod0a1b2c3d-0001-4002-8003-0123456789ab/x",
            None,
        ),
        ("/burstable", None),
        ("/system.slice", None),
    ] {
        assert_eq!(level(path), expected, "{path}");
    }
    assert_eq!(level(&format!("{POD}/{CONTAINER}")), None);
}

#[test]
fn a_pods_limit_is_its_containers() {
    let event = explained(POD);
    let found = event.findings.iter().find(|one| one.code == "parent_limit");
    let found = found.unwrap();
    assert!(
        found
            .text
            .ends_with("it is the sum of its containers' limits.")
    );
    assert_eq!(
        found.change.as_deref(),
        Some(
            "Raise resources.limits.memory of container 77aabbccddee: the pod's limit of 256 MiB \
             follows; or find out what java keeps."
        )
    );
}

#[test]
fn node_allocatable_is_the_kubelets() {
    for limit in ["/kubepods.slice", "/kubepods"] {
        let event = explained(limit);
        let found = event.findings.iter().find(|one| one.code == "parent_limit");
        let change = found.unwrap().change.as_deref().unwrap();
        assert!(change.contains("kubeReserved"), "{change}");
        assert!(!change.contains("Raise the limit"), "{change}");
    }
}

#[test]
fn a_group_is_a_container_and_nobody_was_likelier() {
    let group = format!("{POD}/{CONTAINER}");
    let mut event = explained(&group);
    event.incident.kill_kind = Some(KillKind::Group);
    event.incident.group_cgroup_path = Some(group);
    event.victim.oom_score_adj = Some(970);
    event.incident.chosen = Some(ChosenProcess {
        pid: 44,
        comm: Some("heavy".to_owned()),
        comm_hex: None,
    });
    diagnose(&mut event);
    let message = &event.header.message;
    let with =
        "with all of container 77aabbccddee (memory.oom.group), because heavy (pid 44) was chosen";
    assert!(message.contains(with), "{message}");
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    let codes: Vec<&str> = event.findings.iter().map(|one| one.code.as_str()).collect();
    assert!(!codes.contains(&"score_adjusted"), "{codes:?}");
    let change = event.findings[0].change.as_deref().unwrap();
    assert!(change.contains("singleProcessOOMKill"), "{change}");
}

#[test]
fn what_the_pods_status_shows() {
    let status = |ns_pid: u32, parent: &str| {
        let mut event = explained(&format!("{POD}/{CONTAINER}"));
        event.victim.ns_pid = Some(ns_pid);
        event.victim.parent_comm = Some(parent.to_owned());
        diagnose(&mut event);
        let found = event
            .findings
            .iter()
            .find(|one| one.code == "container_status");
        found.map(|one| one.text.clone())
    };
    let first = status(1, "containerd-shim").unwrap();
    assert!(first.ends_with("OOMKilled with exit code 137."), "{first}");
    let child = status(30, "gunicorn").unwrap();
    assert!(child.ends_with("no status shows OOMKilled."), "{child}");
    assert_eq!(status(30, "containerd-shim"), None);
}

#[test]
fn what_docker_and_systemd_show() {
    let shown = |change: &dyn Fn(&mut OomKill)| {
        let mut event = crate::model::fixture::captured();
        event.victim.ns_pid = Some(1);
        change(&mut event);
        diagnose(&mut event);
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
        let is_status = |one: &&Finding| one.code.ends_with("_status");
        event
            .findings
            .iter()
            .find(is_status)
            .map(|one| one.text.clone())
    };
    let first = shown(&|_| ()).unwrap();
    assert!(
        first.ends_with("State.OOMKilled true and State.ExitCode 137."),
        "{first}"
    );
    let child = shown(&|event| {
        event.victim.ns_pid = Some(9);
        event.victim.parent_comm = Some("supervisor".to_owned());
    });
    assert!(child.unwrap().contains("docker events shows oom"));
    let service = |version: u8| {
        shown(&|event| {
            let mut owner = Owner::of(OwnerKind::Unit);
            owner.unit = Some("mill.service".to_owned());
            event.owner = Some(owner);
            event.limit.as_mut().unwrap().cgroup_version = Some(version);
        })
    };
    let unit = service(2).unwrap();
    assert!(
        unit.contains("mill.service") && unit.ends_with("its result is oom-kill."),
        "{unit}"
    );
    assert_eq!(service(1), None);
}

#[test]
fn a_node_oom_is_an_event_of_the_kubelet() {
    let mut event = explained(&format!("{POD}/{CONTAINER}"));
    event.limit = None;
    event.incident.scope = Some(Scope::Global);
    event.victim.ns_pid = Some(1);
    diagnose(&mut event);
    let code = "container_status";
    let found = event.findings.iter().find(|one| one.code == code).unwrap();
    assert!(found.text.contains("SystemOOM event"), "{}", found.text);
    assert!(
        found.text.ends_with("ended with exit code 137."),
        "{}",
        found.text
    );
}

#[test]
fn memory_that_outlives_its_container() {
    let found = |own: u64| {
        let mut event = explained(POD);
        event.limit.as_mut().unwrap().children = Some(ChildLimits {
            total: 2,
            own_bytes: Some(Bytes(own << 20)),
            ..ChildLimits::default()
        });
        diagnose(&mut event);
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
        let code = "outlives_container";
        event.findings.into_iter().find(|one| one.code == code)
    };
    let text = found(40).unwrap().text;
    assert!(
        text.starts_with("40 MiB of the pod's 256 MiB limit"),
        "{text}"
    );
    assert_eq!(found(3), None);
}
