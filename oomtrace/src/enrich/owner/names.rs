//! What an engine says of one container, and the forms in which it says so. Pure.

use std::collections::HashMap;

use serde::Deserialize;

use super::read::{BROKEN, Silence};

/// What an engine calls a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) runtime: &'static str,
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) pod_name: Option<String>,
    pub(super) pod_uid: Option<String>,
    /// Its cgroup, as the engine asked for it.
    pub(super) cgroup: Option<String>,
    /// The file or socket that said so.
    pub(super) from: String,
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl Names {
    /// The kubelet calls a container `k8s_<container>_<pod>_<namespace>_<pod uid>_<attempt>` where
    /// the engine knows of no pods.
    fn take_kubelets_name_apart(&mut self) {
        let Some(name) = self.name.take() else {
            return;
        };
        let mut parts = name.split('_');
        let mut next = || parts.next().map(str::to_owned);
        if next().as_deref() == Some("k8s")
            && let (Some(container), Some(pod), Some(namespace), Some(uid), Some(_), None) =
                (next(), next(), next(), next(), next(), next())
        {
            self.name = Some(container);
            self.pod_name = Some(pod);
            self.namespace = Some(namespace);
            self.pod_uid = Some(uid);
        } else {
            self.name = Some(name);
        }
    }
}

/// The part of Docker's `config.v2.json`, and of its answer about a container, that is of use.
#[derive(Deserialize)]
struct DockerContainer {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Config")]
    config: Option<DockerConfig>,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(rename = "Image")]
    image: Option<String>,
}

/// What Docker says.
pub(super) fn docker(json: &[u8]) -> Result<Names, Silence> {
    let container: DockerContainer = serde_json::from_slice(json).map_err(|_| BROKEN)?;
    let name = container
        .name
        .map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned());
    let mut names = Names {
        runtime: "docker",
        name: filled(name),
        image: filled(container.config.and_then(|config| config.image)),
        ..Names::default()
    };
    names.take_kubelets_name_apart();
    Ok(names)
}

/// The part of an OCI runtime's `config.json` that is of use.
#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: HashMap<String, String>,
    linux: Option<BundleLinux>,
}

#[derive(Deserialize)]
struct BundleLinux {
    #[serde(rename = "cgroupsPath")]
    cgroups_path: Option<String>,
}

/// What containerd's own files, CRI-O and nerdctl leave in an OCI bundle.
pub(super) fn bundle(json: &[u8], runtime: &'static str) -> Result<Names, Silence> {
    let mut bundle: Bundle = serde_json::from_slice(json).map_err(|_| BROKEN)?;
    let mut first = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| filled(bundle.annotations.remove(*key)))
    };
    Ok(Names {
        runtime,
        name: first(&[
            "io.kubernetes.cri.container-name",
            "io.kubernetes.container.name",
            "nerdctl/name",
        ]),
        image: first(&[
            "io.kubernetes.cri.image-name",
            "io.kubernetes.cri-o.UserRequestedImage",
            "io.kubernetes.cri-o.ImageName",
        ]),
        namespace: first(&[
            "io.kubernetes.cri.sandbox-namespace",
            "io.kubernetes.pod.namespace",
        ]),
        pod_name: first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
        pod_uid: first(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
        cgroup: bundle.linux.and_then(|linux| filled(linux.cgroups_path)),
        from: String::new(),
    })
}

/// One of the list in `containers.json` of the storage that Podman and CRI-O share.
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    metadata: String,
}

/// The content, as text, of [`Stored::metadata`].
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Metadata {
    image_name: Option<String>,
    /// CRI-O's alone.
    pod_name: Option<String>,
}

/// What the storage of Podman and CRI-O says of container `id`.
pub(super) fn stored(json: &[u8], id: &str) -> Result<Names, Silence> {
    let all: Vec<Stored> = serde_json::from_slice(json).map_err(|_| BROKEN)?;
    let one = all.into_iter().find(|one| one.id == id);
    let one = one.ok_or(Silence::Nothing)?;
    let metadata: Metadata = serde_json::from_str(&one.metadata).unwrap_or_default();
    let mut names = Names {
        runtime: if filled(metadata.pod_name).is_some() {
            "cri-o"
        } else {
            "podman"
        },
        name: filled(one.names.into_iter().next()),
        image: filled(metadata.image_name),
        ..Names::default()
    };
    names.take_kubelets_name_apart();
    Ok(names)
}

#[cfg(test)]
mod tests;
