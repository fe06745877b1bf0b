//! What filled a cgroup or a node, in the few kinds that a list or a bar can show.

use crate::model::{Bytes, NodeMemory, Usage};

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Anonymous memory.
    Anonymous,
    /// Shared memory and files on a tmpfs.
    Shared,
    /// Page cache, and page cache that the statistics do not tell from shared memory.
    PageCache,
    /// Huge pages of hugetlbfs.
    HugePages,
    /// The kernel's own: slab, page tables, stacks, sockets, per-CPU memory.
    Kernel,
    /// Memory of the dying victim that was given back before the statistics were read.
    BeingFreed,
    /// Known to no statistic.
    Unattributed,
}

impl PartKind {
    /// The kinds, in the order of bars.
    pub const ALL: [Self; 7] = [
        Self::Anonymous,
        Self::Shared,
        Self::PageCache,
        Self::HugePages,
        Self::Kernel,
        Self::BeingFreed,
        Self::Unattributed,
    ];

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Shared => "shared memory, tmpfs",
            Self::PageCache => "page cache",
            Self::HugePages => "huge pages",
            Self::Kernel => "kernel",
            Self::BeingFreed => "the victim's, of whatever kind",
            Self::Unattributed => "not attributed",
        }
    }

    /// In one word, for a column of a list and for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "anon",
            Self::Shared => "shmem",
            Self::PageCache => "cache",
            Self::HugePages => "hugetlb",
            Self::Kernel => "kernel",
            Self::BeingFreed => "victim",
            Self::Unattributed => "other",
        }
    }
}

/// An amount of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of what.
    pub kind: PartKind,
    /// How much; more than zero.
    pub bytes: Bytes,
}

/// The parts of a cgroup's usage, in the order of [`PartKind::ALL`].
pub(super) fn of_cgroup(usage: &Usage) -> Vec<Part> {
    gather(&[
        (PartKind::Anonymous, usage.anon_bytes),
        (PartKind::Shared, usage.shmem_bytes),
        (PartKind::PageCache, usage.page_cache_bytes),
        (PartKind::PageCache, usage.page_cache_and_shmem_bytes),
        (PartKind::HugePages, usage.hugetlb_bytes),
        (PartKind::Kernel, usage.slab_bytes),
        (PartKind::Kernel, usage.page_tables_bytes),
        (PartKind::Kernel, usage.kernel_stack_bytes),
        (PartKind::Kernel, usage.sock_bytes),
        (PartKind::Kernel, usage.percpu_bytes),
        (PartKind::Kernel, usage.other_kernel_bytes),
        (PartKind::BeingFreed, usage.freed_before_read_bytes),
        (PartKind::BeingFreed, usage.being_freed_bytes),
        (PartKind::Unattributed, usage.unattributed_bytes),
    ])
}

/// The parts of `used_bytes` of a node's memory; what the kernel does not count is not attributed.
pub(super) fn of_node(node: &NodeMemory, used_bytes: Option<Bytes>) -> Vec<Part> {
    let mut parts = gather(&[
        (PartKind::Anonymous, node.anon_bytes),
        (PartKind::Shared, node.shmem_bytes),
        (PartKind::PageCache, node.file_bytes),
        (PartKind::HugePages, node.hugepages_bytes),
        (PartKind::Kernel, node.slab_bytes),
        (PartKind::Kernel, node.page_tables_bytes),
        (PartKind::Kernel, node.kernel_stack_bytes),
        (PartKind::Kernel, node.per_cpu_bytes),
    ]);
    let counted = parts
        .iter()
        .fold(Bytes(0), |sum, part| sum.saturating_add(part.bytes));
    let bytes = used_bytes.unwrap_or_default().saturating_sub(counted);
    if bytes.0 > 0 && !parts.is_empty() {
        parts.push(Part {
            kind: PartKind::Unattributed,
            bytes,
        });
    }
    parts
}

fn gather(amounts: &[(PartKind, Option<Bytes>)]) -> Vec<Part> {
    let sum = |kind| {
        amounts
            .iter()
            .filter(|(other, _)| *other == kind)
            .filter_map(|(_, bytes)| *bytes)
            .fold(Bytes(0), Bytes::saturating_add)
    };
    PartKind::ALL
        .into_iter()
        .map(|kind| Part {
            kind,
            bytes: sum(kind),
        })
        .filter(|part| part.bytes.0 > 0)
        .collect()
}
