//! The limit that a kill would have needed, by the event's own figures and nothing else.

use crate::model::{Bytes, LimitHit, LimitedCounter, OomKill, Runtime};

/// What a limit would have to be, as far as one event or several say. Both are lower bounds of a
/// different kind: the first is what was in use, the second what the process is allowed to grow to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Charged at the kill plus the allocation that failed, where that is more than the limit: with a
    /// limit below this the same kill would have come. How much more would have been wanted later, no
    /// event knows.
    pub in_use_bytes: Option<Bytes>,
    /// The sum of the caps that the victim's runtime was configured with (heap, direct buffers,
    /// metaspace, …), where it is more than the limit.
    pub configured_bytes: Option<Bytes>,
}

impl Needed {
    /// By one kill. Nothing for a kill that was not by a cgroup's limit.
    pub(super) fn by(kill: &OomKill) -> Self {
        let Some(limit) = &kill.limit else {
            return Self::default();
        };
        let (bound, used) = counter(limit);
        let asked = asked_bytes(kill);
        let configured = kill.runtime.as_ref().map(configured_bytes);
        Self {
            in_use_bytes: used
                .map(|used| used.saturating_add(asked))
                .zip(bound)
                .and_then(|(in_use, bound)| (in_use >= bound).then_some(in_use)),
            configured_bytes: configured
                .zip(bound)
                .and_then(|(configured, bound)| (configured > bound).then_some(configured)),
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            in_use_bytes: self.in_use_bytes.max(other.in_use_bytes),
            configured_bytes: self.configured_bytes.max(other.configured_bytes),
        }
    }

    /// The larger of both.
    #[must_use]
    pub fn bytes(self) -> Option<Bytes> {
        self.in_use_bytes.max(self.configured_bytes)
    }
}

/// Limit and usage of the counter that was hit.
pub(super) fn counter(limit: &LimitHit) -> (Option<Bytes>, Option<Bytes>) {
    match limit.counter {
        Some(LimitedCounter::Memsw) => (limit.memsw_limit_bytes, limit.memsw_usage_bytes),
        Some(LimitedCounter::Kmem) => (None, limit.kmem_usage_bytes),
        _ => (limit.limit_bytes, limit.usage_bytes),
    }
}

/// The allocation that failed; 0 where it is not known.
fn asked_bytes(kill: &OomKill) -> Bytes {
    let order = kill.trigger.as_ref().and_then(|trigger| trigger.order);
    let pages = order
        .and_then(|order| u32::try_from(order).ok())
        .and_then(|order| 1_u64.checked_shl(order));
    let page_size = kill.header.kernel.page_size_bytes;
    pages.zip(page_size).map_or(Bytes(0), |(pages, size)| {
        Bytes(pages.saturating_mul(size.0))
    })
}

fn configured_bytes(runtime: &Runtime) -> Bytes {
    [
        runtime.max_heap_bytes,
        runtime.max_direct_bytes,
        runtime.max_metaspace_bytes,
        runtime.max_data_bytes,
        runtime.soft_limit_bytes,
    ]
    .into_iter()
    .flatten()
    .fold(Bytes(0), Bytes::saturating_add)
}
