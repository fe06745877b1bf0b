//! Where engines keep a directory for each of their containers.

use std::path::{Component, Path};

use super::engine::{Engine, Part};

/// The directories from the root down to the one in which each container has its own.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) engine: &'static Engine,
    parts: Vec<Part>,
    /// How many of them lead to the engine's own directory: the administrator's choice, in which
    /// symbolic links are followed.
    own: usize,
}

impl Place {
    pub(super) fn new(engine: &'static Engine, root: &Path) -> Self {
        let mut parts: Vec<Part> = root
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(Part::Given(name.to_owned())),
                _ => None,
            })
            .collect();
        let own = parts.len();
        parts.extend_from_slice(engine.below);
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
