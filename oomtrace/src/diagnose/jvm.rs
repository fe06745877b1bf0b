//! The finding on a JVM that does not know of its limit.

use super::code;
use super::draft::Draft;
use crate::model::{Bytes, OomKill, Runtime, Victim};
use crate::words;

/// The option that makes a JVM look at the machine instead of its cgroup.
const UNAWARE: &str = "-XX:-UseContainerSupport";

/// What a JVM without `-Xmx` lets its heap grow to, by its own counters, where that is not below the
/// limit of the cgroup. A share of what it sees that comes to the limit itself is another finding.
pub(super) fn heap_max_above_limit(runtime: &Runtime, limit: Bytes) -> Option<Bytes> {
    let max = runtime.jvm.as_ref()?.heap_max_bytes?;
    let is_share_of_limit = runtime.max_ram_percent.is_some() && max == limit;
    (runtime.max_heap_bytes.is_none() && max >= limit && !is_share_of_limit).then_some(max)
}

/// Without a cap of its own a JVM takes a share of what it believes to be the machine.
pub(super) fn unaware_of_limit(event: &OomKill, runtime: &Runtime, limit: Bytes) -> Option<Draft> {
    let max = heap_max_above_limit(runtime, limit)?;
    let victim = &event.victim;
    let name = words::victim_again(victim);
    let draft = Draft::new(code::HEAP_CAP_ABOVE_LIMIT).weighing(max);
    // Options from a file, or a machine's size that was given, are not the JVM's own belief.
    let is_own = has_no_other_cap(victim) && runtime.max_ram_percent.is_none();
    let draft = if is_own {
        draft
            .say(&format!("The JVM of {name} does not know of its "))
            .bytes("limit", limit)
            .say(" limit: its heap may grow to ")
    } else {
        draft
            .say("The limit is ")
            .bytes("limit", limit)
            .say(&format!(
                ", but by its own counters the JVM of {name} lets its heap grow to "
            ))
    };
    let is_v2 = event.limit.as_ref().and_then(|limit| limit.cgroup_version) == Some(2);
    let draft = draft.bytes("jvm_heap_max", max);
    let draft = match (is_own, has_option(victim, UNAWARE)) {
        (_, true) => draft.say(&format!(", because {UNAWARE} turns that off.")),
        (true, false) if is_v2 => draft.say(
            ", by what it takes for the machine's memory. JDKs before 25 do not find limits of cgroup \
             v2 where /proc/cgroups does not list memory.",
        ),
        (true, false) => draft.say(", by what it takes for the machine's memory."),
        (false, false) => draft.say("."),
    };
    Some(
        draft
            .change(match (is_own, has_option(victim, UNAWARE)) {
                (_, true) => "Remove -XX:-UseContainerSupport, or set -Xmx below ",
                (true, false) => "Use a JDK that reads this cgroup's limit, or set -Xmx below ",
                (false, false) => "Set -Xmx below ",
            })
            .bytes("limit", limit)
            .say(", with room for what is not heap."),
    )
}

/// Whether all options are known, and none of them is a file of options or a size of the machine.
fn has_no_other_cap(victim: &Victim) -> bool {
    let Some(cmdline) = &victim.cmdline else {
        return false;
    };
    victim.cmdline_total_bytes.is_none()
        && victim.environ.is_some()
        && !options(victim).any(|option| option.starts_with("-XX:MaxRAM"))
        && !cmdline.iter().any(|arg| {
            arg.starts_with('@')
                || arg.starts_with("-XX:Flags")
                || arg.starts_with("-XX:VMOptionsFile")
        })
}

fn has_option(victim: &Victim, wanted: &str) -> bool {
    options(victim).any(|option| option == wanted)
}

/// The words of the command line and of the variables that hold options.
fn options(victim: &Victim) -> impl Iterator<Item = &str> {
    let variables = victim.environ.iter().flatten();
    let values = variables.filter_map(|variable| Some(variable.split_once('=')?.1));
    let words = values.flat_map(str::split_whitespace);
    let args = victim.cmdline.iter().flatten().skip(1);
    args.map(String::as_str).chain(words)
}
