//! The scenes. To add one, add a row, and the scene itself to `oomtrace-guest-init`.

use super::kernels::Kernel;
use super::plan::{Extent, Hierarchy, Setup};

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
    /// It shows what a tracepoint that hands over the task lets be seen.
    pub needs_task: bool,
    /// It shows what only a kernel with `CONFIG_CMA` can.
    needs_cma: bool,
    setup: Setup,
    hybrid: bool,
    every_arch: bool,
    smoke: Option<Smoke>,
}

/// On which hierarchies the smoke test plays a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Smoke {
    OnV2,
    OnBoth,
    /// On version 2 with the kernels of these names: it takes long, or depends on what they have.
    OnlyOn(&'static [&'static str]),
}

const fn scene(name: &'static str, what: &'static str) -> Scene {
    Scene {
        name,
        what,
        panics: None,
        not_on_v1: None,
        needs_task: false,
        needs_cma: false,
        setup: Setup::Plain,
        hybrid: false,
        every_arch: false,
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

    /// Also in machines of an architecture that is slow to emulate: its figures depend on the size of a
    /// page, or on how that architecture calls functions.
    const fn every_arch(mut self) -> Self {
        self.every_arch = true;
        self
    }

    const fn not_on_v1(mut self, why: &'static str) -> Self {
        self.not_on_v1 = Some(why);
        self
    }

    const fn needs_task(mut self) -> Self {
        self.needs_task = true;
        self
    }

    /// In a guest whose first process is systemd.
    const fn under_systemd(mut self) -> Self {
        self.setup = Setup::Systemd;
        self
    }

    /// In a guest with a zone for movable pages.
    const fn with_movable_zone(mut self) -> Self {
        self.setup = Setup::MovableZone;
        self
    }

    /// In a guest that reserves memory for contiguous allocations.
    const fn with_cma(mut self) -> Self {
        self.needs_cma = true;
        self.setup = Setup::Cma;
        self
    }

    const fn panics(mut self, how: &'static str) -> Self {
        self.panics = Some(how);
        self
    }

    /// Whether the smoke test plays it for this kernel's sake.
    pub fn is_for(&self, kernel: &Kernel) -> bool {
        matches!(self.smoke, Some(Smoke::OnlyOn(names)) if names.contains(&kernel.name))
    }

    /// Whether it is played there.
    pub fn is_played(&self, kernel: &Kernel, on: Hierarchy, extent: Extent) -> bool {
        let possible = match on {
            Hierarchy::V2 => true,
            Hierarchy::V1 => self.not_on_v1.is_none(),
            Hierarchy::Hybrid => self.hybrid,
        };
        let wanted = match (extent, self.smoke) {
            (Extent::Named, _) => true,
            (Extent::Full, smoke) => kernel.every_scene || self.every_arch || smoke.is_some(),
            (Extent::Smoke, Some(Smoke::OnBoth)) => true,
            (Extent::Smoke, Some(Smoke::OnV2)) => on == Hierarchy::V2,
            (Extent::Smoke, Some(Smoke::OnlyOn(_))) => on == Hierarchy::V2 && self.is_for(kernel),
            (Extent::Smoke, None) => false,
        };
        let possible = possible
            && (kernel.mark_has_task || !self.needs_task)
            && (kernel.has_cma || !self.needs_cma);
        // A hierarchy of both kinds costs a boot of its own.
        possible && wanted && (on != Hierarchy::Hybrid || extent != Extent::Smoke)
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
    scene("threads", "one thread of several asks")
    .every_arch(),
    scene("children", "a process with children dies alone"),
    scene("program-deleted", "the file that the victim runs was removed"),
    scene("limit-written", "the limit is set below what is used"),
    scene(
        "held-at-exit",
        "a debugger holds the victim: the reaper takes its memory",
    ),
    scene("tmpfs", "files of a tmpfs fill the cgroup")
    .every_arch(),
    scene("swap", "swap is in use, and full")
    .every_arch().hybrid(),
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
    )
    .every_arch(),
    scene("no-killable", "everyone is protected: nobody dies")
    .every_arch(),
    scene(
        "systemd",
        "systemd is the first process: services, a template's instance, scopes, a slice's limit, a login, a unit that is gone at once",
    )
    .under_systemd()
    .smoke(Smoke::OnlyOn(&["6.1"]))
    .hybrid(),
    scene(
        "storm",
        "300 kills in 20 cgroups, as fast as the machine makes them",
    )
    .not_on_v1(SAME),
    scene(
        "tracer-stopped",
        "the tracer is stopped while 700 are killed: no end is invented, and the kills add up",
    )
    .not_on_v1(SAME),
    scene(
        "few-pids",
        "210 kills in 3 cgroups at once, with 330 process ids: each has its own command line and end",
    )
    .smoke(Smoke::OnlyOn(&["7.3"]))
    .not_on_v1(SAME),
    scene(
        "hidden-addresses",
        "`kernel.kptr_restrict=2`, `perf_event_paranoid=3`, `unprivileged_bpf_disabled=2`",
    )
    .smoke(Smoke::OnlyOn(&["5.10", "7.3"]))
    .not_on_v1(SAME),
    scene(
        "two-capabilities",
        "the tracer is user 65534 with `CAP_BPF` and `CAP_PERFMON`; where that is too little, it says what is missing",
    )
    .smoke(Smoke::OnlyOn(&["7.3"]))
    .not_on_v1(SAME),
    scene(
        "many-tasks",
        "one of 5,000 processes dies: all were looked at, none is lost",
    )
    .every_arch()
    .not_on_v1(SAME),
    scene("sysrq-f", "the OOM killer is called by hand").smoke(Smoke::OnV2),
    scene(
        "cpuset",
        "a node is out of memory, for a cgroup that may use no other",
    )
    .every_arch(),
    scene(
        "mempolicy",
        "a node is out of memory, for a process bound to it",
    )
    .every_arch(),
    scene("allocating-task", "`vm.oom_kill_allocating_task`"),
    scene(
        "cmdline-1000-own",
        "command lines of up to 1,000 processes killed over their own allocation",
    )
    .not_on_v1(SAME),
    scene(
        "cmdline-1000-other",
        "command lines of up to 1,000 processes killed over another one's allocation",
    )
    .not_on_v1(SAME),
    scene(
        "cmdline-1000-group",
        "command lines of up to 1,000 processes killed with their group",
    )
    .not_on_v1(SAME),
    scene(
        "global-50",
        "the whole machine is out of memory 50 times in a row",
    )
    .not_on_v1(SAME),
    scene(
        "tracepoints-only",
        "no hook on a function: one process asks, another one dies",
    )
    .needs_task()
    .smoke(Smoke::OnBoth)
    .hybrid(),
    scene(
        "tracepoints-only-group",
        "no hook on a function: all of the cgroup die for one",
    )
    .needs_task()
    .not_on_v1("`memory.oom.group` is a file of version 2"),
    scene(
        "tracepoints-only-global",
        "no hook on a function: the whole machine is out of memory",
    )
    .needs_task(),
    scene("global", "the whole machine is out of memory")
        .smoke(Smoke::OnBoth)
        .hybrid(),
    scene(
        "node-slab",
        "the whole machine is out of memory, and the kernel's own objects fill it",
    )
    .smoke(Smoke::OnlyOn(&["7.2"]))
    .not_on_v1(SAME),
    scene(
        "node-hugepages",
        "the whole machine is out of memory, and huge pages are reserved in it",
    )
    .smoke(Smoke::OnlyOn(&["7.2"]))
    .not_on_v1(SAME),
    scene(
        "node-tmpfs",
        "the whole machine is out of memory, and files of a tmpfs fill it",
    )
    .smoke(Smoke::OnlyOn(&["7.2"]))
    .not_on_v1(SAME),
    scene(
        "zone",
        "what the kernel's own objects may use is full, and a zone for movable pages is not",
    )
    .with_movable_zone()
    .not_on_v1(SAME),
    scene(
        "cma",
        "what is free is reserved for contiguous allocations, and the kernel's own objects may not use it",
    )
    .with_cma()
    .every_arch()
    .not_on_v1(SAME),
    scene(
        "panic-on-oom",
        "the kernel is locked down: a running tracer goes on and `check` explains; `vm.panic_on_oom` and every other setting are left alone, so it panics",
    )
    .panics("compulsory panic_on_oom is enabled"),
];

/// What the guest has in which the scene of this name is played.
pub fn setup(name: &str) -> Setup {
    scene_named(name).map_or(Setup::Plain, |scene| scene.setup)
}

/// The scene of this name.
pub fn scene_named(name: &str) -> Option<&'static Scene> {
    SCENES.iter().find(|scene| scene.name == name)
}
