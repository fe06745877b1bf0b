//! The memory cgroups from a task's own to the root.

use oomtrace_common::record::{self, chain_flags, chain_role, level_flags, level_valid as valid};

use super::header::{fixed, when};
use super::{DecodeError, Meta, Part};
use crate::model::{Bytes, PageSize, Pages};

/// Whose chain it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The victim's memory cgroup and its ancestors.
    Victim,
    /// The trigger's, where it is not part of the victim's chain.
    Trigger,
    /// The cgroup whose limit was hit and its ancestors, where there is no victim.
    Limit,
}

/// A memory cgroup chain, the task's own cgroup first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Which kill it belongs to.
    pub meta: Meta,
    /// Whose it is.
    pub role: Role,
    /// Levels nearest the root are not here.
    pub truncated: bool,
    /// `swap_*` of the levels count memory plus swap (cgroup v1), not swap alone.
    pub swap_is_memsw: bool,
    /// The memory controller is on a cgroup v1 hierarchy.
    pub cgroup_v1: bool,
    /// The cgroups, the task's own first.
    pub levels: Vec<Level>,
}

/// A limit: known to be none is not the same as not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit: the counter is at its own maximum.
    Unlimited,
    /// So much.
    At(Bytes),
}

impl Limit {
    /// The limit, where there is one.
    #[must_use]
    pub const fn bytes(self) -> Option<Bytes> {
        match self {
            Self::Unlimited => None,
            Self::At(bytes) => Some(bytes),
        }
    }
}

/// One memory cgroup of a chain. Of the root only the identity is kept: its counters mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// kernfs id: the inode number of the cgroup's directory.
    pub cgroup_id: Option<u64>,
    /// Name of the directory, any bytes; empty for the root.
    pub name: Option<Vec<u8>>,
    /// The name was longer than what is kept of it.
    pub name_truncated: bool,
    /// The root of the hierarchy.
    pub root: bool,
    /// `memory.usage`.
    pub usage: Option<Bytes>,
    /// `memory.max`.
    pub limit: Option<Limit>,
    /// `memory.watermark`.
    pub watermark: Option<Bytes>,
    /// `memory.high`.
    pub high: Option<Limit>,
    /// `memory.low`.
    pub low: Option<Limit>,
    /// `memory.min`.
    pub min: Option<Limit>,
    /// `swap.usage` or `memsw.usage`; see [`Chain::swap_is_memsw`].
    pub swap_usage: Option<Bytes>,
    /// `swap.max` or `memsw.max`.
    pub swap_limit: Option<Limit>,
    /// `kmem.usage`.
    pub kmem_usage: Option<Bytes>,
    /// Charges that hit the limit.
    pub failcnt: Option<u64>,
    /// `memory_events[MEMCG_MAX]`.
    pub events_max: Option<u64>,
    /// `memory_events[MEMCG_OOM]`.
    pub events_oom: Option<u64>,
    /// `memory_events[MEMCG_OOM_KILL]`.
    pub events_oom_kill: Option<u64>,
    /// `oom_group`.
    pub oom_group: Option<bool>,
    /// `oom_lock`.
    pub oom_lock: Option<bool>,
}

impl Chain {
    pub(super) fn decode(bytes: &[u8], page_size: PageSize) -> Result<Self, DecodeError> {
        let (raw, mut rest) = fixed::<record::Chain>(bytes, Part::Chain)?;
        let role = match raw.role {
            chain_role::VICTIM => Role::Victim,
            chain_role::TRIGGER => Role::Trigger,
            chain_role::LIMIT => Role::Limit,
            role => return Err(DecodeError::UnknownRole { role }),
        };
        // The count is not trusted with an allocation: each level has to be there to be kept.
        let mut levels = Vec::new();
        for _ in 0..raw.levels {
            let (level, after) = Level::decode(rest, page_size)?;
            levels.push(level);
            rest = after;
        }
        let cut = chain_flags::LEVELS_TRUNCATED | chain_flags::BYTES_TRUNCATED;
        Ok(Self {
            meta: Meta::of(&raw.header),
            role,
            truncated: raw.flags & cut != 0,
            swap_is_memsw: raw.flags & chain_flags::SWAP_IS_MEMSW != 0,
            cgroup_v1: raw.flags & chain_flags::CGROUP_V1 != 0,
            levels,
        })
    }

