//! Which scenes run on which kernels.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::kernels::{KERNELS, Kernel};
use super::scenes::{self, SCENES};

/// Seconds that one scene may take in an emulated machine.
pub const SCENE_SECONDS: u64 = 180;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What says most in little time.
    Smoke,
    /// Everything that the table has.
    Full,
    /// Everything that has one of the names.
    Named,
}

/// What the memory controller is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// Version 2.
    V2,
    /// Version 1, and nothing else is mounted.
    V1,
    /// Version 1, with the processes in a tree of version 2 as well.
    Hybrid,
}

impl Hierarchy {
    /// Every one, in the order of the table.
    pub const ALL: [Self; 3] = [Self::V2, Self::V1, Self::Hybrid];

    /// What it is called in the table, and on the guest's command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V1 => "v1",
            Self::Hybrid => "hybrid",
        }
    }
}

/// What a guest has that its scenes need.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Setup {
    /// `oomtrace-guest-init` as its first process, and all memory in the same zones.
    #[default]
    Plain,
    /// Part of its memory in a zone that only movable pages may use.
    MovableZone,
    /// Part of its memory reserved for contiguous allocations, and lent to movable pages.
    Cma,
    /// systemd as its first process, which starts `oomtrace-guest-init` as a service.
    Systemd,
}

impl Setup {
    /// Every one, in the order in which they are booted.
    const ALL: [Self; 4] = [Self::Plain, Self::MovableZone, Self::Cma, Self::Systemd];

    /// How the names of its logs end.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::MovableZone => "-movable",
            Self::Cma => "-cma",
            Self::Systemd => "-systemd",
        }
    }
}

/// The scenes of one kernel on one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What the memory controller is on.
    pub hierarchy: Hierarchy,
    /// What is run, in this order.
    pub scenes: Vec<&'static str>,
}

impl Cell {
    /// A boot for each set-up that its scenes need; an empty one where it has none.
    pub fn boots(&self) -> Vec<(Setup, Self)> {
        let with = |setup| {
            let mut scenes = self.scenes.clone();
            scenes.retain(|name| scenes::setup(name) == setup);
            (setup, self.only(scenes))
        };
        let mut boots = Setup::ALL.map(with).to_vec();
        boots.retain(|(_, cell)| !cell.scenes.is_empty());
        if boots.is_empty() {
            boots.push(with(Setup::Plain));
        }
        boots
    }

    /// The same with these scenes.
    pub fn only(&self, scenes: Vec<&'static str>) -> Self {
        Self {
            hierarchy: self.hierarchy,
            scenes,
        }
    }
}

/// The boots of each kernel that were asked for.
///
/// # Errors
/// A name that is neither a kernel's nor a scene's, or nothing to do.
pub fn cells(names: &[String], extent: Extent) -> Result<Vec<(&'static Kernel, Vec<Cell>)>> {
    let is_kernel = |name: &String| KERNELS.iter().any(|kernel| kernel.name == *name);
    let (kernels, scenes): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| is_kernel(name));
    let extent = match extent {
        Extent::Full if !scenes.is_empty() => Extent::Named,
        asked => asked,
    };
    for name in &scenes {
        ensure!(
            SCENES.iter().any(|scene| scene.name == name.as_str()),
            "{name} is neither a kernel ({}) nor a scene ({})",
            listed(KERNELS.iter().map(|kernel| kernel.name)),
            listed(SCENES.iter().map(|scene| scene.name)),
        );
    }
    let wanted = |name: &str, named: &[&String]| {
        named.is_empty() || named.iter().any(|one| one.as_str() == name)
    };
    let plan: Vec<_> = KERNELS
        .iter()
        .filter(|kernel| wanted(kernel.name, &kernels))
        .map(|kernel| {
            let usual = extent != Extent::Smoke || kernel.in_smoke || !kernels.is_empty();
            let cells = Hierarchy::ALL
                .into_iter()
                .filter(|on| kernel.has_cgroup_v1 || *on == Hierarchy::V2)
                .map(|on| Cell {
                    hierarchy: on,
                    scenes: SCENES
                        .iter()
                        .filter(|scene| scene.is_run(kernel, on, extent))
                        .filter(|scene| usual || scene.is_for(kernel))
                        .filter(|scene| wanted(scene.name, &scenes))
                        .map(|scene| scene.name)
                        .collect(),
                });
            (
                kernel,
                cells.filter(|cell| !cell.scenes.is_empty()).collect(),
            )
        })
        .filter(|(_, cells): &(_, Vec<Cell>)| !cells.is_empty())
        .collect();
    ensure!(!plan.is_empty(), "nothing to do");
    Ok(plan)
}

