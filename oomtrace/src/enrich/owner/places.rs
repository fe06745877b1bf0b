//! Where container engines keep what they know.

use std::path::PathBuf;

/// Where the names of containers are looked for. What does not exist is no error.
#[derive(Clone, Debug)]
pub struct NamePlaces {
    /// Docker's data directories (`dockerd --data-root`).
    pub docker_roots: Vec<PathBuf>,
    /// The socket on which Docker's daemon is asked what its files do not say.
    pub docker_socket: Option<PathBuf>,
    /// containerd's state directories (`containerd --state`).
    pub containerd_states: Vec<PathBuf>,
    /// The storage that Podman and CRI-O share: `graphroot` and `runroot` of its configuration.
    pub storage_roots: Vec<PathBuf>,
    /// Where the kubelet keeps the logs of pods.
    pub kubelet_logs: PathBuf,
}

impl Default for NamePlaces {
    fn default() -> Self {
        let all = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Self {
            docker_roots: all(&["/var/lib/docker"]),
            docker_socket: Some("/run/docker.sock".into()),
            containerd_states: all(&[
                "/run/containerd",
                "/run/k3s/containerd",
                "/run/k0s/containerd",
                "/var/snap/microk8s/common/run/containerd",
            ]),
            storage_roots: all(&["/var/lib/containers/storage", "/run/containers/storage"]),
            kubelet_logs: "/var/log".into(),
        }
    }
}
