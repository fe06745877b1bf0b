//! Which kernels are booted, and on what machines: the rows of `kernels.toml`, which explains them.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::workspace;

/// A kernel of Debian's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// What it is called on the command line and in the table.
    pub name: &'static str,
    /// The release of Debian that has it.
    pub suite: &'static str,
    /// The package that depends on the newest such kernel of its suite.
    pub package: &'static str,
    /// Its architecture.
    #[serde(deserialize_with = "arch_named")]
    pub arch: &'static Arch,
    /// Its memory controller can be on a hierarchy of version 1.
    #[serde(default)]
    pub has_cgroup_v1: bool,
    /// Its `mark_victim` tracepoint hands over the task.
    #[serde(default)]
    pub mark_has_task: bool,
    /// It can reserve memory for contiguous allocations.
    #[serde(default)]
    pub has_cma: bool,
    /// What every guest needs and this kernel has as modules.
    #[serde(default)]
    pub modules: Vec<&'static str>,
    /// `--full` runs every scene on it.
    #[serde(default)]
    pub every_scene: bool,
    /// `--smoke` runs on it what it runs on every kernel.
    #[serde(default)]
    pub in_smoke: bool,
}

/// An architecture that guests run on.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Arch {
    /// As rustc calls it in `target_arch`.
    pub name: &'static str,
    /// As Debian calls it.
    pub debian: &'static str,
    /// What rustc builds the guests' programs for.
    pub target: &'static str,
    /// Emulates it.
    pub qemu: &'static str,
    /// Package of the emulator.
    pub qemu_package: &'static str,
    /// The machine, as arguments of the emulator.
    pub machine: Vec<&'static str>,
    /// The processor to emulate.
    pub processor: &'static str,
    /// Arguments that make the serial line of the frames.
    pub frames: Vec<&'static str>,
    /// The kernel's name of the console.
    pub console: &'static str,
    /// The linker for it on a machine of another architecture.
    pub linker: &'static str,
    /// Packages of that linker and of the static C library.
    pub cross_packages: Vec<&'static str>,
}

impl Arch {
    /// This machine's own.
    pub fn is_native(&self) -> bool {
        self.name == std::env::consts::ARCH
    }
}

/// Why a kernel has no memory controller of version 1.
pub const WITHOUT_V1: &str = "built without `CONFIG_MEMCG_V1`";

const FILE: &str = include_str!("kernels.toml");

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct Kernels {
    kernel: Vec<Kernel>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct Arches {
    arch: Vec<Arch>,
}

/// Oldest first.
pub static KERNELS: LazyLock<Vec<Kernel>> =
    LazyLock::new(|| workspace::data::<Kernels>(FILE).kernel);

/// Every architecture.
pub static ARCHES: LazyLock<Vec<Arch>> = LazyLock::new(|| workspace::data::<Arches>(FILE).arch);

fn arch_named<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Arch, D::Error> {
    let name = String::deserialize(from)?;
    let found = ARCHES.iter().find(|arch| arch.name == name);
    found.ok_or_else(|| D::Error::custom(format!("there is no arch {name}")))
}
