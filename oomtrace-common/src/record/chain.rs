//! A task's memory cgroup and its ancestors, with usage and limits of each.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;

/// Whose chain a [`Chain`] is.
pub mod chain_role {
    /// The victim's memory cgroup and its ancestors.
    pub const VICTIM: u16 = 0;
    /// The trigger's memory cgroup and its ancestors, where it is not part of the victim's chain.
    pub const TRIGGER: u16 = 1;
    /// The cgroup whose limit was hit and its ancestors, where there is no victim.
    pub const LIMIT: u16 = 2;
}

/// Bits of [`Chain::flags`].
pub mod chain_flags {
    /// There are more levels than [`crate::limits::CGROUP_LEVELS_MAX`]; those nearest the root are
    /// not here.
    pub const LEVELS_TRUNCATED: u32 = 1 << 0;
    /// The record had no room for all levels; those nearest the root are not here.
    pub const BYTES_TRUNCATED: u32 = 1 << 1;
    /// `swap_*` of the levels count memory plus swap (cgroup v1), not swap alone (v2).
    pub const SWAP_IS_MEMSW: u32 = 1 << 2;
    /// The memory controller is on a cgroup v1 hierarchy.
    pub const CGROUP_V1: u32 = 1 << 3;
}

/// A memory cgroup chain from a task's own cgroup to the root.
///
/// `levels` packed [`Level`]s follow, each at a multiple of eight bytes: the fixed part, then
/// `name_len_bytes` bytes of name, then zeros up to the next multiple of eight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Chain {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// One of [`chain_role`].
    pub role: u16,
    /// How many levels follow.
    pub levels: u16,
    /// See [`chain_flags`].
    pub flags: u32,
}

/// Bits of [`Level::valid`].
pub mod level_valid {
    /// `cgroup_id`.
    pub const ID: u32 = 1 << 0;
    /// `usage_pages`, `max_pages`.
    pub const USAGE: u32 = 1 << 1;
    /// `watermark_pages`.
    pub const WATERMARK: u32 = 1 << 2;
    /// `failcnt`.
    pub const FAILCNT: u32 = 1 << 3;
    /// `high_pages`.
    pub const HIGH: u32 = 1 << 4;
    /// `low_pages`, `min_pages`.
    pub const PROTECTION: u32 = 1 << 5;
    /// `swap_usage_pages`, `swap_max_pages`.
    pub const SWAP: u32 = 1 << 6;
    /// `kmem_usage_pages`.
    pub const KMEM: u32 = 1 << 7;
    /// `events_max`, `events_oom`, `events_oom_kill`.
    pub const EVENTS: u32 = 1 << 8;
    /// The name was read.
    pub const NAME: u32 = 1 << 9;
    /// [`super::level_flags::OOM_GROUP`] means something.
    pub const OOM_GROUP: u32 = 1 << 10;
    /// [`super::level_flags::OOM_LOCK`] means something.
    pub const OOM_LOCK: u32 = 1 << 11;
}

/// Bits of [`Level::flags`].
pub mod level_flags {
    /// `mem_cgroup.oom_group` is set.
    pub const OOM_GROUP: u32 = 1 << 0;
    /// `mem_cgroup.oom_lock` is set: this level is part of a subtree under OOM right now.
    pub const OOM_LOCK: u32 = 1 << 1;
    /// The name is longer than [`crate::limits::CGROUP_NAME_MAX`] and was cut.
    pub const NAME_TRUNCATED: u32 = 1 << 2;
    /// This is the root of its hierarchy; its counters mean nothing.
    pub const ROOT: u32 = 1 << 3;
}

/// One memory cgroup of a chain. Page counts are `page_counter` values; "no limit" is the
/// counter's own maximum and is recognised in user space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Level {
    /// See [`level_valid`].
    pub valid: u32,
    /// See [`level_flags`].
    pub flags: u32,
    /// Bytes of name that follow this structure, NUL not counted.
    pub name_len_bytes: u32,
    /// Always zero.
    pub reserved: u32,
    /// kernfs id: the inode number of the cgroup's directory.
    pub cgroup_id: u64,
    /// `mem_cgroup.memory.usage`.
    pub usage_pages: u64,
    /// `mem_cgroup.memory.max`.
    pub max_pages: u64,
    /// `mem_cgroup.memory.watermark`.
    pub watermark_pages: u64,
    /// `mem_cgroup.memory.high`.
    pub high_pages: u64,
    /// `mem_cgroup.memory.low`.
    pub low_pages: u64,
    /// `mem_cgroup.memory.min`.
    pub min_pages: u64,
    /// `mem_cgroup.swap.usage` (v2) or `mem_cgroup.memsw.usage` (v1).
    pub swap_usage_pages: u64,
    /// `mem_cgroup.swap.max` (v2) or `mem_cgroup.memsw.max` (v1).
    pub swap_max_pages: u64,
    /// `mem_cgroup.kmem.usage` (cgroup v1 only).
    pub kmem_usage_pages: u64,
    /// `mem_cgroup.memory.failcnt`: charges that hit the limit.
    pub failcnt: u64,
    /// `mem_cgroup.memory_events[MEMCG_MAX]`.
    pub events_max: u64,
    /// `mem_cgroup.memory_events[MEMCG_OOM]`.
    pub events_oom: u64,
    /// `mem_cgroup.memory_events[MEMCG_OOM_KILL]`.
    pub events_oom_kill: u64,
}

const _: () = assert!(size_of::<Chain>().is_multiple_of(8));
const _: () = assert!(size_of::<Level>().is_multiple_of(8));
