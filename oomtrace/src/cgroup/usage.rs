//! What filled a cgroup: statistics made to add up to the usage at the kill. Pure.

use crate::model::{Bytes, LimitHit, StatReading, Usage, VictimMemory};

/// Splits `limit.usage_bytes` into disjoint parts; `None` if the usage is not known, for then
/// there is nothing that the parts could add up to.
///
/// Live the statistics are read some 100 µs after the kill, while the victim is already being torn
/// down. What the cgroup's usage lost in between is `freed_before_read_bytes`. The statistics fall
/// earlier than the usage, when a page is unmapped: what they lack then is `being_freed_bytes`, as
/// far as it can have been memory of `dying`, the victim's counters at the kill. Without them the
/// statistics are of the kill's own moment.
#[must_use]
pub fn account(
    limit: &LimitHit,
    stat: &StatReading,
    dying: Option<&VictimMemory>,
) -> Option<Usage> {
    let at_kill = limit.usage_bytes?;
    let mut usage = Usage {
        anon_bytes: stat.anon_bytes,
        page_cache_bytes: page_cache(stat),
        page_cache_and_shmem_bytes: stat.file_bytes.filter(|_| stat.shmem_bytes.is_none()),
        shmem_bytes: stat.shmem_bytes,
        hugetlb_bytes: stat.hugetlb_bytes,
        thp_bytes: stat.thp_bytes,
        unevictable_bytes: stat.unevictable_bytes,
        dirty_bytes: stat.dirty_bytes,
        ..Usage::default()
    };
    // On v1 the kernel's own counter, taken at the kill, is exact; v1 has no finer statistics.
    let kernel_at_kill = limit
        .kmem_usage_bytes
        .filter(|_| limit.cgroup_version == Some(1));
    match kernel_at_kill {
        Some(kernel) => usage.other_kernel_bytes = Some(kernel),
        None => split_kernel(stat, &mut usage),
    }

    let mut freed = stat
        .usage_bytes
        .map(|at_read| at_kill.saturating_sub(at_read));
    let parts = sum(&usage);
    let counted = parts.saturating_add(freed.unwrap_or_default());
    let mut over = counted.saturating_sub(at_kill);
    if let (Some(freed), Some(kernel)) = (freed.as_mut(), kernel_at_kill) {
        // Kernel memory that was freed before the read is already counted as it was at the kill.
        let twice = over.min(*freed).min(kernel);
        *freed = freed.saturating_sub(twice);
        over = over.saturating_sub(twice);
    }
    usage.freed_before_read_bytes = freed;
    let counted = parts.saturating_add(freed.unwrap_or_default());
    let rest = at_kill.saturating_sub(counted);
    let being_freed = dying.map(|dying| {
        let gone = [dying.anon_bytes, dying.shmem_bytes, dying.pgtables_bytes];
        let of_victim = gone
            .into_iter()
            .flatten()
            .fold(Bytes(0), Bytes::saturating_add);
        rest.min(of_victim.saturating_sub(freed.unwrap_or_default()))
    });
    usage.being_freed_bytes = being_freed;
    usage.unattributed_bytes = Some(rest.saturating_sub(being_freed.unwrap_or_default()));
    usage.overcounted_bytes = (over > Bytes(0)).then_some(over);
    Some(usage)
}

/// The file statistic counts shared memory, and anonymous pages that wait in the swap cache.
fn page_cache(stat: &StatReading) -> Option<Bytes> {
    let file = stat.file_bytes?;
    Some(
        file.saturating_sub(stat.shmem_bytes?)
            .saturating_sub(stat.swapcached_bytes.unwrap_or_default()),
    )
}

