//! The kinds of memory that filled a limit or a node: the one list of their names.

use crate::model::{Bytes, KillKind, NodeMemory, OomKill, Usage};

/// Parts of memory that were freed before they could be read: given back already, or about to be.
const FREED: [&str; 2] = ["freed since", "being freed"];
/// That memory where the victim alone died.
const VICTIM: &str = "the victim's";
/// That memory where others died with it.
const KILLED: &str = "of those killed";

/// Names of parts and their bytes.
pub type Rows = Vec<(&'static str, u64)>;

/// What filled the limit, or the node where it was the node that ran out; and the whole of it.
#[must_use]
pub fn of_kill(kill: &OomKill) -> Option<(Rows, Option<Bytes>)> {
    let found = match (&kill.limit, &kill.node_memory) {
        (Some(limit), _) => (
            with_killed(of_usage(limit.usage.as_ref()?), kill),
            limit.usage_bytes,
        ),
        (None, Some(node)) => (of_node(node), node.total_bytes),
        (None, None) => return None,
    };
    (!found.0.is_empty()).then_some(found)
}

/// The rows with those of memory that was freed before it could be read as one. That memory is no kind of
/// its own: it is known whose it was, not what.
fn with_killed(rows: Rows, kill: &OomKill) -> Rows {
    let whose = match kill.incident.kill_kind {
        Some(KillKind::Group) => KILLED,
        _ => VICTIM,
    };
    let is_freed = |name: &str| FREED.contains(&name);
    let freed: u64 = rows
        .iter()
        .filter(|(name, _)| is_freed(name))
        .fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let kinds = rows.into_iter().filter(|(name, _)| !is_freed(name));
    kinds.chain((freed > 0).then_some((whose, freed))).collect()
}

/// The parts of a cgroup's usage.
#[must_use]
pub fn of_usage(usage: &Usage) -> Rows {
    [
        ("anonymous", usage.anon_bytes),
        ("page cache", usage.page_cache_bytes),
        ("cache, shared", usage.page_cache_and_shmem_bytes),
        ("shared, tmpfs", usage.shmem_bytes),
        ("huge pages", usage.hugetlb_bytes),
        ("slab", usage.slab_bytes),
        ("page tables", usage.page_tables_bytes),
        ("kernel stacks", usage.kernel_stack_bytes),
        ("sockets", usage.sock_bytes),
        ("per-CPU", usage.percpu_bytes),
        ("other kernel", usage.other_kernel_bytes),
        (FREED[0], usage.freed_before_read_bytes),
        (FREED[1], usage.being_freed_bytes),
        ("unattributed", usage.unattributed_bytes),
    ]
    .into_iter()
    // How little page cache was left is part of the answer even when it was none.
    .filter_map(|(name, amount)| {
        amount
            .map(|bytes| (name, bytes.0))
            .filter(|(name, bytes)| *bytes > 0 || *name == "page cache")
    })
    .collect()
}

/// The parts of a node's memory.
#[must_use]
pub fn of_node(memory: &NodeMemory) -> Rows {
    [
        ("anonymous", memory.anon_bytes),
        ("page cache", memory.file_bytes),
        ("shared, tmpfs", memory.shmem_bytes),
        ("slab", memory.slab_bytes),
        ("page tables", memory.page_tables_bytes),
        ("kernel stacks", memory.kernel_stack_bytes),
        ("per-CPU", memory.per_cpu_bytes),
        ("zswap", memory.zswap_bytes),
        ("huge pages", memory.hugepages_bytes),
        ("free", memory.free_bytes),
        ("unaccounted", memory.unaccounted_bytes),
    ]
    .into_iter()
    .filter_map(|(name, bytes)| Some((name, bytes?.0)))
    .filter(|(_, bytes)| *bytes > 0)
    .collect()
}

/// `anon 99 %`: the largest part by a short name, rounded down.
#[must_use]
pub fn filled_by(kill: &OomKill) -> Option<String> {
    let (rows, whole) = of_kill(kill)?;
    let (name, bytes) = rows.iter().max_by_key(|(_, bytes)| *bytes)?;
    let all = all(&rows, whole);
    let share = (u128::from(*bytes) * 100).checked_div(u128::from(all))?;
    let name = match *name {
        "anonymous" => "anon",
        "page cache" | "cache, shared" => "cache",
        "shared, tmpfs" => "shmem",
        "huge pages" => "hugetlb",
        "page tables" => "pgtables",
        "kernel stacks" => "stacks",
        "other kernel" => "kernel",
        VICTIM => "victim",
        KILLED => "killed",
        "unattributed" | "unaccounted" => "other",
        other => other,
    };
    Some(format!("{name} {share} %"))
}

/// What the parts are parts of: `whole`, or their sum where that is more.
#[must_use]
pub fn all(rows: &Rows, whole: Option<Bytes>) -> u64 {
    let sum = rows
        .iter()
        .fold(0_u64, |sum, row| sum.saturating_add(row.1));
    whole.map_or(sum, |whole| whole.0.max(sum))
}
