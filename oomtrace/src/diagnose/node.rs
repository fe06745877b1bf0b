//! Findings on the memory of the node.

use super::code;
use super::draft::{Draft, Findings};
use super::zones::{self, NOTHING_PARTS};
use crate::model::{Bytes, Cause, Constraint, OomKill, Scope};
use crate::words;

/// A process is what the node ran out for if it had one part in so many of all memory.
const HOG_PARTS: u64 = 4;

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    if event.limit.is_some() || event.incident.scope != Some(Scope::Global) {
        return;
    }
    match event.incident.cause {
        Some(Cause::Sysrq) => out.push(sysrq_requested(event)),
        Some(Cause::PageFault) => out.push(page_fault_failed(event)),
        _ => {
            out.push(node_exhausted(event));
            let is_whole = zones::short(event).is_none() && in_one_piece(event).is_none();
            super::node_filled::findings(event, is_whole, out);
            out.extend(contiguous_memory(event));
            out.extend(free_elsewhere(event));
            out.extend(crash_kernel(event));
        }
    }
}

/// Memory of a node that may be one that only saves the memory of a crashed kernel: more is not
/// reserved for it by default (`crashkernel=auto` and what distributions ask for).
const CRASH_KERNEL_BYTES_MAX: Bytes = Bytes(1 << 30);

/// A crash kernel that runs out cannot save what it was started for.
fn crash_kernel(event: &OomKill) -> Option<Draft> {
    let report = event.report.as_ref()?;
    let total = event.node_memory.as_ref()?.total_bytes?;
    let draft = Draft::new(code::CRASH_KERNEL_TOO_SMALL);
    let draft = if report.crash_kernel == Some(true) {
        draft
            .say("This is the kernel that kdump starts after a crash: the ")
            .bytes("node_total", total)
            .say(" that it may use are too little to save the crashed kernel's memory.")
            .change("Reserve more for it: raise crashkernel= on the kernel's command line, which leaves it ")
    } else if report.panic.is_some() && total <= CRASH_KERNEL_BYTES_MAX {
        draft
            .say("A kernel with only ")
            .bytes("node_total", total)
            .say(" may be the one that kdump starts after a crash: then that is too little for it.")
            .change("If it is a crash kernel, reserve more for it (crashkernel= on the kernel's command line): it has ")
    } else {
        return None;
    };
    Some(draft.bytes("node_total", total).say(" now."))
}

/// `, FREE free of TOTAL.`
fn free_of_total(draft: Draft, event: &OomKill) -> Draft {
    let node = event.node_memory.as_ref();
    match node.and_then(|node| node.free_bytes.zip(node.total_bytes)) {
        Some((free, total)) if free <= total => draft
            .say(", ")
            .bytes("free", free)
            .say(" free of ")
            .bytes("total", total)
            .say("."),
        _ => draft.say("."),
    }
}

fn has_much_free(event: &OomKill) -> bool {
    let node = event.node_memory.as_ref();
    let known = node.and_then(|node| node.free_bytes.zip(node.total_bytes));
    known.is_some_and(|(free, total)| free.0 > 0 && free.0 >= total.0 / NOTHING_PARTS)
}

fn sysrq_requested(event: &OomKill) -> Draft {
    let draft = Draft::new(code::SYSRQ_REQUESTED)
        .say("Nothing had to have run out: somebody asked for a kill by sysrq-f");
    free_of_total(draft, event)
        .change("Find out who wrote to /proc/sysrq-trigger; kernel.sysrq can forbid the key.")
}

/// `pagefault_out_of_memory()`: whoever allocated has given up without a kill.
fn page_fault_failed(event: &OomKill) -> Draft {
    let draft = Draft::new(code::PAGE_FAULT_FAILED).say(
        "A page fault did not get its memory, and the kernel does not say which allocation failed",
    );
    let draft = free_of_total(draft, event);
    if has_much_free(event) {
        draft.say(
            " With so much free a cgroup's limit, a large block or a driver is likelier than the \
             node.",
        )
    } else {
        draft
    }
}

