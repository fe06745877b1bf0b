//! Which scenes are played on which kernels.

use anyhow::{Result, ensure};

use super::kernels::{KERNELS, Kernel};

/// Seconds that one scene may take in an emulated machine.
pub const SCENE_SECONDS: u64 = 180;

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What says most in little time.
    Smoke,
    /// Everything.
    Full,
}

/// One boot.
#[derive(Debug, PartialEq, Eq)]
pub struct Cell {
    /// The version of the memory controller's hierarchy.
    pub cgroup: u8,
    /// What is played, in this order.
    pub scenes: Vec<&'static str>,
}

/// A scene, by the name that `oomtrace-guest-init` knows.
#[derive(Debug)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// What happens, for the table.
    pub what: &'static str,
    v1: bool,
    v2: bool,
    smoke: bool,
}

const fn both(name: &'static str, what: &'static str) -> Scene {
    Scene {
        name,
        what,
        v1: true,
        v2: true,
        smoke: false,
    }
}

/// On version 1 it would show nothing that version 2 does not.
const fn v2(name: &'static str, what: &'static str) -> Scene {
    Scene {
        v1: false,
        ..both(name, what)
    }
}

const fn smoke(scene: Scene) -> Scene {
    Scene {
        smoke: true,
        ..scene
    }
}

/// In the order in which they are played: what may take the machine down comes last.
pub const SCENES: &[Scene] = &[
    smoke(both(
        "plain",
        "a process asks for more than its cgroup may have",
    )),
    smoke(both(
        "victim-not-trigger",
        "one process asks, another one dies",
    )),
    smoke(both("nested-limit", "the limit is an ancestor's")),
    smoke(v2(
        "oom-group",
        "`memory.oom.group`: all of the cgroup die for one",
    )),
    smoke(v2("shared-mm", "two processes share one address space")),
    smoke(v2("exited-leader", "the process's first thread has exited")),
    smoke(both(
        "already-dying",
        "the chosen one was dying already: marked, not killed",
    )),
    v2("dying-race", "a user kills it at the same moment"),
    v2("killed-by-user", "a user kills a process of a full cgroup"),
    v2("threads", "one thread of several asks"),
    v2("children", "a process with children dies alone"),
    both("limit-written", "the limit is set below what is used"),
    v2(
        "held-at-exit",
        "a debugger holds the victim: the reaper takes its memory",
    ),
    v2("tmpfs", "files of a tmpfs fill the cgroup"),
    both("swap", "swap is in use, and full"),
    v2("slab", "the kernel's own memory fills the cgroup"),
    v2(
        "cgroup-removed",
        "the cgroup is removed as soon as the victim has gone",
    ),
    both("page-cache", "page cache fills the cgroup and gives way"),
    v2(
        "task-names",
        "names of tasks that look like the kernel's report",
    ),
    v2("cgroup-names", "names of cgroups that look like it"),
    v2("deep-path", "long names, many levels"),
    v2("longest-path", "a path longer than a path may be"),
    both(
        "two-at-once",
        "two cgroups and their parent run out together",
    ),
    v2("no-killable", "everyone is protected: nobody dies"),
    v2(
        "storm",
        "300 kills in 20 cgroups, as fast as the machine makes them",
    ),
    smoke(v2("sysrq-f", "the OOM killer is called by hand")),
    v2(
        "cpuset",
        "a node is out of memory, for a cgroup that may use no other",
    ),
    v2(
        "mempolicy",
        "a node is out of memory, for a process bound to it",
    ),
    v2("allocating-task", "`vm.oom_kill_allocating_task`"),
    v2(
        "global-50",
        "the whole machine is out of memory 50 times in a row",
    ),
    smoke(both("global", "the whole machine is out of memory")),
];

/// The boots of each kernel that were asked for.
///
/// # Errors
/// A name that is neither a kernel's nor a scene's, or nothing to do.
pub fn cells(names: &[String], extent: Extent) -> Result<Vec<(&'static Kernel, Vec<Cell>)>> {
    let is_kernel = |name: &String| KERNELS.iter().any(|kernel| kernel.name == *name);
    let (kernels, scenes): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| is_kernel(name));
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
            let versions: &[u8] = if kernel.has_cgroup_v1 { &[2, 1] } else { &[2] };
            let cells = versions.iter().map(|cgroup| Cell {
                cgroup: *cgroup,
                scenes: SCENES
                    .iter()
                    .filter(|scene| if *cgroup == 1 { scene.v1 } else { scene.v2 })
                    .filter(|scene| wanted(scene.name, &scenes))
                    .filter(|scene| extent == Extent::Full || scene.smoke)
                    .map(|scene| scene.name)
                    .collect(),
            });
            (
                kernel,
                cells.filter(|cell| !cell.scenes.is_empty()).collect(),
            )
        })
        .collect();
    ensure!(
        plan.iter()
            .any(|(_, cells): &(_, Vec<Cell>)| !cells.is_empty()),
        "nothing to do"
    );
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
            cells.iter().map(|cell| cell.cgroup).collect::<Vec<_>>(),
            [2, 1]
        );
        assert!(cells.iter().all(|cell| cell.scenes == ["plain"]));
        assert!(cells_of("6.12").iter().all(|cell| cell.cgroup == 2));
        let error = super::cells(&names(&["plane"]), Extent::Full).unwrap_err();
        assert!(error.to_string().contains("victim-not-trigger"), "{error}");
    }

    fn cells_of(kernel: &str) -> Vec<Cell> {
        cells(&names(&[kernel]), Extent::Full).unwrap().remove(0).1
    }

    #[test]
    fn smoke_is_a_part_of_full_on_every_kernel() {
        let full = cells(&[], Extent::Full).unwrap();
        let smoke = cells(&[], Extent::Smoke).unwrap();
        assert_eq!(full.len(), KERNELS.len());
        assert_eq!(smoke.len(), KERNELS.len());
        for ((_, full), (_, smoke)) in full.iter().zip(&smoke) {
            assert!(!smoke.is_empty());
            for (full, smoke) in full.iter().zip(smoke) {
                assert!(smoke.scenes.len() < full.scenes.len());
                assert!(smoke.scenes.iter().all(|scene| full.scenes.contains(scene)));
            }
        }
    }
}
