//! The finding on kernel memory that filled the cgroup.

use super::code;
use super::draft::Draft;
use super::measure::{delayed, share_of_limit};
use super::share::{has_filled, is_half};
use crate::model::{Bytes, LimitHit, OomKill, Usage};
use crate::words;

/// All kernel memory that `usage` names; `None` if it names none.
pub(super) fn kernel_total(usage: &Usage) -> Option<Bytes> {
    kernel_parts(usage)
        .into_iter()
        .filter_map(|(_, bytes)| bytes)
        .reduce(Bytes::saturating_add)
}

fn kernel_parts(usage: &Usage) -> [(&'static str, Option<Bytes>); 6] {
    [
        ("slab", usage.slab_bytes),
        ("page_tables", usage.page_tables_bytes),
        ("kernel_stack", usage.kernel_stack_bytes),
        ("sock", usage.sock_bytes),
        ("percpu", usage.percpu_bytes),
        ("other_kernel", usage.other_kernel_bytes),
    ]
}

/// Kernel memory, where there was much of it, and which.
pub(super) fn finding(
    event: &OomKill,
    limit: &LimitHit,
    usage: &Usage,
    total: Bytes,
) -> Option<Draft> {
    let bytes = kernel_total(usage).filter(|&bytes| has_filled(bytes, total))?;
    let mut draft = share_of_limit(
        Draft::new(code::KERNEL_MEMORY),
        "kernel_total",
        bytes,
        event,
    )
    .say(" was kernel memory charged to the cgroup");
    let parts = kernel_parts(usage);
    for (name, part) in parts {
        draft = draft.with_optional(name, part);
    }
    let largest = parts
        .into_iter()
        .filter_map(|(name, part)| Some((part?, name)))
        .filter(|(_, name)| *name != "other_kernel")
        .max();
    // Where the cgroup's statistics do not tell, the victim's own page tables may be most of it.
    let tables = event.victim.memory.as_ref().and_then(|m| m.pgtables_bytes);
    let own_tables = tables.filter(|tables| largest.is_none() && is_half(*tables, bytes));
    draft = match largest {
        _ if own_tables.is_some_and(|tables| tables <= bytes) => draft
            .say(", ")
            .bytes("victim_pgtables", own_tables.unwrap_or_default())
            .say(&format!(
                " of it page tables of {}.",
                words::victim_again(&event.victim)
            ))
            .change("Let it map less, or with huge pages: page tables grow with what is mapped."),
        Some((part, name)) if part.0 >= bytes.0 / 2 => draft
            .say(", most of it ")
            .say(match name {
                "slab" => "kernel objects (slab), such as cached inodes and directory entries",
                "page_tables" => "page tables",
                "kernel_stack" => "stacks of threads",
                "sock" => "socket buffers",
                _ => "per-CPU memory",
            })
            .say(".")
            .change(match name {
                "slab" => "/proc/slabinfo names the kind of object that there are so many of.",
                "page_tables" => {
                    "Let it map less, or with huge pages: page tables grow with what is mapped."
                }
                "kernel_stack" => "Start fewer threads, or bound them with pids.max.",
                "sock" => "Look for connections whose data is not read: it waits in their buffers.",
                _ => "Look for what makes so many cgroups, network namespaces or BPF maps in it.",
            }),
        _ => draft.say("."),
    };
    Some(delayed(draft, limit).weighing(bytes))
}
