//! Every known layout, one line each in `paths.txt`, and paths that nobody has thought of.

use proptest::prelude::*;

use super::*;

const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
const NODE: &str = "1111aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";
const HASH: &str = "0123456789abcdef0123456789abcdef";

fn written_out(text: &str) -> String {
    text.replace("U_ID", &UID.replace('-', "_"))
        .replace("UID", UID)
        .replace("ID", ID)
        .replace("NODE", NODE)
        .replace("HASH", HASH)
}

fn summary(path: &str) -> String {
    let Some(owner) = from_path(path) else {
        return "none".to_owned();
    };
    assert_eq!((&owner.image, &owner.names_basis), (&None, &None));
    assert_eq!((&owner.pod_name, &owner.namespace), (&None, &None));
    let kind = format!("{:?}", owner.kind);
    let rest = [
        owner.engine,
        owner.container_id,
        owner.container_name,
        owner.pod_uid,
        owner.unit,
    ];
    let rest = rest.map(|text| text.unwrap_or_else(|| "-".to_owned()));
    format!("{kind} {}", rest.join(" "))
}

#[test]
fn every_layout_has_its_owner() {
    let mut checked = 0;
    for line in include_str!("paths.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (path, expected) = line.split_once(" -> ").unwrap();
        assert_eq!(summary(&written_out(path)), written_out(expected), "{line}");
        checked += 1;
    }
    assert!(checked > 100, "{checked}");
    assert_eq!(from_path(""), None);
}

/// What a path is put together from, so that what is tried is not far from what is known.
fn component() -> impl Strategy<Value = String> {
    let known = [
        "docker",
        "default",
        "k8s.io",
        "lxc",
        "ecs",
        "nomad",
        "garden",
        "mesos",
        "kubepods",
        "system.slice",
        "machine.slice",
        "payload",
        "web.service",
        "user-7.slice",
        "ID",
        "IDf",
        "docker-ID.scope",
        "libpod-ID",
        "crio-conmon-ID",
        "podUID",
        "UID.task",
        "HASH",
        "HASH-1",
        "x.slice:cri-containerd:ID",
        "kubepods-podU_ID.slice",
        "lxc.payload.a",
        "session-1.scope",
    ];
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(written_out),
        1 => "\\PC{0,20}",
        1 => "[a-z0-9@.:_\\\\-]{0,70}",
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let path = String::from_utf8_lossy(&bytes);
        if let Some(owner) = from_path(&path) {
            // What is said is in the path.
            for text in [&owner.container_id, &owner.unit].into_iter().flatten() {
                prop_assert!(path.contains(text.as_str()));
            }
        }
    }

    #[test]
    fn what_is_said_stands_in_the_path(parts in prop::collection::vec(component(), 0..6)) {
        let path = format!("/{}", parts.join("/"));
        let Some(owner) = from_path(&path) else { return Ok(()) };
        for text in [&owner.container_id, &owner.container_name, &owner.unit].into_iter().flatten() {
            prop_assert!(path.contains(text.as_str()), "{text} of {path}");
        }
        if let Some(uid) = &owner.pod_uid {
            prop_assert!(path.contains(uid.as_str()) || path.contains(&uid.replace('-', "_")));
            prop_assert_eq!(owner.kind, OwnerKind::Pod);
        }
        let is_container = owner.container_id.is_some() || owner.container_name.is_some();
        prop_assert!(is_container || owner.engine.is_none());
        prop_assert!(!is_container || matches!(owner.kind, OwnerKind::Container | OwnerKind::Pod));
    }

    #[test]
    fn an_id_alone_is_no_owner(parents in prop::collection::vec("[b-z]{1,9}", 0..4)) {
        const SAYING: &[&str] = &["docker", "lxc", "nomad", "garden", "mesos", "default", "ecs", "system", "podruntime"];
        prop_assume!(parents.iter().all(|parent| !SAYING.contains(&parent.as_str())));
        let path = format!("/{}/{ID}", parents.join("/"));
        prop_assert_eq!(from_path(&path), None, "{}", path);
    }
}

/// People shorten the ids of what they paste.
#[test]
fn a_short_id_below_a_pod_is_a_container() {
    let pod = "/kubepods/burstable/pod01234567-89ab-cdef-0123-456789abcdef";
    let owner = from_path(&format!("{pod}/4fd0")).unwrap();
    assert_eq!(owner.container_id.as_deref(), Some("4fd0"));
    assert!(owner.pod_uid.is_some());
    for name in ["4fd", "web", "4fd0x"] {
        let owner = from_path(&format!("{pod}/{name}")).unwrap();
        assert_eq!(owner.container_id, None, "{name}");
    }
    assert_eq!(from_path("/docker/4fd0"), None);
}

#[test]
fn the_kubelets_directories_show_the_class() {
    use crate::model::QosClass;

    let uid = "01234567-89ab-cdef-0123-456789abcdef";
    let slice = uid.replace('-', "_");
    let id = "4fd0".repeat(16);
    for (path, class) in [
        (
            format!("/kubepods/burstable/pod{uid}/{id}"),
            Some(QosClass::Burstable),
        ),
        (format!("/kubepods/pod{uid}"), Some(QosClass::Guaranteed)),
        (
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{slice}.slice"
            ),
            Some(QosClass::BestEffort),
        ),
        (
            format!("/kubepods.slice/kubepods-pod{slice}.slice/cri-containerd-{id}.scope"),
            Some(QosClass::Guaranteed),
        ),
        (
            format!(
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/\
                 kubelet-kubepods-burstable-pod{slice}.slice/cri-containerd-{id}.scope"
            ),
            Some(QosClass::Burstable),
        ),
        (format!("/burstable/pod{uid}"), None),
    ] {
        assert_eq!(from_path(&path).unwrap().pod_qos_class, class, "{path}");
    }
}
