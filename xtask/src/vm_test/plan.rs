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

/// One boot.
#[derive(Debug, PartialEq, Eq)]
pub struct Cell {
    /// What the memory controller is on.
    pub hierarchy: Hierarchy,
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
    /// What the kernel must say when it goes down over it; nothing where it must live on.
    pub panics: Option<&'static str>,
    /// Why it is not played where the memory controller is on version 1; nothing where it is.
    pub not_on_v1: Option<&'static str>,
    hybrid: bool,
    smoke: Option<Smoke>,
}

/// On which hierarchies the smoke test plays a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Smoke {
    OnV2,
    OnBoth,
}

const fn scene(name: &'static str, what: &'static str) -> Scene {
    Scene {
        name,
        what,
        panics: None,
        not_on_v1: None,
        hybrid: false,
        smoke: None,
    }
}

impl Scene {
    const fn smoke(mut self, on: Smoke) -> Self {
        self.smoke = Some(on);
        self
    }

    /// Also where version 1 and version 2 are mounted together.
    const fn hybrid(mut self) -> Self {
        self.hybrid = true;
        self
    }

    const fn not_on_v1(mut self, why: &'static str) -> Self {
        self.not_on_v1 = Some(why);
        self
    }

    const fn panics(mut self, how: &'static str) -> Self {
        self.panics = Some(how);
        self
    }

    fn is_played(&self, on: Hierarchy, extent: Extent) -> bool {
        let possible = match on {
            Hierarchy::V2 => true,
            Hierarchy::V1 => self.not_on_v1.is_none(),
            Hierarchy::Hybrid => self.hybrid,
        };
        let wanted = match (extent, self.smoke) {
            (Extent::Full, _) | (Extent::Smoke, Some(Smoke::OnBoth)) => true,
            (Extent::Smoke, Some(Smoke::OnV2)) => on == Hierarchy::V2,
            (Extent::Smoke, None) => false,
        };
        // A hierarchy of both kinds costs a boot of its own.
        possible && wanted && (on != Hierarchy::Hybrid || extent == Extent::Full)
    }
}

/// What takes long and shows nothing that depends on the hierarchy.
const SAME: &str = "long, and the same on either hierarchy";

/// In the order in which they are played: what may take the machine down comes last.
pub const SCENES: &[Scene] = &[
    scene("plain", "a process asks for more than its cgroup may have")
        .smoke(Smoke::OnBoth)
        .hybrid(),
    scene("victim-not-trigger", "one process asks, another one dies")
        .smoke(Smoke::OnBoth)
        .hybrid(),
    scene("nested-limit", "the limit is an ancestor's")
        .smoke(Smoke::OnBoth)
        .hybrid(),
    scene(
        "oom-group",
        "`memory.oom.group`: all of the cgroup die for one",
    )
    .smoke(Smoke::OnV2)
    .not_on_v1("`memory.oom.group` is a file of version 2"),
    scene("shared-mm", "two processes share one address space").smoke(Smoke::OnV2),
    scene("exited-leader", "the process's first thread has exited").smoke(Smoke::OnV2),
    scene(
        "already-dying",
        "the chosen one was dying already: marked, not killed",
    )
    .smoke(Smoke::OnBoth),
    scene("dying-race", "a user kills it at the same moment"),
    scene("killed-by-user", "a user kills a process of a full cgroup"),
    scene("threads", "one thread of several asks"),
    scene("children", "a process with children dies alone"),
    scene("limit-written", "the limit is set below what is used"),
    scene(
        "held-at-exit",
        "a debugger holds the victim: the reaper takes its memory",
    ),
    scene("tmpfs", "files of a tmpfs fill the cgroup"),
    scene("swap", "swap is in use, and full").hybrid(),
    scene("slab", "the kernel's own memory fills the cgroup"),
    scene(
        "cgroup-removed",
        "the container's cgroup is removed as soon as the victim has gone",
    )
    .hybrid(),
    scene("page-cache", "page cache fills the cgroup and gives way"),
    scene(
        "task-names",
        "names of tasks that look like the kernel's report",
    ),
    scene("cgroup-names", "names of cgroups that look like it"),
    scene("deep-path", "long names, many levels"),
    scene("longest-path", "a path longer than a path may be"),
    scene(
        "two-at-once",
        "two cgroups and their parent run out together",
    ),
    scene("no-killable", "everyone is protected: nobody dies"),
    scene(
        "storm",
        "300 kills in 20 cgroups, as fast as the machine makes them",
    )
    .not_on_v1(SAME),
    scene("sysrq-f", "the OOM killer is called by hand").smoke(Smoke::OnV2),
    scene(
        "cpuset",
        "a node is out of memory, for a cgroup that may use no other",
    ),
    scene(
        "mempolicy",
        "a node is out of memory, for a process bound to it",
    ),
    scene("allocating-task", "`vm.oom_kill_allocating_task`"),
    scene(
        "cmdline-1000-own",
        "command lines of 1,000 processes killed over their own allocation",
    )
    .not_on_v1(SAME),
    scene(
        "cmdline-1000-other",
        "command lines of 1,000 processes killed over another one's allocation",
    )
    .not_on_v1(SAME),
    scene(
        "cmdline-1000-group",
        "command lines of 1,000 processes killed with their group",
    )
    .not_on_v1(SAME),
    scene(
        "global-50",
        "the whole machine is out of memory 50 times in a row",
    )
    .not_on_v1(SAME),
    scene("global", "the whole machine is out of memory")
        .smoke(Smoke::OnBoth)
        .hybrid(),
    scene(
        "panic-on-oom",
        "the kernel is locked down: a running tracer goes on and `check` explains; `vm.panic_on_oom` and every other setting are left alone, so it panics",
    )
    .panics("compulsory panic_on_oom is enabled"),
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
        .filter(|kernel| extent == Extent::Full || kernel.in_smoke || !kernels.is_empty())
        .map(|kernel| {
            let cells = Hierarchy::ALL
                .into_iter()
                .filter(|on| kernel.has_cgroup_v1 || *on == Hierarchy::V2)
                .map(|on| Cell {
                    hierarchy: on,
                    scenes: SCENES
                        .iter()
                        .filter(|scene| scene.is_played(on, extent))
                        .filter(|scene| wanted(scene.name, &scenes))
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

/// One boot of each kernel that was asked for, with nothing to play.
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

/// The scene of this name.
pub fn scene_named(name: &str) -> Option<&'static Scene> {
    SCENES.iter().find(|scene| scene.name == name)
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
    fn a_scene_that_ends_the_machine_is_the_last_one() {
        let last = SCENES.iter().position(|scene| scene.panics.is_some());
        assert_eq!(last, Some(SCENES.len() - 1));
    }

    #[test]
    fn smoke_is_a_part_of_full_on_every_kernel() {
        let full = cells(&[], Extent::Full).unwrap();
        let smoke = cells(&[], Extent::Smoke).unwrap();
        assert_eq!(full.len(), KERNELS.len());
        assert_eq!(
            smoke.len(),
            KERNELS.iter().filter(|kernel| kernel.in_smoke).count()
        );
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
