//! The header that every record starts with.

use oomtrace_common::record::{RECORD_VERSION, RecordHeader};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{DecodeError, Part};
use crate::model::Pages;

/// What every record says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// When it happened, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// Processor it happened on.
    pub cpu: u32,
    /// Running number of the kill it belongs to; of a candidate, that of the invocation.
    pub sequence: u32,
}

impl Meta {
    pub(super) const fn of(header: &RecordHeader) -> Self {
        Self {
            boot_ns: header.boot_ns,
            cpu: header.cpu,
            sequence: header.sequence,
        }
    }
}

/// Reads the header and cuts `bytes` to the record's own length.
///
/// # Errors
///
/// [`DecodeError::Truncated`] if there is less than a header or less than the header promises;
/// [`DecodeError::UnknownVersion`].
pub(super) fn split(bytes: &[u8]) -> Result<(RecordHeader, &[u8]), DecodeError> {
    let (header, _) = fixed::<RecordHeader>(bytes, Part::Header)?;
    if header.version == 0 || header.version > RECORD_VERSION {
        return Err(DecodeError::UnknownVersion {
            version: header.version,
            known: RECORD_VERSION,
        });
    }
    let need = usize::try_from(header.len_bytes).unwrap_or(usize::MAX);
    let record = bytes.get(..need).ok_or(DecodeError::Truncated {
        kind: Part::Header,
        need,
        have: bytes.len(),
    })?;
    Ok((header, record))
}

/// Reads a structure from the start of `bytes`, wherever they lie; gives what follows it.
pub(super) fn fixed<T: FromBytes + KnownLayout + Immutable>(
    bytes: &[u8],
    kind: Part,
) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Truncated {
        kind,
        need: size_of::<T>(),
        have: bytes.len(),
    })
}

/// A name up to its first NUL.
pub(super) fn name(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// `value` where `bit` of `valid` is set.
pub(super) fn when<T>(valid: u32, bit: u32, value: T) -> Option<T> {
    (valid & bit != 0).then_some(value)
}

/// No process, and nothing that is numbered, has the number 0: the kernel side leaves it where it
/// has none.
pub(super) fn id(raw: u32) -> Option<u32> {
    (raw != 0).then_some(raw)
}

/// A signed kernel counter, negative values read as zero.
pub(super) fn counter(raw: u64) -> Pages {
    Pages(u64::try_from(raw.cast_signed()).unwrap_or(0))
}
