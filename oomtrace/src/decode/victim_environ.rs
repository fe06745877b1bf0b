//! What of a victim's environment is kept.

use oomtrace_common::record;

use super::header::fixed;
use super::{DecodeError, Meta, Part};

/// The known variables of a victim's environment; all others were dropped before this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VictimEnviron {
    /// Which kill it belongs to; `boot_ns` is when it was read.
    pub meta: Meta,
    /// Thread group it was read from.
    pub tgid: u32,
    /// `NAME=value`, separated by NUL.
    pub variables: Vec<u8>,
    /// More followed than was read, so a known variable may be among what was not.
    pub is_cut: bool,
}

impl VictimEnviron {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (raw, rest) = fixed::<record::VictimEnviron>(bytes, Part::VictimEnviron)?;
        let len = usize::try_from(raw.len_bytes).unwrap_or(usize::MAX);
        let variables = rest.get(..len).ok_or(DecodeError::Truncated {
            kind: Part::VictimEnviron,
            need: size_of::<record::VictimEnviron>().saturating_add(len),
            have: bytes.len(),
        })?;
        Ok(Self {
            meta: Meta::of(&raw.header),
            tgid: raw.tgid,
            variables: variables.to_vec(),
            is_cut: raw.total_bytes > raw.len_bytes,
        })
    }
}
