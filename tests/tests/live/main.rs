//! Real kills, each played twice: without a tracer, where the workload and the oracle must be right
//! by themselves; and with one, whose event must agree with the oracle in every field.
//!
//! Run as root, after a build of the tool: `cargo xtask test --only live`, or
//! `cargo build && cargo test -p oomtrace-tests --test live -- --test-threads=1`.

mod command_lines;
mod conditions;
mod contents;
mod daemon;
mod delivery;
mod disk;
mod docker;
mod endings;
mod engines;
mod following;
mod identity;
mod limits;
mod log;
mod losses;
mod names;
mod privileges;
mod processes;
mod redaction;
mod scenarios;
mod sources;
mod stopped;
mod storm;

macro_rules! scenes {
    ($($module:ident :: $scene:ident,)*) => {
        mod oracle {
            $(
                #[test]
                fn $scene() -> anyhow::Result<()> {
                    super::$module::$scene(oomtrace_tests::Stage::without_tracer()?)
                }
            )*
        }
        mod traced {
            $(
                #[test]
                fn $scene() -> anyhow::Result<()> {
                    super::$module::$scene(oomtrace_tests::Stage::with_tracer(&[])?)
                }
            )*
        }
    };
}

scenes! {
    processes::victim_is_trigger,
    processes::victim_is_not_trigger,
    processes::worker_is_trigger,
    processes::leader_has_exited,
    processes::another_process_shares_the_memory,
    processes::children_live_on,
    processes::program_is_deleted,
    endings::held_at_its_exit,
    limits::limit_of_an_ancestor,
    limits::limit_written_below_usage,
    limits::killed_by_a_user_while_full,
    limits::marked_and_not_killed,
    limits::dying_already,
    limits::siblings_and_their_parent,
    contents::tmpfs,
    contents::page_cache,
    names::of_tasks,
    names::of_cgroups,
    names::long_and_deep,
    names::longer_than_a_path,
    storm::storm,
}
