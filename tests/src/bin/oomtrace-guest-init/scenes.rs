//! The scenes by name: those of the live tests, and those that only a guest may run.

use anyhow::Result;
use oomtrace_tests::Stage;

use crate::guest;

#[path = "../../../tests/live/contents.rs"]
mod contents;
#[path = "../../../tests/live/endings.rs"]
mod endings;
#[path = "../../../tests/live/limits.rs"]
mod limits;
#[path = "../../../tests/live/names.rs"]
mod names;
#[path = "../../../tests/live/processes.rs"]
pub(crate) mod processes;
#[path = "../../../tests/live/stopped.rs"]
mod stopped;
#[path = "../../../tests/live/storm.rs"]
mod storm;

/// One scene.
pub(crate) struct Scene {
    name: &'static str,
    /// Plays it.
    pub(crate) run: fn() -> Result<()>,
}

/// The scene of this name.
pub(crate) fn named(name: &str) -> Option<&'static Scene> {
    let mut all = SCENES.iter().chain(ALONE);
    all.find(|scene| scene.name == name)
}

macro_rules! traced {
    ($($name:literal $([$option:literal])? => $scene:path,)*) => {
        &[$(Scene { name: $name, run: || $scene(Stage::with_tracer(&[$($option)?])?) },)*]
    };
}

/// Those that start the tracer themselves.
const ALONE: &[Scene] = &[
    Scene {
        name: "panic-on-oom",
        run: guest::settings::left_alone,
    },
    Scene {
        name: "hidden-addresses",
        run: guest::privileges::addresses_hidden,
    },
    Scene {
        name: "two-capabilities",
        run: guest::privileges::two_capabilities,
    },
    Scene {
        name: "tracer-stopped",
        run: stopped::the_dead_are_not_reported_alive,
    },
    Scene {
        name: "systemd",
        run: guest::systemd::units,
    },
];

const SCENES: &[Scene] = traced! {
    "plain" => processes::victim_is_trigger,
    "victim-not-trigger" => processes::victim_is_not_trigger,
    "threads" => processes::worker_is_trigger,
    "exited-leader" => processes::leader_has_exited,
    "shared-mm" => processes::another_process_shares_the_memory,
    "children" => processes::children_live_on,
    "program-deleted" => processes::program_is_deleted,
    "held-at-exit" => endings::held_at_its_exit,
    "nested-limit" => limits::limit_of_an_ancestor,
    "limit-written" => limits::limit_written_below_usage,
    "killed-by-user" => limits::killed_by_a_user_while_full,
    "already-dying" => limits::marked_and_not_killed,
    "dying-race" => limits::dying_already,
    "two-at-once" => limits::siblings_and_their_parent,
    "tmpfs" => contents::tmpfs,
    "page-cache" => contents::page_cache,
    "task-names" => names::of_tasks,
    "cgroup-names" => names::of_cgroups,
    "deep-path" => names::long_and_deep,
    "longest-path" => names::longer_than_a_path,
    "storm" => storm::storm,
    "swap" => guest::contents::swap,
    "slab" => guest::contents::slab,
    "cgroup-removed" => guest::contents::removed_at_once,
    "cpuset" => guest::nodes::cpuset,
    "mempolicy" => guest::nodes::mempolicy,
    "oom-group" => guest::group::whole_group,
    "no-killable" => guest::group::nobody_may_be_killed,
    "few-pids" => guest::many::few_pids,
    "many-tasks" => guest::many::many_tasks,
    "cmdline-1000-own" => guest::cmdline::own,
    "cmdline-1000-other" => guest::cmdline::other,
    "cmdline-1000-group" => guest::cmdline::group,
    "global-50" => guest::global::again_and_again,
    "tracepoints-only" ["--tracepoints-only"] => processes::victim_is_not_trigger,
    "tracepoints-only-group" ["--tracepoints-only"] => guest::group::whole_group,
    "tracepoints-only-global" ["--tracepoints-only"] => guest::global::out_of_memory,
    "global" => guest::global::out_of_memory,
    "node-slab" => guest::filled::slab,
    "node-hugepages" => guest::filled::hugepages,
    "node-tmpfs" => guest::filled::tmpfs,
    "zone" => guest::filled::zone,
    "cma" => guest::filled::cma,
    "sysrq-f" => guest::global::sysrq,
    "allocating-task" => guest::global::allocating_task,
};
