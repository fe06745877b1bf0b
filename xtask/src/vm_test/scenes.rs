//! The scenes: the rows of `scenes.toml`, which explains them.

use std::sync::LazyLock;

use serde::Deserialize;

use super::kernels::Kernel;
use super::plan::{Extent, Hierarchy, Setup};
use crate::workspace;

/// A scene, by the name that `oomtrace-guest-init` knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// What happens, for the table.
    pub what: &'static str,
    /// What the kernel must say when it goes down over it; nothing where it must live on.
    pub panics: Option<&'static str>,
    /// Why it is not run where the memory controller is on version 1; nothing where it is.
    pub not_on_v1: Option<&'static str>,
    /// It shows what a tracepoint that hands over the task lets be seen.
    #[serde(default)]
    pub needs_task: bool,
    #[serde(default)]
    setup: Setup,
    /// Also where version 1 and version 2 are mounted together.
    #[serde(default)]
    hybrid: bool,
    /// Also in machines of an architecture that is slow to emulate.
    #[serde(default)]
    every_arch: bool,
    smoke: Option<Smoke>,
}

/// Where the smoke test runs a scene.
#[derive(Debug, Deserialize)]
#[serde(untagged, bound(deserialize = "'de: 'static"))]
enum Smoke {
    On(SmokeHierarchy),
    /// On version 2 with the kernels of these names.
    OnlyOn(Vec<&'static str>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SmokeHierarchy {
    V2,
    Both,
}

impl Scene {
    /// Whether the smoke test runs it for this kernel's sake.
    pub fn is_for(&self, kernel: &Kernel) -> bool {
        matches!(&self.smoke, Some(Smoke::OnlyOn(names)) if names.contains(&kernel.name))
    }

    /// Whether it is run there.
    pub fn is_run(&self, kernel: &Kernel, on: Hierarchy, extent: Extent) -> bool {
        let possible = match on {
            Hierarchy::V2 => true,
            Hierarchy::V1 => self.not_on_v1.is_none(),
            Hierarchy::Hybrid => self.hybrid,
        };
        let wanted = match (extent, &self.smoke) {
            (Extent::Named, _) => true,
            (Extent::Full, smoke) => kernel.every_scene || self.every_arch || smoke.is_some(),
            (Extent::Smoke, None) => false,
            (Extent::Smoke, Some(Smoke::On(SmokeHierarchy::Both))) => true,
            (Extent::Smoke, Some(Smoke::On(SmokeHierarchy::V2))) => on == Hierarchy::V2,
            (Extent::Smoke, Some(Smoke::OnlyOn(_))) => on == Hierarchy::V2 && self.is_for(kernel),
        };
        let possible = possible
            && (kernel.mark_has_task || !self.needs_task)
            && (kernel.has_cma || self.setup != Setup::Cma);
        // A hierarchy of both kinds costs a boot of its own.
        possible && wanted && (on != Hierarchy::Hybrid || extent != Extent::Smoke)
    }
}

/// In the order in which they are run.
pub static SCENES: LazyLock<Vec<Scene>> =
    LazyLock::new(|| workspace::data::<Scenes>(include_str!("scenes.toml")).scene);

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct Scenes {
    scene: Vec<Scene>,
}

/// What the guest has in which the scene of this name is run.
pub fn setup(name: &str) -> Setup {
    scene_named(name).map_or(Setup::Plain, |scene| scene.setup)
}

/// The scene of this name.
pub fn scene_named(name: &str) -> Option<&'static Scene> {
    SCENES.iter().find(|scene| scene.name == name)
}
