//! Where engines keep a directory for each of their containers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use crate::cgroup::path::{is_container_id, is_name};

/// Whose layout it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Docker: `<data root>/containers/<id>/config.v2.json`.
    Docker,
    /// containerd: `<state>/io.containerd.runtime.v2.task/<namespace>/<id>/config.json`.
    Containerd,
    /// Podman and CRI-O: `<storage>/<driver>-containers/{containers.json,<id>/userdata/config.json}`.
    Storage,
}

/// One directory on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Just this one.
    Name(OsString),
    /// All that end so.
    Ending(&'static str),
    /// All with an ordinary name, but for this one.
    AnyBut(&'static str),
}

impl Part {
    pub(super) fn fits(&self, name: &OsStr) -> bool {
        let text = name.to_str();
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Ending(end) => text.is_some_and(|text| text.ends_with(end)),
            Self::AnyBut(other) => text.is_some_and(|text| text != *other && is_name(text)),
        }
    }
}

/// The directories from the root down to the one in which each container has its own.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) engine: Engine,
    parts: Vec<Part>,
    /// How many of them lead to the engine's own directory: the administrator's choice, in which
    /// symbolic links are followed.
    own: usize,
}

impl Place {
    pub(super) fn new(engine: Engine, root: &Path) -> Self {
        let mut parts: Vec<Part> = root
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(Part::Name(name.to_owned())),
                _ => None,
            })
            .collect();
        let own = parts.len();
        let name = |name: &str| Part::Name(name.into());
        match engine {
            Engine::Docker => parts.push(name("containers")),
            // `moby`: Docker's, which says nothing of names here.
            Engine::Containerd => {
                parts.extend([name("io.containerd.runtime.v2.task"), Part::AnyBut("moby")]);
            }
            Engine::Storage => parts.push(Part::Ending("-containers")),
        }
        Self { engine, parts, own }
    }

    /// The part below the first `depth`; absent where these lead to the containers.
    pub(super) fn part(&self, depth: usize) -> Option<&Part> {
        self.parts.get(depth)
    }

    pub(super) fn follows_links(&self, depth: usize) -> bool {
        depth < self.own
    }
}

impl Engine {
    /// The id of the container whose own directory is called so.
    pub(super) fn id(self, name: &OsStr) -> Option<String> {
        let text = std::str::from_utf8(name.as_bytes()).ok()?;
        let fits = match self {
            Self::Containerd => is_name(text),
            Self::Docker | Self::Storage => is_container_id(text),
        };
        fits.then(|| text.to_owned())
    }
}
