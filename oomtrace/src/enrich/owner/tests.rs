//! From a cgroup's path and an engine's files to an owner with names.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
const OTHER: &str = "9999aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// A node whose engines are directories of a test.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, way: &str) -> PathBuf {
        self.0.path().join(way)
    }

    fn write(&self, way: &str, text: &str) {
        let path = self.path(way);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn docker(&self, id: &str, name: &str) {
        let json = format!(r#"{{"Name":"/{name}","Config":{{"Image":"app:1"}}}}"#);
        self.write(&format!("docker/containers/{id}/config.v2.json"), &json);
    }

    fn containerd(&self, namespace: &str, id: &str, json: &str) {
        let way = format!("containerd/io.containerd.runtime.v2.task/{namespace}/{id}/config.json");
        self.write(&way, json);
    }

    fn owners(&self) -> Owners {
        Owners::new(&NamePlaces {
            roots: vec![
                (&DOCKER, vec![self.path("docker")]),
                (&CONTAINERD, vec![self.path("containerd")]),
                (&STORAGE, vec![self.path("storage"), self.path("run")]),
            ],
            docker_socket: Some(self.path("docker.sock")),
            kubelet_logs: self.path("log"),
        })
    }

    fn find(&self, path: &str) -> (Owner, Vec<Missing>) {
        let (owner, missing) = self.owners().find(path, true, &|| 0);
        (owner.unwrap(), missing)
    }
}

fn names(owner: &Owner) -> [Option<&str>; 5] {
    [
        owner.engine.as_deref(),
        owner.container_name.as_deref(),
        owner.image.as_deref(),
        owner.namespace.as_deref(),
        owner.pod_name.as_deref(),
    ]
}

fn reasons(missing: &[Missing]) -> Vec<(&str, &str)> {
    missing
        .iter()
        .map(|one| (one.field.as_str(), one.reason.word()))
        .collect()
}

#[test]
fn docker_names_a_bare_id_below_any_parent() {
    let node = Node::new();
    node.docker(ID, "web");
    let (owner, missing) = node.find(&format!("/my-parent/{ID}"));
    assert_eq!(
        names(&owner),
        [Some("docker"), Some("web"), Some("app:1"), None, None]
    );
    assert_eq!(owner.container_id.as_deref(), Some(ID));
    assert!(owner.names_basis.unwrap().ends_with("config.v2.json"));
    assert_eq!(missing, []);
    let (owner, _) = node.find(&format!(
        "/system.slice/web.service/{ID}/system.slice/a.service"
    ));
    assert_eq!(owner.kind, OwnerKind::Container);
    assert_eq!(owner.unit.as_deref(), Some("a.service"));
    // An id that no engine knows says nothing.
    let (owner, missing) = node
        .owners()
        .find(&format!("/my-parent/{OTHER}"), true, &|| 0);
    assert_eq!(
        (owner, reasons(&missing)),
        (None, vec![("owner", "not_found")])
    );
}

#[test]
fn a_kubelets_name_is_taken_apart() {
    let node = Node::new();
    node.docker(ID, &format!("k8s_app_web-1_shop_{UID}_0"));
    let (owner, missing) = node.find(&format!("/kubepods/pod{UID}/{ID}"));
    let expected = [
        Some("docker"),
        Some("app"),
        Some("app:1"),
        Some("shop"),
        Some("web-1"),
    ];
    assert_eq!(names(&owner), expected);
    assert_eq!((owner.kind, missing), (OwnerKind::Pod, Vec::new()));
    // Of another pod: not to be believed.
    let (owner, missing) = node.find(&format!("/kubepods/pod{}/{ID}", UID.replace('0', "1")));
    assert_eq!(names(&owner), [None; 5]);
    assert_eq!(missing.len(), 4);
}

#[test]
fn containerd_names_pods_containers_and_its_own() {
    let node = Node::new();
    node.containerd(
        "k8s.io",
        ID,
        &format!(
            r#"{{"ociVersion":"1.0.2","annotations":{{"io.kubernetes.cri.container-name":"app",
            "io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"r/app:2",
            "io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.sandbox-namespace":"shop",
            "io.kubernetes.cri.sandbox-uid":"{UID}"}},"linux":{{"cgroupsPath":"x:y:z"}}}}"#
        ),
    );
    for path in [
        format!("/kubepods/burstable/pod{UID}/{ID}"),
        format!(
            "/kubepods.slice/kubepods-pod{}.slice/cri-containerd-{ID}.scope",
            UID.replace('-', "_")
        ),
    ] {
        let (owner, missing) = node.find(&path);
        let expected = [
            Some("containerd"),
            Some("app"),
            Some("r/app:2"),
            Some("shop"),
            Some("web-1"),
        ];
        assert_eq!(names(&owner), expected, "{path}");
        assert_eq!(missing, []);
    }
    // Killed in the pod's own cgroup: the pod has its name from any of its containers.
    let (owner, _) = node.find(&format!("/kubepods/burstable/pod{UID}"));
    assert_eq!(
        names(&owner),
        [Some("containerd"), None, None, Some("shop"), Some("web-1")]
    );

    // An id that is a name counts only in its own cgroup.
    node.containerd(
        "default",
        "x1",
        r#"{"linux":{"cgroupsPath":"/default/x1"}}"#,
    );
    let (owner, missing) = node.find("/default/x1");
    assert_eq!(owner.container_id.as_deref(), Some("x1"));
    assert_eq!(names(&owner), [Some("containerd"), None, None, None, None]);
    assert_eq!(
        reasons(&missing),
        [
            ("owner.container_name", "not_said"),
            ("owner.image", "not_said")
        ]
    );
    let (owner, _) = node.find(&format!("/docker/{OTHER}/default/x1/inner.service"));
    assert_eq!(owner.container_id.as_deref(), Some("x1"));
    let mut owners = node.owners();
    for path in [
        "/default/x1x",
        "/other/default/x1",
        "/x1",
        "/default/x",
        "/xdefault/x1",
    ] {
        assert_eq!(owners.find(path, true, &|| 0).0, None, "{path}");
    }
}

