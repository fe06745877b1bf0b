//! Amounts measured against the limit, in a finding's words.

use super::draft::Draft;
use super::limit;
use crate::model::{Bytes, LimitHit, OomKill, StatBasis, Unit};

/// `N of the LIMIT limit` (of memory and swap, where that was hit), or of what was in use where that is above the limit.
pub(super) fn share_of_limit(
    draft: Draft,
    name: &'static str,
    bytes: Bytes,
    event: &OomKill,
) -> Draft {
    let draft = draft.bytes(name, bytes);
    match (
        limit::lowered(event),
        event.limit.as_ref().and_then(limit::bound),
    ) {
        (Some(used), _) if bytes <= used => {
            draft.say(" of the ").bytes("usage", used).say(" in use")
        }
        (None, Some(bound)) if bytes <= bound => {
            draft.say(" of the ").bytes("limit", bound).say(" limit")
        }
        _ => draft.say(" of the charged memory"),
    }
}

/// Says how late statistics are that were read from a file.
pub(super) fn delayed(draft: Draft, hit: &LimitHit) -> Draft {
    match (hit.stat_basis, hit.stat_delay_us) {
        (Some(StatBasis::MemoryStat), Some(delay)) => {
            draft.with("stat_delay", delay, Unit::Microseconds)
        }
        _ => draft,
    }
}