fn split_kernel(stat: &StatReading, usage: &mut Usage) {
    usage.slab_bytes = stat.slab_bytes;
    usage.page_tables_bytes = stat.page_tables_bytes;
    usage.kernel_stack_bytes = stat.kernel_stack_bytes;
    usage.percpu_bytes = stat.percpu_bytes;
    // Socket buffers are charged, but not as kernel memory (`MEMCG_SOCK` is beside `MEMCG_KMEM`).
    usage.sock_bytes = stat.sock_bytes;
    let named = [
        stat.slab_bytes,
        stat.page_tables_bytes,
        stat.kernel_stack_bytes,
        stat.percpu_bytes,
    ];
    usage.other_kernel_bytes = stat.kernel_bytes.map(|kernel| {
        named
            .iter()
            .flatten()
            .fold(kernel, |rest, part| rest.saturating_sub(*part))
    });
}

/// The parts that the statistics name.
fn sum(usage: &Usage) -> Bytes {
    [
        usage.anon_bytes,
        usage.page_cache_bytes,
        usage.page_cache_and_shmem_bytes,
        usage.shmem_bytes,
        usage.hugetlb_bytes,
        usage.slab_bytes,
        usage.page_tables_bytes,
        usage.kernel_stack_bytes,
        usage.sock_bytes,
        usage.percpu_bytes,
        usage.other_kernel_bytes,
    ]
    .into_iter()
    .flatten()
    .fold(Bytes(0), Bytes::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(usage: &Usage) -> i128 {
        let of = |bytes: Option<Bytes>| i128::from(bytes.unwrap_or_default().0);
        i128::from(sum(usage).0)
            + of(usage.freed_before_read_bytes)
            + of(usage.being_freed_bytes)
            + of(usage.unattributed_bytes)
            - of(usage.overcounted_bytes)
    }

    #[test]
    fn the_founding_case_adds_up() {
        let limit = LimitHit {
            cgroup_version: Some(1),
            usage_bytes: Some(Bytes(268_435_456)),
            kmem_usage_bytes: Some(Bytes(1_359_872)),
            ..LimitHit::default()
        };
        let stat = StatReading {
            usage_bytes: Some(Bytes(268_435_456)),
            anon_bytes: Some(Bytes(267_063_296)),
            file_bytes: Some(Bytes(12_288)),
            shmem_bytes: Some(Bytes(0)),
            thp_bytes: Some(Bytes(2_097_152)),
            ..StatReading::default()
        };
        let usage = account(&limit, &stat, None).unwrap();
        assert_eq!(usage.anon_bytes, Some(Bytes(267_063_296)));
        assert_eq!(usage.page_cache_bytes, Some(Bytes(12_288)));
        assert_eq!(usage.other_kernel_bytes, Some(Bytes(1_359_872)));
        assert_eq!(usage.unattributed_bytes, Some(Bytes(0)));
        assert_eq!(usage.freed_before_read_bytes, Some(Bytes(0)));
        assert_eq!(usage.overcounted_bytes, None);
        assert_eq!(usage.thp_bytes, Some(Bytes(2_097_152)));
        assert_eq!(total(&usage), 268_435_456);
    }

    #[test]
    fn what_was_freed_before_the_read_is_said() {
        let limit = LimitHit {
            cgroup_version: Some(1),
            usage_bytes: Some(Bytes(1000)),
            kmem_usage_bytes: Some(Bytes(100)),
            ..LimitHit::default()
        };
        // 400 of anonymous and 30 of kernel memory went away: 570 are left, 70 of them kernel's.
        let stat = StatReading {
            usage_bytes: Some(Bytes(570)),
            anon_bytes: Some(Bytes(500)),
            ..StatReading::default()
        };
        let usage = account(&limit, &stat, None).unwrap();
        assert_eq!(usage.freed_before_read_bytes, Some(Bytes(400)));
        assert_eq!(usage.other_kernel_bytes, Some(Bytes(100)));
        assert_eq!(usage.unattributed_bytes, Some(Bytes(0)));
        assert_eq!(usage.overcounted_bytes, None);
    }

    /// 256 MiB charged, and the victim's 170 MiB unmapped but not yet given back.
    #[test]
    fn unmapped_memory_of_the_dying_is_being_freed() {
        let mib = |mib: u64| Some(Bytes(mib << 20));
        let limit = LimitHit {
            cgroup_version: Some(2),
            usage_bytes: mib(256),
            ..LimitHit::default()
        };
        let stat = StatReading {
            usage_bytes: mib(250),
            anon_bytes: mib(70),
            kernel_bytes: mib(2),
            ..StatReading::default()
        };
        let of = |anon| {
            let dying = VictimMemory {
                anon_bytes: mib(anon),
                ..VictimMemory::default()
            };
            let usage = account(&limit, &stat, Some(&dying)).unwrap();
            assert_eq!(total(&usage), 256 << 20);
            (usage.being_freed_bytes, usage.unattributed_bytes)
        };
        assert_eq!(of(200), (mib(178), mib(0)));
        // No more than the victim had; 6 MiB of it had been given back before.
        assert_eq!(of(106), (mib(100), mib(78)));
        assert_eq!(of(1), (mib(0), mib(178)));
    }

    #[test]
    fn v2_splits_kernel_memory_and_sockets() {
        let limit = LimitHit {
            cgroup_version: Some(2),
            usage_bytes: Some(Bytes(1000)),
            ..LimitHit::default()
        };
        let stat = StatReading {
            usage_bytes: Some(Bytes(1000)),
            anon_bytes: Some(Bytes(500)),
            file_bytes: Some(Bytes(200)),
            shmem_bytes: Some(Bytes(50)),
            swapcached_bytes: Some(Bytes(20)),
            slab_bytes: Some(Bytes(30)),
            page_tables_bytes: Some(Bytes(10)),
            kernel_stack_bytes: Some(Bytes(5)),
            percpu_bytes: Some(Bytes(5)),
            sock_bytes: Some(Bytes(7)),
            kernel_bytes: Some(Bytes(60)),
            ..StatReading::default()
        };
        let usage = account(&limit, &stat, None).unwrap();
        assert_eq!(usage.page_cache_bytes, Some(Bytes(130)));
        assert_eq!(usage.other_kernel_bytes, Some(Bytes(10)));
        assert_eq!(usage.sock_bytes, Some(Bytes(7)));
        assert_eq!(usage.unattributed_bytes, Some(Bytes(253)));
        assert_eq!(total(&usage), 1000);
    }

    #[test]
    fn without_usage_there_is_nothing_to_split() {
        assert_eq!(
            account(&LimitHit::default(), &StatReading::default(), None),
            None
        );
    }

    fn amount() -> impl Strategy<Value = Option<Bytes>> {
        prop::option::of((0..1u64 << 40).prop_map(Bytes))
    }

    proptest! {
        #[test]
        fn always_adds_up(
            at_kill in 0..1u64 << 40,
            version in 1u8..=2,
            amounts in prop::collection::vec(amount(), 12),
            kmem in amount(),
        ) {
            let limit = LimitHit {
                cgroup_version: Some(version),
                usage_bytes: Some(Bytes(at_kill)),
                kmem_usage_bytes: kmem,
                ..LimitHit::default()
            };
            let stat = StatReading {
                usage_bytes: amounts[0],
                anon_bytes: amounts[1],
                file_bytes: amounts[2],
                shmem_bytes: amounts[3],
                slab_bytes: amounts[4],
                page_tables_bytes: amounts[5],
                kernel_stack_bytes: amounts[6],
                sock_bytes: amounts[7],
                percpu_bytes: amounts[8],
                kernel_bytes: amounts[9],
                thp_bytes: amounts[10],
                swapcached_bytes: amounts[11],
                ..StatReading::default()
            };
            let usage = account(&limit, &stat, None).unwrap();
            prop_assert_eq!(total(&usage), i128::from(at_kill));
            // Something is left over or there is too much, never both.
            prop_assert!(
                usage.unattributed_bytes == Some(Bytes(0)) || usage.overcounted_bytes.is_none()
            );
        }
    }
}
