//! The text of a cgroup's `memory.stat`. Pure.

use crate::model::{Bytes, StatReading};

type Slot = fn(&mut StatReading) -> &mut Option<Bytes>;

/// v2: every statistic is hierarchical.
const V2: &[(&[u8], Slot)] = &[
    (b"anon", |stat| &mut stat.anon_bytes),
    (b"file", |stat| &mut stat.file_bytes),
    (b"shmem", |stat| &mut stat.shmem_bytes),
    (b"swapcached", |stat| &mut stat.swapcached_bytes),
    (b"hugetlb", |stat| &mut stat.hugetlb_bytes),
    (b"slab", |stat| &mut stat.slab_bytes),
    (b"pagetables", |stat| &mut stat.page_tables_bytes),
    (b"kernel_stack", |stat| &mut stat.kernel_stack_bytes),
    (b"sock", |stat| &mut stat.sock_bytes),
    (b"percpu", |stat| &mut stat.percpu_bytes),
    (b"kernel", |stat| &mut stat.kernel_bytes),
    (b"anon_thp", |stat| &mut stat.thp_bytes),
    (b"unevictable", |stat| &mut stat.unevictable_bytes),
    (b"file_dirty", |stat| &mut stat.dirty_bytes),
];

/// v1: those with `total_` are hierarchical; the others are the cgroup's own.
const V1: &[(&[u8], Slot)] = &[
    (b"total_rss", |stat| &mut stat.anon_bytes),
    (b"total_cache", |stat| &mut stat.file_bytes),
    (b"total_shmem", |stat| &mut stat.shmem_bytes),
    (b"total_swapcached", |stat| &mut stat.swapcached_bytes),
    (b"total_rss_huge", |stat| &mut stat.thp_bytes),
    (b"total_unevictable", |stat| &mut stat.unevictable_bytes),
    (b"total_dirty", |stat| &mut stat.dirty_bytes),
];

/// v1 of a cgroup whose `memory.use_hierarchy` is off: only its own count against its limit.
const V1_OWN: &[(&[u8], Slot)] = &[
    (b"rss", |stat| &mut stat.anon_bytes),
    (b"cache", |stat| &mut stat.file_bytes),
    (b"shmem", |stat| &mut stat.shmem_bytes),
    (b"swapcached", |stat| &mut stat.swapcached_bytes),
    (b"rss_huge", |stat| &mut stat.thp_bytes),
    (b"unevictable", |stat| &mut stat.unevictable_bytes),
    (b"dirty", |stat| &mut stat.dirty_bytes),
];

/// Fills `stat` from the text of a `memory.stat` file. A last line without a newline is not
/// whole and is not used; what cannot be understood stays absent.
pub(super) fn parse(text: &[u8], version: u8, stat: &mut StatReading) {
    let complete = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
    let text = text.get(..complete).unwrap_or_default();
    if version == 2 {
        take(text, V2, stat);
        return;
    }
    take(text, V1, stat);
    if stat.anon_bytes.is_none() && stat.file_bytes.is_none() {
        take(text, V1_OWN, stat);
    }
}

fn take(text: &[u8], names: &[(&[u8], Slot)], stat: &mut StatReading) {
    for line in text.split(|&byte| byte == b'\n') {
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(name), Some(value), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if let Some((_, slot)) = names.iter().find(|(known, _)| *known == name) {
            *slot(stat) = number(value);
        }
    }
}

/// A number in decimal digits, with or without a newline behind it.
pub(super) fn number(text: &[u8]) -> Option<Bytes> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = str::from_utf8(text).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, version: u8) -> StatReading {
        let mut stat = StatReading::default();
        parse(text.as_bytes(), version, &mut stat);
        stat
    }

    #[test]
    fn v1_takes_the_hierarchical_ones() {
        let stat = parsed(
            "cache 1\nrss 2\nrss_huge 3\nshmem 4\nhierarchical_memory_limit 268435456\n\
             total_cache 10\ntotal_rss 20\ntotal_rss_huge 30\ntotal_shmem 40\ntotal_swapcached 5\n",
            1,
        );
        assert_eq!(
            stat,
            StatReading {
                file_bytes: Some(Bytes(10)),
                anon_bytes: Some(Bytes(20)),
                thp_bytes: Some(Bytes(30)),
                shmem_bytes: Some(Bytes(40)),
                swapcached_bytes: Some(Bytes(5)),
                ..StatReading::default()
            }
        );
    }

    #[test]
    fn v1_without_totals_takes_its_own() {
        let stat = parsed("cache 1\nrss 2\nrss_huge 3\nshmem 4\n", 1);
        assert_eq!(stat.anon_bytes, Some(Bytes(2)));
        assert_eq!(stat.file_bytes, Some(Bytes(1)));
    }

    #[test]
    fn v2() {
        let stat = parsed(
            "anon 1\nfile 2\nkernel 3\nkernel_stack 4\npagetables 5\nsec_pagetables 9\npercpu 6\n\
             sock 7\nshmem 8\nswapcached 10\nanon_thp 11\nslab_reclaimable 1\nslab 12\n",
            2,
        );
        assert_eq!(
            stat,
            StatReading {
                anon_bytes: Some(Bytes(1)),
                file_bytes: Some(Bytes(2)),
                kernel_bytes: Some(Bytes(3)),
                kernel_stack_bytes: Some(Bytes(4)),
                page_tables_bytes: Some(Bytes(5)),
                percpu_bytes: Some(Bytes(6)),
                sock_bytes: Some(Bytes(7)),
                shmem_bytes: Some(Bytes(8)),
                swapcached_bytes: Some(Bytes(10)),
                thp_bytes: Some(Bytes(11)),
                slab_bytes: Some(Bytes(12)),
                ..StatReading::default()
            }
        );
    }

    #[test]
    fn what_is_cut_or_odd_stays_absent() {
        assert_eq!(parsed("anon 12", 2).anon_bytes, None, "the line may go on");
        assert_eq!(parsed("anon 12\nfile 34", 2).anon_bytes, Some(Bytes(12)));
        for odd in [
            "anon\n",
            "anon x\n",
            "anon -1\n",
            "anon 1 2\n",
            "anon +1\n",
            "anon \n",
            " anon 1\n",
        ] {
            assert_eq!(parsed(odd, 2), StatReading::default(), "{odd:?}");
        }
        assert_eq!(parsed("anon 99999999999999999999\n", 2).anon_bytes, None);
    }
}
