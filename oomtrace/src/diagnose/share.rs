//! How large a share of the whole has to be to be worth a sentence.

use crate::model::Bytes;

/// A kind of memory filled a cgroup or a node if it was at least one part in so many.
const FILLED_PARTS: u64 = 4;

/// Whether `part` is at least half of `total`.
pub(super) fn is_half(part: Bytes, total: Bytes) -> bool {
    total.0 > 0 && part.0 >= total.0 / 2
}

/// Whether `part` is enough of `total` to be named as what filled it.
pub(super) fn has_filled(part: Bytes, total: Bytes) -> bool {
    part.0 > 0 && part.0 >= total.0 / FILLED_PARTS
}