/// Whether some scenes are left out because the kernel has no version 1 to run them on.
pub fn is_without_v1(kernel: &Kernel, cells: &[Cell]) -> bool {
    let on_v1 = |name: &&str| scenes::scene_named(name).is_some_and(|it| it.not_on_v1.is_none());
    !kernel.has_cgroup_v1 && cells.iter().any(|cell| cell.scenes.iter().any(on_v1))
}

/// One boot of each kernel that was asked for, without a scene.
///
/// # Errors
/// As [`cells`].
pub fn bare(names: &[String]) -> Result<Vec<(&'static Kernel, Vec<Cell>)>> {
    let mut plan = cells(names, Extent::Full)?;
    for (_, cells) in &mut plan {
        cells.truncate(1);
        cells.iter_mut().for_each(|cell| cell.scenes.clear());
    }
    Ok(plan)
}

fn listed(names: impl Iterator<Item = &'static str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_choose_kernels_and_scenes() {
        let plan = cells(&names(&["6.1", "plain"]), Extent::Full).unwrap();
        let [(kernel, cells)] = plan.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(kernel.name, "6.1");
        assert_eq!(
            cells.iter().map(|cell| cell.hierarchy).collect::<Vec<_>>(),
            Hierarchy::ALL
        );
        assert!(cells.iter().all(|cell| cell.scenes == ["plain"]));
        assert!(
            cells_of("6.12")
                .iter()
                .all(|cell| cell.hierarchy == Hierarchy::V2)
        );
        let error = super::cells(&names(&["plane"]), Extent::Full).unwrap_err();
        assert!(error.to_string().contains("victim-not-trigger"), "{error}");
    }

    fn cells_of(kernel: &str) -> Vec<Cell> {
        cells(&names(&[kernel]), Extent::Full).unwrap().remove(0).1
    }

    #[test]
    fn facts_need_one_boot_and_no_scene() {
        let plan = bare(&names(&["5.10"])).unwrap();
        let [(_, cells)] = plan.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].scenes, Vec::<&str>::new());
    }

    #[test]
    fn scenes_of_systemd_have_a_boot_of_their_own() {
        let named = names(&["6.1", "plain", "systemd", "global"]);
        let v2 = super::cells(&named, Extent::Full)
            .unwrap()
            .remove(0)
            .1
            .remove(0);
        let boots = v2.boots();
        let ran: Vec<_> = boots
            .iter()
            .map(|(setup, cell)| (*setup, cell.scenes.clone()))
            .collect();
        assert_eq!(
            ran,
            [
                (Setup::Plain, vec!["plain", "global"]),
                (Setup::Systemd, vec!["systemd"])
            ]
        );
        assert_eq!(
            v2.only(Vec::new()).boots(),
            [(Setup::Plain, v2.only(Vec::new()))]
        );
    }

    #[test]
    fn a_scene_that_ends_the_machine_is_the_last_one() {
        let last = SCENES.iter().position(|scene| scene.panics.is_some());
        assert_eq!(last, Some(SCENES.len() - 1));
    }

    #[test]
    fn smoke_is_a_part_of_full_on_every_kernel() {
        let full = cells(&[], Extent::Full).unwrap();
        let smoke = cells(&[], Extent::Smoke).unwrap();
        assert_eq!(full.len(), KERNELS.len());
        let names: Vec<_> = smoke.iter().map(|(kernel, _)| kernel.name).collect();
        assert_eq!(names, ["5.10", "6.1", "6.12", "7.2", "7.3"]);
        for (kernel, smoke) in &smoke {
            let (_, full) = full
                .iter()
                .find(|(all, _)| all.name == kernel.name)
                .unwrap();
            assert!(!smoke.is_empty());
            for (full, smoke) in full.iter().zip(smoke) {
                assert!(smoke.scenes.len() < full.scenes.len());
                assert!(smoke.scenes.iter().all(|scene| full.scenes.contains(scene)));
            }
        }
    }
}
