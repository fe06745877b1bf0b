//! What is sent of a victim beside its kill record.

use oomtrace_common::record::{self, exe_flags, reaping_step, reaping_valid};

use super::header::{counter, fixed};
use super::{DecodeError, KillRss, Meta, Part};
use crate::model::Pages;

/// A victim's executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exe {
    /// Which kill it belongs to.
    pub meta: Meta,
    /// Its path from the root of the victim's mount namespace, any bytes; absent where it is longer
    /// than what is captured.
    pub path: Option<Vec<u8>>,
    /// The file has no name any more: this is the last one it had.
    pub deleted: bool,
}

impl Exe {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, rest) = fixed::<record::Exe>(bytes, Part::Exe)?;
        let len = usize::try_from(raw.names_len_bytes).unwrap_or(usize::MAX);
        let names = rest.get(..len).ok_or(DecodeError::Truncated {
            kind: Part::Exe,
            need: size_of::<record::Exe>().saturating_add(len),
            have: bytes.len(),
        })?;
        let mut path = Vec::with_capacity(len);
        // The file's own name comes first, the root's last.
        for name in names.split(|byte| *byte == 0).rev() {
            if !name.is_empty() {
                path.push(b'/');
                path.extend_from_slice(name);
            }
        }
        let whole = raw.flags & exe_flags::TRUNCATED == 0 && !path.is_empty();
        Ok(Self {
            meta: Meta::of(&raw.header),
            path: whole.then_some(path),
            deleted: raw.flags & exe_flags::DELETED != 0,
        })
    }
}

/// A victim's RSS, summed over the processors: `get_mm_counter_sum()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummedRss {
    /// Which kill it belongs to.
    pub meta: Meta,
    /// Resident pages.
    pub rss: KillRss,
    /// Swap entries.
    pub swap: Pages,
}

impl SummedRss {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, _) = fixed::<record::SummedRss>(bytes, Part::SummedRss)?;
        Ok(Self {
            meta: Meta::of(&raw.header),
            rss: KillRss {
                anon: counter(raw.anon_pages.cast_unsigned()),
                file: counter(raw.file_pages.cast_unsigned()),
                shmem: counter(raw.shmem_pages.cast_unsigned()),
            },
            swap: counter(raw.swap_entries_pages.cast_unsigned()),
        })
    }
}

/// What the reaper did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReapingStep {
    /// It began to take the victim's memory.
    #[default]
    Started,
    /// It took what it could.
    Finished,
    /// It left the victim alone.
    Skipped,
}

/// A step of the kernel's reaper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaping {
    /// Which kill it belongs to; `boot_ns` is when it happened.
    pub meta: Meta,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// Start of the victim's thread group leader; 0 where it is not known.
    pub start_boot_ns: u64,
    /// Thread group of the victim.
    pub tgid: u32,
    /// What it did.
    pub step: ReapingStep,
    /// What was resident at that moment.
    pub rss: Option<KillRss>,
}

impl Reaping {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, _) = fixed::<record::Reaping>(bytes, Part::Reaping)?;
        Ok(Self {
            meta: Meta::of(&raw.header),
            marked_boot_ns: raw.marked_boot_ns,
            start_boot_ns: raw.start_boot_ns,
            tgid: raw.tgid,
            step: match raw.step {
                reaping_step::STARTED => ReapingStep::Started,
                reaping_step::FINISHED => ReapingStep::Finished,
                reaping_step::SKIPPED => ReapingStep::Skipped,
                step => return Err(DecodeError::UnknownStep { step }),
            },
            rss: (raw.valid & reaping_valid::RSS != 0).then(|| KillRss {
                anon: counter(raw.anon_pages),
                file: counter(raw.file_pages),
                shmem: counter(raw.shmem_pages),
            }),
        })
    }
}
