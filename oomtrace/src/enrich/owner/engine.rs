//! The container engines: where each keeps a directory for each of its containers, and what it says
//! there. A new one is a row here, a parser in `names`, and its cgroups' layout in `cgroup::path`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::names::{self, Names};
use super::read::{Silence, read};
use crate::cgroup::path::{is_container_id, is_name};

/// An engine, or several that keep their state in one form.
#[derive(Debug)]
pub struct Engine {
    /// What people call it.
    pub(super) name: &'static str,
    /// `owner.engine` of its containers.
    pub(super) runtimes: &'static [&'static str],
    /// Its usual directories.
    pub(super) roots: &'static [&'static str],
    /// The directories below one of these, down to the one in which each container has its own.
    pub(super) below: &'static [Part],
    /// Directories below a container's own in which its files are written, too.
    pub(super) inner: &'static [&'static str],
    /// Both of its directories may speak of one container: the one that was read first counts.
    pub(super) is_twofold: bool,
    is_id: fn(&str) -> bool,
    names: fn(&Path, &str) -> Result<Names, Silence>,
}

/// Docker: `<data root>/containers/<id>/config.v2.json`.
pub static DOCKER: Engine = Engine {
    name: "Docker",
    runtimes: &["docker"],
    roots: &["/var/lib/docker"],
    below: &[Part::Name("containers")],
    inner: &[],
    is_twofold: false,
    is_id: is_container_id,
    names: docker,
};

/// containerd: `<state>/io.containerd.runtime.v2.task/<namespace>/<id>/config.json`.
pub static CONTAINERD: Engine = Engine {
    name: "containerd",
    runtimes: &["containerd"],
    roots: &[
        "/run/containerd",
        "/run/k3s/containerd",
        "/run/k0s/containerd",
        "/var/snap/microk8s/common/run/containerd",
    ],
    // `moby`: Docker's, which says nothing of names here.
    below: &[
        Part::Name("io.containerd.runtime.v2.task"),
        Part::AnyBut("moby"),
    ],
    inner: &[],
    is_twofold: false,
    is_id: is_name,
    names: containerd,
};

/// Podman and CRI-O: `<storage>/<driver>-containers/{containers.json,<id>/userdata/config.json}`.
pub static STORAGE: Engine = Engine {
    name: "Podman and CRI-O",
    runtimes: &["podman", "cri-o"],
    roots: &["/var/lib/containers/storage", "/run/containers/storage"],
    below: &[Part::Ending("-containers")],
    inner: &["userdata"],
    is_twofold: true,
    is_id: is_container_id,
    names: storage,
};

/// Every engine.
pub(super) static ENGINES: [&Engine; 3] = [&DOCKER, &CONTAINERD, &STORAGE];

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Engine {}

impl Engine {
    /// The engine of the containers whose `owner.engine` is `runtime`, if their names are looked up.
    pub(super) fn of(runtime: &str) -> Option<&'static Self> {
        let mut all = ENGINES.iter();
        all.find(|engine| engine.runtimes.contains(&runtime))
            .copied()
    }

    /// The id of the container whose own directory is called so.
    pub(super) fn id(&self, name: &OsStr) -> Option<String> {
        let text = name.to_str()?;
        (self.is_id)(text).then(|| text.to_owned())
    }

    /// What the files of container `id` in the directory `containers` say.
    ///
    /// # Errors
    ///
    /// They say nothing, or nothing of use.
    pub(super) fn names(&self, containers: &Path, id: &str) -> Result<Names, Silence> {
        (self.names)(containers, id)
    }
}

/// One directory on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Just this one.
    Name(&'static str),
    /// Just this one, of the administrator's choice.
    Given(OsString),
    /// All that end so.
    Ending(&'static str),
    /// All with an ordinary name, but for this one.
    AnyBut(&'static str),
}

impl Part {
    pub(super) fn fits(&self, name: &OsStr) -> bool {
        let text = name.to_str();
        match self {
            Self::Name(wanted) => name == *wanted,
            Self::Given(wanted) => wanted == name,
            Self::Ending(end) => text.is_some_and(|text| text.ends_with(end)),
            Self::AnyBut(other) => text.is_some_and(|text| text != *other && is_name(text)),
        }
    }
}

fn with(names: Names, containers: &Path, way: &[&str]) -> Names {
    let mut path = containers.to_owned();
    path.extend(way);
    Names {
        from: path.to_string_lossy().into_owned(),
        ..names
    }
}

fn docker(containers: &Path, id: &str) -> Result<Names, Silence> {
    let way = [id, "config.v2.json"];
    Ok(with(
        names::docker(&read(containers, &way)?)?,
        containers,
        &way,
    ))
}

fn containerd(containers: &Path, id: &str) -> Result<Names, Silence> {
    let way = [id, "config.json"];
    let names = names::bundle(&read(containers, &way)?, "containerd")?;
    Ok(with(names, containers, &way))
}

fn storage(containers: &Path, id: &str) -> Result<Names, Silence> {
    let way = [id, "userdata", "config.json"];
    let bundle = read(containers, &way).and_then(|json| names::bundle(&json, "cri-o"));
    // Podman's file holds no names.
    if let Some(names) = bundle
        .as_ref()
        .ok()
        .filter(|names| names.pod_name.is_some())
    {
        return Ok(with(names.clone(), containers, &way));
    }
    let mut silence = bundle.err().unwrap_or(Silence::Nothing);
    for list in ["containers.json", "volatile-containers.json"] {
        match read(containers, &[list]).and_then(|json| names::stored(&json, id)) {
            Ok(names) => return Ok(with(names, containers, &[list])),
            Err(Silence::Nothing) => {}
            Err(useless) => silence = useless,
        }
    }
    Err(silence)
}