    /// Position of the cgroup with this kernfs id.
    #[must_use]
    pub fn position(&self, cgroup_id: u64) -> Option<usize> {
        self.levels
            .iter()
            .position(|level| level.cgroup_id == Some(cgroup_id))
    }
}

impl Level {
    fn decode(bytes: &[u8], page_size: PageSize) -> Result<(Self, &[u8]), DecodeError> {
        let (raw, rest) = fixed::<record::Level>(bytes, Part::Level)?;
        let name_len = usize::try_from(raw.name_len_bytes).unwrap_or(usize::MAX);
        let padded = name_len.checked_next_multiple_of(8).unwrap_or(usize::MAX);
        let (name, rest) = rest
            .split_at_checked(padded)
            .ok_or(DecodeError::Truncated {
                kind: Part::Level,
                need: size_of::<record::Level>().saturating_add(padded),
                have: bytes.len(),
            })?;
        let name = name.get(..name_len).unwrap_or_default();

        let identity = Self {
            cgroup_id: when(raw.valid, valid::ID, raw.cgroup_id),
            name: (raw.valid & valid::NAME != 0).then(|| name.to_vec()),
            name_truncated: raw.flags & level_flags::NAME_TRUNCATED != 0,
            root: raw.flags & level_flags::ROOT != 0,
            ..Self::default()
        };
        if identity.root {
            return Ok((identity, rest));
        }
        let amount = |bit, pages: u64| {
            // A page_counter can be below zero for a moment when charges and uncharges race.
            let pages = Pages(u64::try_from(pages.cast_signed()).unwrap_or(0));
            when(raw.valid, bit, pages.bytes(page_size))
        };
        let limit = |bit, pages| when(raw.valid, bit, limit(pages, page_size));
        let flag = |bit, flag| when(raw.valid, bit, raw.flags & flag != 0);
        let level = Self {
            usage: amount(valid::USAGE, raw.usage_pages),
            limit: limit(valid::USAGE, raw.max_pages),
            watermark: amount(valid::WATERMARK, raw.watermark_pages),
            high: limit(valid::HIGH, raw.high_pages),
            low: limit(valid::PROTECTION, raw.low_pages),
            min: limit(valid::PROTECTION, raw.min_pages),
            swap_usage: amount(valid::SWAP, raw.swap_usage_pages),
            swap_limit: limit(valid::SWAP, raw.swap_max_pages),
            kmem_usage: amount(valid::KMEM, raw.kmem_usage_pages),
            failcnt: when(raw.valid, valid::FAILCNT, raw.failcnt),
            events_max: when(raw.valid, valid::EVENTS, raw.events_max),
            events_oom: when(raw.valid, valid::EVENTS, raw.events_oom),
            events_oom_kill: when(raw.valid, valid::EVENTS, raw.events_oom_kill),
            oom_group: flag(valid::OOM_GROUP, level_flags::OOM_GROUP),
            oom_lock: flag(valid::OOM_LOCK, level_flags::OOM_LOCK),
            ..identity
        };
        Ok((level, rest))
    }
}

/// A counter's limit. The kernel's "no limit" is `PAGE_COUNTER_MAX`, `LONG_MAX / PAGE_SIZE`.
fn limit(pages: u64, page_size: PageSize) -> Limit {
    let max = i64::MAX.unsigned_abs() / page_size.0.max(1);
    if pages >= max {
        Limit::Unlimited
    } else {
        Limit::At(Pages(pages).bytes(page_size))
    }
}