#[test]
fn the_storage_of_podman_and_cri_o_names_both() {
    let node = Node::new();
    let stored = |id: &str, name: &str, more: &str| {
        format!(
            r#"{{"id":"{id}","names":["{name}"],"metadata":"{{\"image-name\":\"r/app:3\"{more}}}","flags":{{"a":1}}}}"#
        )
    };
    let cri_o = format!(r#",\"pod-name\":\"k8s_web-1_shop_{UID}_0\""#);
    node.write(
        "storage/overlay-containers/containers.json",
        &format!(
            "[{},{}]",
            stored(ID, "db", ""),
            stored(OTHER, &format!("k8s_app_web-1_shop_{UID}_0"), &cri_o)
        ),
    );
    fs::create_dir_all(node.path(&format!("storage/overlay-containers/{ID}/userdata"))).unwrap();
    let (owner, missing) = node.find(&format!("/libpod_parent/libpod-{ID}"));
    assert_eq!(
        names(&owner),
        [Some("podman"), Some("db"), Some("r/app:3"), None, None]
    );
    assert!(
        owner
            .names_basis
            .unwrap()
            .ends_with("storage/overlay-containers/containers.json")
    );
    assert_eq!(missing, []);
    let (owner, missing) = node.find(&format!("/kubepods/pod{UID}/crio-{OTHER}"));
    let expected = [
        Some("cri-o"),
        Some("app"),
        Some("r/app:3"),
        Some("shop"),
        Some("web-1"),
    ];
    assert_eq!(names(&owner), expected);
    assert_eq!(missing, []);

    // Where only CRI-O's run-time directory is to be seen, its annotations say the same.
    fs::remove_dir_all(node.path("storage")).unwrap();
    node.write(
        &format!("run/overlay-containers/{OTHER}/userdata/config.json"),
        &format!(
            r#"{{"annotations":{{"io.kubernetes.container.name":"app","io.kubernetes.pod.name":"web-1",
            "io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"{UID}",
            "io.kubernetes.cri-o.ImageName":"r/app:3"}}}}"#
        ),
    );
    let (owner, missing) = node.find(&format!("/kubepods/pod{UID}/crio-{OTHER}"));
    assert_eq!(names(&owner), expected);
    assert_eq!(missing, []);
}

