//! Which engines' state this process may read, for `oomtrace check`.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::engine::{DOCKER, Part};
use super::places::NamePlaces;

/// The directory in which an engine keeps what it knows of its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineState {
    /// The engine.
    pub name: &'static str,
    /// Its directory.
    pub root: PathBuf,
    /// The names of its containers can be read, there or from its socket.
    pub is_readable: bool,
}

/// The engines whose directories exist.
#[must_use]
pub fn engine_states(places: &NamePlaces) -> Vec<EngineState> {
    let socket = places.docker_socket.as_deref();
    let answers = socket.is_some_and(|path| access(path, Access::WRITE_OK).is_ok());
    let mut states = Vec::new();
    for (engine, roots) in &places.roots {
        let below = match engine.below {
            [Part::Name(name), ..] => name,
            _ => "",
        };
        for root in roots {
            if let Some(is_listed) = is_listed(root, below) {
                states.push(EngineState {
                    name: engine.name,
                    root: root.clone(),
                    is_readable: is_listed || (answers && **engine == DOCKER),
                });
            }
        }
    }
    states
}

/// Whether the directory `below` of `root` can be listed; nothing where there is no `root`.
fn is_listed(root: &Path, below: &str) -> Option<bool> {
    match root.join(below).read_dir() {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => root.is_dir().then_some(true),
        Err(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::engine::{CONTAINERD, STORAGE};
    use super::*;

    #[test]
    fn only_engines_that_are_there_are_listed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("docker/containers")).unwrap();
        fs::create_dir_all(at("containerd")).unwrap();
        // Not a directory: what is there cannot be listed.
        fs::write(at("storage"), "").unwrap();
        let places = NamePlaces {
            roots: vec![
                (&DOCKER, vec![at("docker")]),
                (&CONTAINERD, vec![at("containerd"), at("absent")]),
                (&STORAGE, vec![at("storage")]),
            ],
            docker_socket: None,
            kubelet_logs: at("logs"),
        };
        let found: Vec<_> = engine_states(&places)
            .into_iter()
            .map(|state| (state.name, state.is_readable))
            .collect();
        assert_eq!(
            found,
            [
                ("Docker", true),
                ("containerd", true),
                ("Podman and CRI-O", false)
            ]
        );
    }
}
