//! Whom a cgroup belongs to: container, pod, unit or user.

mod cache;
mod docker;
mod path;

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use crate::model::{Missing, Owner, OwnerKind};

use self::docker::Docker;

pub use self::path::from_path;

/// Finds owners and their names.
#[derive(Debug)]
pub(super) struct Owners {
    docker: Docker,
}

impl Owners {
    pub(super) fn new(docker_roots: &[PathBuf]) -> Self {
        Self {
            docker: Docker::new(docker_roots),
        }
    }

    pub(super) fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.docker.watch_fd()
    }

    pub(super) fn learn(&mut self) {
        self.docker.learn();
    }

    /// The owner of the cgroup at `path`, with what names could be had, and why the others are
    /// absent.
    pub(super) fn find(&mut self, path: &str, fresh: bool) -> (Option<Owner>, Vec<Missing>) {
        let Some(mut owner) = from_path(path) else {
            return (None, Vec::new());
        };
        let Some(id) = owner.container_id.clone() else {
            return (Some(owner), Vec::new());
        };
        let may_be_docker = owner.runtime.as_deref().is_none_or(|name| name == "docker");
        let names = may_be_docker
            .then(|| self.docker.names(&id, fresh))
            .flatten();
        let Some(names) = names else {
            let (reason, why) = if may_be_docker {
                (
                    "not_found",
                    "Docker's own state has no container of this id",
                )
            } else {
                (
                    "not_looked_up",
                    "names of this runtime's containers are not looked up",
                )
            };
            let missing = Missing {
                field: "owner.container_name".to_owned(),
                reason: reason.to_owned(),
                why: Some(why.to_owned()),
            };
            return (Some(owner), vec![missing]);
        };
        // A bare id below any parent is Docker's if Docker knows it.
        owner.runtime = Some("docker".to_owned());
        owner.container_name = names.name;
        owner.image = names.image;
        owner.names_from = Some(names.from);
        kubelet_names(&mut owner);
        (Some(owner), Vec::new())
    }
}

/// With Docker below Kubernetes a container's name is
/// `k8s_<container>_<pod>_<namespace>_<pod uid>_<attempt>`.
fn kubelet_names(owner: &mut Owner) {
    if owner.kind != OwnerKind::Pod {
        return;
    }
    let Some(name) = owner.container_name.clone() else {
        return;
    };
    let parts: Vec<&str> = name.split('_').collect();
    if let ["k8s", container, pod, namespace, uid, _attempt] = parts.as_slice()
        && owner.pod_uid.as_deref() == Some(*uid)
    {
        owner.container_name = Some((*container).to_owned());
        owner.pod_name = Some((*pod).to_owned());
        owner.namespace = Some((*namespace).to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
    const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn docker_with(name: &str) -> tempfile::TempDir {
        let root = tempfile::TempDir::new().unwrap();
        let directory = root.path().join("containers").join(ID);
        std::fs::create_dir_all(&directory).unwrap();
        let json = format!(r#"{{"Name":"/{name}","Config":{{"Image":"app:1"}}}}"#);
        std::fs::write(directory.join("config.v2.json"), json).unwrap();
        root
    }

    #[test]
    fn docker_names_a_bare_id_below_any_parent() {
        let root = docker_with("web");
        let mut owners = Owners::new(&[root.path().to_owned()]);
        let (owner, missing) = owners.find(&format!("/my-parent/{ID}"), true);
        let owner = owner.unwrap();
        assert_eq!(owner.runtime.as_deref(), Some("docker"));
        assert_eq!(owner.container_name.as_deref(), Some("web"));
        assert_eq!(owner.image.as_deref(), Some("app:1"));
        assert!(owner.names_from.unwrap().ends_with("config.v2.json"));
        assert_eq!(missing, []);
    }

    #[test]
    fn a_kubelets_name_is_taken_apart() {
        let root = docker_with(&format!("k8s_app_web-1_shop_{UID}_0"));
        let mut owners = Owners::new(&[root.path().to_owned()]);
        let (owner, _) = owners.find(&format!("/kubepods/pod{UID}/{ID}"), true);
        let owner = owner.unwrap();
        assert_eq!(owner.container_name.as_deref(), Some("app"));
        assert_eq!(owner.pod_name.as_deref(), Some("web-1"));
        assert_eq!(owner.namespace.as_deref(), Some("shop"));
    }

    #[test]
    fn absent_names_are_said_to_be_absent() {
        let mut owners = Owners::new(&[]);
        for path in ["/docker/ID", "/machine.slice/libpod-ID.scope"] {
            let (owner, missing) = owners.find(&path.replace("ID", ID), true);
            assert_eq!(owner.unwrap().container_id.as_deref(), Some(ID));
            assert_eq!(missing.len(), 1);
            assert_eq!(missing[0].field, "owner.container_name");
        }
        assert_eq!(owners.find("/a/b", true), (None, Vec::new()));
    }
}