#[test]
fn the_kubelets_logs_name_pods_of_any_engine() {
    let node = Node::new();
    node.write(&format!("log/containers/web-1_shop_app-{ID}.log"), "");
    let (owner, missing) = node.find(&format!("/kubepods/pod{UID}/{ID}"));
    assert_eq!(
        names(&owner),
        [None, Some("app"), None, Some("shop"), Some("web-1")]
    );
    assert_eq!(reasons(&missing), [("owner.image", "not_said")]);
}

#[test]
fn absent_names_are_said_to_be_absent() {
    let node = Node::new();
    let mut owners = node.owners();
    for path in ["/docker/ID", "/machine.slice/libpod-ID.scope"] {
        let (owner, missing) = owners.find(&path.replace("ID", ID), true, &|| 0);
        assert_eq!(owner.unwrap().container_id.as_deref(), Some(ID));
        assert_eq!(
            reasons(&missing),
            [
                ("owner.container_name", "not_found"),
                ("owner.image", "not_found")
            ]
        );
    }
    let path = format!("/nomad.slice/share.slice/{UID}.web.scope");
    let (owner, missing) = owners.find(&path, true, &|| 0);
    assert_eq!(owner.unwrap().container_name.as_deref(), Some("web"));
    assert_eq!(reasons(&missing), [("owner.image", "not_looked_up")]);
    for path in ["/a/b", "/lxc/web", "/system.slice/a.service"] {
        assert_eq!(owners.find(path, true, &|| 0).1, [], "{path}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let node = Node::new();
    for (json, why) in [("{", "no JSON"), (&*" ".repeat((1 << 20) + 1), "too large")] {
        node.write(&format!("docker/containers/{ID}/config.v2.json"), json);
        let (owner, missing) = node.find(&format!("/docker/{ID}"));
        assert_eq!(owner.container_name, None);
        assert_eq!(missing[0].reason.word(), "unreadable");
        let said = missing[0].why.as_deref().unwrap();
        assert!(said.contains(why) && said.contains(ID), "{said}");
    }
}

#[test]
fn while_the_node_is_out_of_memory_nothing_is_read() {
    let node = Node::new();
    node.docker(ID, "web");
    let mut owners = node.owners();
    node.docker(OTHER, "new");
    let mut find = |id: &str| owners.find(&format!("/docker/{id}"), false, &|| 0);
    assert_eq!(find(ID).0.unwrap().container_name.as_deref(), Some("web"));
    let (owner, missing) = find(OTHER);
    assert_eq!(owner.unwrap().container_name, None);
    assert_eq!(missing[0].reason.word(), "not_looked_up");
}

/// A disk or a daemon that takes its time keeps the next kill waiting for 50 ms at most.
#[test]
fn looking_ends_in_time() {
    let node = Node::new();
    node.docker(OTHER, "other");
    let mut owners = node.owners();
    node.docker(ID, "web");
    let clock = std::cell::Cell::new(0);
    let now_ns = || clock.replace(clock.get() + 50_000_000);
    let (owner, missing) = owners.find(&format!("/docker/{ID}"), true, &now_ns);
    assert_eq!(owner.unwrap().container_id.as_deref(), Some(ID));
    let why = missing[0].why.as_deref().unwrap();
    assert!(why.contains("given up after 50 ms"), "{why}");
    let (owner, _) = owners.find(&format!("/docker/{ID}"), true, &|| 0);
    assert_eq!(owner.unwrap().container_name.as_deref(), Some("web"));
}

/// What was known of a container is kept when an engine's directory goes with everything in it.
#[test]
fn a_name_outlives_its_engine() {
    let node = Node::new();
    node.docker(ID, "web");
    let mut owners = node.owners();
    fs::remove_dir_all(node.path("docker")).unwrap();
    owners.learn();
    let (owner, missing) = owners.find(&format!("/docker/{ID}"), true, &|| 0);
    assert_eq!(owner.unwrap().container_name.as_deref(), Some("web"));
    assert_eq!(missing, []);
    assert!(!Path::new(&node.path("docker")).exists());
}
