//! Where container engines keep what they know.

use std::path::PathBuf;

use super::engine::{ENGINES, Engine};

/// Where the names of containers are looked for. What does not exist is no error.
#[derive(Clone, Debug)]
pub struct NamePlaces {
    /// The directories of each engine.
    pub(in crate::enrich) roots: Vec<(&'static Engine, Vec<PathBuf>)>,
    /// The socket on which Docker's daemon is asked what its files do not say.
    pub docker_socket: Option<PathBuf>,
    /// Where the kubelet keeps the logs of pods.
    pub kubelet_logs: PathBuf,
}

impl Default for NamePlaces {
    fn default() -> Self {
        let usual = |engine: &&'static Engine| {
            let roots = engine.roots.iter().map(PathBuf::from).collect();
            (*engine, roots)
        };
        Self {
            roots: ENGINES.iter().map(usual).collect(),
            docker_socket: Some("/run/docker.sock".into()),
            kubelet_logs: "/var/log".into(),
        }
    }
}

impl NamePlaces {
    /// Puts `given` in the place of an engine's usual directories, if there are any.
    pub fn replace(&mut self, engine: &Engine, given: Vec<PathBuf>) {
        let own = self.roots.iter_mut().find(|(known, _)| **known == *engine);
        if let (Some((_, roots)), false) = (own, given.is_empty()) {
            *roots = given;
        }
    }
}
