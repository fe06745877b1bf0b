//! Whether a page counter is at its limit.

use crate::model::{Bytes, PageSize, Pages};

/// `MEMCG_CHARGE_BATCH`: the kernel charges this many pages at once, and its counters lag behind by
/// as many.
const CHARGE_BATCH: Pages = Pages(64);

/// Whether a counter is so near its limit that the next charge may have failed.
#[must_use]
pub fn is_at_limit(usage: Bytes, limit: Bytes, page_size: PageSize) -> bool {
    usage.saturating_add(CHARGE_BATCH.bytes(page_size)) >= limit
}

/// Whether a counter is so far above its limit that no charge can have taken it there: the limit was
/// lowered below what was in use.
#[must_use]
pub fn is_above_limit(usage: Bytes, limit: Bytes, page_size: PageSize) -> bool {
    usage > limit.saturating_add(CHARGE_BATCH.bytes(page_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_limit_is_within_one_batch_of_charges() {
        let is = |usage| is_at_limit(Bytes(usage), Bytes(1 << 20), PageSize(4096));
        assert!(is((1 << 20) - 64 * 4096));
        assert!(!is((1 << 20) - 64 * 4096 - 1));
        assert!(is(1 << 21));
    }

    #[test]
    fn above_limit_is_beyond_one_batch_of_charges() {
        let is = |usage| is_above_limit(Bytes(usage), Bytes(1 << 20), PageSize(4096));
        assert!(!is((1 << 20) + 64 * 4096));
        assert!(is((1 << 20) + 64 * 4096 + 1));
    }
}
