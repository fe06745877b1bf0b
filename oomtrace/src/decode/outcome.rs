//! What became of a victim.

use oomtrace_common::record;

use super::header::fixed;
use super::{DecodeError, Meta, Part};

/// The last thread of a victim's process has exited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Which kill it belongs to; `boot_ns` is when the last thread exited.
    pub meta: Meta,
    /// When the victim was marked, nanoseconds of `CLOCK_BOOTTIME`.
    pub marked_boot_ns: u64,
    /// Start of the thread group leader; 0 where it is not known.
    pub start_boot_ns: u64,
    /// Thread group that died.
    pub tgid: u32,
    /// `signal_struct.group_exit_code`.
    pub exit_code: u32,
}

impl Outcome {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, _) = fixed::<record::Outcome>(bytes, Part::Outcome)?;
        Ok(Self {
            meta: Meta::of(&raw.header),
            marked_boot_ns: raw.marked_boot_ns,
            start_boot_ns: raw.start_boot_ns,
            tgid: raw.tgid,
            exit_code: raw.exit_code,
        })
    }
}
