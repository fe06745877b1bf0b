//! What only the victim itself could show.

use oomtrace_common::record::{self, context_valid as valid};

use super::header::fixed;
use super::{DecodeError, Meta, Part};
use crate::model::{MASK_RULES_SHIFT, MaskRule};

/// The victim's command line, read in its own context while its address space was alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VictimContext {
    /// Which kill it belongs to; `boot_ns` is when it was read.
    pub meta: Meta,
    /// Thread group it was read from.
    pub tgid: u32,
    /// The beginning of the command line, arguments separated by NUL.
    pub cmdline: Option<Vec<u8>>,
    /// Reading it failed: its pages were not in memory.
    pub faulted: bool,
    /// The rules that masked something in the command line.
    pub masked_by: Vec<MaskRule>,
    /// Bytes of the whole command line.
    pub cmdline_total_bytes: u32,
}

impl VictimContext {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, rest) = fixed::<record::VictimContext>(bytes, Part::VictimContext)?;
        let len = usize::try_from(raw.cmdline_len_bytes).unwrap_or(usize::MAX);
        let cmdline = rest.get(..len).ok_or(DecodeError::Truncated {
            kind: Part::VictimContext,
            need: size_of::<record::VictimContext>().saturating_add(len),
            have: bytes.len(),
        })?;
        Ok(Self {
            meta: Meta::of(&raw.header),
            tgid: raw.tgid,
            cmdline: (raw.valid & valid::CMDLINE != 0).then(|| cmdline.to_vec()),
            faulted: raw.valid & valid::CMDLINE_FAULT != 0,
            masked_by: MaskRule::from_bits(raw.valid >> MASK_RULES_SHIFT),
            cmdline_total_bytes: raw.cmdline_total_bytes,
        })
    }
}