fn node_exhausted(event: &OomKill) -> Draft {
    let short = match zones::short(event) {
        Some(zones::Short::Zone { name, .. } | zones::Short::Cma { name, .. }) => {
            format!("zone {name} ran out")
        }
        None => String::new(),
    };
    let what = match event.incident.constraint {
        _ if !short.is_empty() => &short,
        Some(Constraint::Cpuset) => "the memory nodes that a cpuset allows ran out",
        Some(Constraint::Mempolicy) => "the memory nodes that a memory policy allows ran out",
        _ if in_one_piece(event).is_some() => "the node had not enough in one piece",
        _ => "the node ran out",
    };
    let draft = Draft::new(code::NODE_EXHAUSTED).say(&format!("No cgroup's limit was hit: {what}"));
    let draft = free_of_total(draft, event).detail_if(true);
    let total = event.node_memory.as_ref().and_then(|node| node.total_bytes);
    match total.zip(unlimited(event)) {
        Some((total, rss)) if rss.0 >= total.0 / HOG_PARTS => draft
            .change(&format!(
                "Give {} a memory limit below the ",
                words::victim_again(&event.victim)
            ))
            .bytes("rss", rss)
            .say(" that it had: then its own cgroup is short of memory, not the node."),
        _ => draft,
    }
}

/// What was wanted in one piece, where the node had much more than that free.
pub(super) fn in_one_piece(event: &OomKill) -> Option<Bytes> {
    let order = event.trigger.as_ref()?.order;
    let order = order.filter(|order| (1..=10).contains(order))?;
    let page = event.header.kernel.page_size_bytes?;
    let wanted = Bytes(page.0.checked_shl(u32::try_from(order).ok()?)?);
    let free = event.node_memory.as_ref()?.free_bytes?;
    let is_whole = !zones::is_largest_below_min(event);
    (is_whole && has_much_free(event) && free > wanted).then_some(wanted)
}

/// What the victim had resident, unless one of its cgroups has a limit.
fn unlimited(event: &OomKill) -> Option<Bytes> {
    let is_limited = event
        .hierarchy
        .iter()
        .any(|level| level.limit_bytes.is_some());
    let rss = event.victim.memory.as_ref()?.rss_bytes?;
    (!is_limited).then_some(rss)
}

/// Several pages in one piece are asked for by the kernel itself; free memory in pieces is no use
/// to it.
fn contiguous_memory(event: &OomKill) -> Option<Draft> {
    let order = event
        .trigger
        .as_ref()?
        .order
        .filter(|order| (1..=10).contains(order))?;
    let page = event.header.kernel.page_size_bytes?;
    let wanted = Bytes(page.0.checked_shl(u32::try_from(order).ok()?)?);
    let free = event.node_memory.as_ref()?.free_bytes?;
    // Where a zone is below its minimum a single page could not be had either.
    if free <= wanted || zones::is_largest_below_min(event) {
        return None;
    }
    let in_pieces = if zones::has_no_block(event, order) {
        " were free, but no block in any zone was that large."
    } else {
        " were free, but what is in smaller pieces or kept in reserve does not help."
    };
    Some(
        Draft::new(code::CONTIGUOUS_MEMORY)
            .say("The allocation needed ")
            .bytes("wanted", wanted)
            .say(" in one piece (order ")
            .count("order", order.unsigned_abs().into())
            .say("): ")
            .bytes("free", free)
            .say(in_pieces),
    )
}

fn free_elsewhere(event: &OomKill) -> Option<Draft> {
    let (bound, change) = match event.incident.constraint {
        Some(Constraint::Cpuset) => ("the cpuset", "Allow it more memory nodes (cpuset.mems): "),
        Some(Constraint::Mempolicy) => (
            "the memory policy",
            "Allow it more memory nodes (its policy, numactl): ",
        ),
        Some(Constraint::None) | None => return zones::finding(event),
        Some(Constraint::Memcg) => return None,
    };
    let node = event.node_memory.as_ref()?;
    let (free, total) = node.free_bytes.zip(node.total_bytes)?;
    let much = total.0 / NOTHING_PARTS;
    let draft = Draft::new(code::FREE_ELSEWHERE).say("The machine had ");
    match elsewhere(event) {
        Some(elsewhere) if elsewhere.0 < much => None,
        Some(elsewhere) => Some(
            draft
                .bytes("free_elsewhere", elsewhere)
                .say(&format!(
                    " free on memory nodes that {bound} of the allocation leaves out."
                ))
                .change(change)
                .bytes("free_elsewhere", elsewhere)
                .say(" are free elsewhere."),
        ),
        None if free.0 < much => None,
        None => Some(draft.bytes("free", free).say(&format!(
            " free in all; {bound} of the allocation leaves some of its memory nodes out."
        ))),
    }
}

/// What was free on memory nodes that the cpuset or the memory policy leaves out, where the report
/// names those that it allows.
pub(super) fn elsewhere(event: &OomKill) -> Option<Bytes> {
    let report = event.report.as_ref()?;
    let allowed = match event.incident.constraint? {
        Constraint::Cpuset => report.mems_allowed.as_deref()?,
        Constraint::Mempolicy => report.nodemask.as_deref()?,
        _ => return None,
    };
    zones::free_on_other_nodes(event, allowed)
}
