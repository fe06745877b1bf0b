//! Findings on what filled the node.

use super::code::{self, Code};
use super::draft::{Draft, Findings};
use super::filled::swapped;
use super::share::{has_filled, is_half};
use crate::model::{Bytes, Cause, Constraint, NodeMemory, OomKill, Scope};
use crate::words;

/// The node's memory where all of it is what ran out: not asked for by hand, nor only a part of it
/// allowed.
fn of(event: &OomKill) -> Option<(&NodeMemory, Bytes)> {
    let whole = matches!(event.incident.constraint, Some(Constraint::None) | None);
    let ran_out = !matches!(event.incident.cause, Some(Cause::Sysrq | Cause::PageFault));
    if event.limit.is_some() || event.incident.scope != Some(Scope::Global) || !whole || !ran_out {
        return None;
    }
    let node = event.node_memory.as_ref()?;
    Some((node, node.total_bytes?))
}

/// A kind of the node's memory, disjoint from the others.
struct Part {
    bytes: Bytes,
    /// Its name in the evidence.
    name: &'static str,
    what: &'static str,
    code: Code,
}

/// The kinds of which there was at least a quarter, largest first.
fn parts(node: &NodeMemory, total: Bytes) -> Vec<Part> {
    let part = |bytes: Option<Bytes>, name, what, code| {
        let bytes = bytes.filter(|&bytes| has_filled(bytes, total) && bytes <= total)?;
        Some(Part {
            bytes,
            name,
            what,
            code,
        })
    };
    let mut found: Vec<Part> = [
        part(
            node.anon_bytes,
            "node_anon",
            "anonymous memory",
            code::ANON_FILLED_BY_MANY,
        ),
        part(
            node.shmem_bytes,
            "node_shmem",
            "shared memory or files on tmpfs",
            code::SHMEM_FILLED,
        ),
        part(
            node.slab_bytes,
            "node_slab",
            "kernel objects (slab)",
            code::KERNEL_MEMORY,
        ),
        part(
            node.page_tables_bytes,
            "node_page_tables",
            "page tables",
            code::KERNEL_MEMORY,
        ),
        part(
            node.kernel_stack_bytes,
            "node_kernel_stack",
            "stacks of threads",
            code::KERNEL_MEMORY,
        ),
        part(
            node.hugepages_bytes,
            "node_hugepages",
            "reserved for huge pages",
            code::HUGETLB_FILLED,
        ),
        part(
            node.file_bytes,
            "node_page_cache",
            "page cache",
            code::PAGE_CACHE_FILLED,
        ),
        part(
            node.unaccounted_bytes,
            "node_unaccounted",
            "in none of the kernel's counters",
            code::UNACCOUNTED_MEMORY,
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    found
}

/// Unless `is_whole`, only a zone or large blocks ran out: what filled the node explains that at best
/// indirectly, and what no counter names not at all.
pub(super) fn findings(event: &OomKill, is_whole: bool, out: &mut Findings) {
    let Some((node, total)) = of(event) else {
        return;
    };
    let explains = |part: &Part| is_whole || part.name != "node_unaccounted";
    for part in parts(node, total).into_iter().filter(explains) {
        let code = match part.name {
            "node_anon" if is_victims(event, part.bytes) => code::ANON_FILLED,
            _ => part.code,
        };
        let draft = Draft::new(code)
            .bytes(part.name, part.bytes)
            .say(" of the node's ")
            .bytes("node_total", total)
            .say(&format!(" was {}", part.what))
            .weighing(part.bytes);
        let draft = explained(draft, &part, event, node);
        out.push(if is_whole { draft } else { draft.aside() });
    }
}

/// What is known of a kind, and what to do about it.
fn explained(draft: Draft, part: &Part, event: &OomKill, node: &NodeMemory) -> Draft {
    match part.name {
        "node_anon" => of_victim(draft, part, event),
        "node_shmem" => draft
            .say(", which killing a process frees only if nothing else holds it.")
            .change(
                "Find what holds it: files on tmpfs (df -t tmpfs), System V segments (ipcs -m), \
                 or memfds (/proc/PID/fd).",
            ),
        "node_slab" => slab(draft, part, node),
        "node_page_tables" => draft
            .say(".")
            .change("Map less, or with huge pages: page tables grow with what is mapped."),
        "node_kernel_stack" => draft
            .say(".")
            .change("Start fewer threads, or bound them with pids.max."),
        "node_hugepages" => {
            let draft = match node.hugepages_free_bytes.filter(|free| *free <= part.bytes) {
                Some(free) => draft
                    .say(", ")
                    .bytes("node_hugepages_free", free)
                    .say(" of it unused."),
                None => draft.say("."),
            };
            draft.change("Reserve fewer huge pages (vm.nr_hugepages): nothing else can use them.")
        }
        "node_page_cache" => draft.say(" that reclaim had not freed."),
        _ => allocation_sites(
            draft
                .say(", like what a driver, ZFS's ARC, a hypervisor's balloon or vmalloc() takes."),
            node,
        )
        .change(
            "Find what took it: bound ZFS by zfs_arc_max, look at the hypervisor's balloon, at \
                 /proc/vmallocinfo and at the drivers that are loaded.",
        ),
    }
}

/// Whether the victim held at least half of the node's anonymous memory.
fn is_victims(event: &OomKill, node_anon: Bytes) -> bool {
    let memory = event.victim.memory.as_ref();
    let own = memory.and_then(|memory| memory.anon_bytes);
    own.is_some_and(|own| own <= node_anon && is_half(own, node_anon))
}

fn of_victim(draft: Draft, part: &Part, event: &OomKill) -> Draft {
    let memory = event.victim.memory.as_ref();
    match memory.and_then(|memory| memory.anon_bytes) {
        Some(own) if own <= part.bytes => {
            let draft = draft
                .say(&format!("; {} held ", words::victim_again(&event.victim)))
                .bytes("victim_anon", own)
                .say(" of it");
            match swapped(event) {
                Some(swap) => draft
                    .say(" and had another ")
                    .bytes("victim_swap", swap)
                    .say(" swapped out: it needs ")
                    .bytes("victim_needs", own.saturating_add(swap))
                    .say("."),
                None => draft.say("."),
            }
        }
        _ => draft.say("."),
    }
}

fn slab(draft: Draft, part: &Part, node: &NodeMemory) -> Draft {
    let stuck = node.slab_unreclaimable_bytes;
    let draft = match stuck.filter(|stuck| *stuck <= part.bytes) {
        Some(stuck) => draft
            .say(", ")
            .bytes("node_slab_unreclaimable", stuck)
            .say(" of it not reclaimable"),
        None => draft,
    };
    let top = node.top_slabs.first();
    let draft = match top {
        Some(top) if top.total_bytes <= part.bytes => draft
            .say(&format!("; the largest cache is {} with ", top.name))
            .bytes("top_slab", top.total_bytes)
            .say("."),
        _ => draft.say("."),
    };
    let draft = allocation_sites(draft, node);
    let module = node
        .top_allocations
        .iter()
        .take(2)
        .find_map(|site| site.module.as_deref());
    if let Some(module) = module {
        return draft.change(&format!(
            "Look at module {module}, and at /proc/allocinfo for what else allocates so much."
        ));
    }
    draft.change(match top.map(|top| top.name.as_str()) {
        Some("filp") => {
            "Find who keeps so many files open (ls /proc/PID/fd), and bound them (RLIMIT_NOFILE, \
             LimitNOFILE=)."
        }
        _ => "/proc/slabinfo, or slabtop, names the kind of object that there are so many of.",
    })
}

/// The places in the kernel that hold most, where it counts them (`CONFIG_MEM_ALLOC_PROFILING`). The
/// largest may be the slab allocator itself, so the next is named as well.
fn allocation_sites(draft: Draft, node: &NodeMemory) -> Draft {
    let mut draft = draft;
    let sites = node
        .top_allocations
        .iter()
        .zip(["first_site", "second_site"]);
    let count = sites.len();
    for (at, (site, name)) in sites.enumerate() {
        let function = site.function.as_deref().unwrap_or(&site.location);
        let module = site.module.as_deref();
        let module = module.map_or(String::new(), |module| format!(" of module {module}"));
        draft = draft
            .say(if at == 0 {
                " The largest allocation site is "
            } else {
                ", the next "
            })
            .say(&format!("{function}{module} ({}) with ", site.location))
            .bytes(name, site.total_bytes);
    }
    if count > 0 { draft.say(".") } else { draft }
}

/// `3 GiB of its 3.2 GiB was kernel objects (slab)`, for the message.
pub(super) fn clause(event: &OomKill) -> Option<String> {
    let (node, total) = of(event)?;
    let largest = parts(node, total).into_iter().next()?;
    Some(of_total(largest.bytes, total, largest.what))
}

/// `11.9 GiB of its 12.0 GiB was hog's anonymous memory`, where the victim's was at least half.
pub(super) fn victims_clause(event: &OomKill) -> Option<String> {
    let (_, total) = of(event)?;
    let own = event.victim.memory.as_ref()?.anon_bytes?;
    let name = words::victim_again(&event.victim);
    (is_half(own, total) && own <= total)
        .then(|| of_total(own, total, &format!("{name}'s anonymous memory")))
}

fn of_total(bytes: Bytes, total: Bytes, what: &str) -> String {
    format!(
        "{} of its {} was {what}",
        words::size(bytes),
        words::size(total)
    )
}

/// Whether a process of this size may be named as what filled the node or the cgroup.
pub(super) fn is_culprit(event: &OomKill, rss: Bytes) -> bool {
    let of_limit = event.limit.as_ref().and_then(|limit| limit.usage_bytes);
    let of_node = event.node_memory.as_ref().and_then(|node| node.total_bytes);
    let total = of_limit.or(of_node);
    total.is_none_or(|total| rss.0 >= total.0 / CULPRIT_PARTS)
}

/// A process with less than one part in so many explains nothing.
const CULPRIT_PARTS: u64 = 10;
