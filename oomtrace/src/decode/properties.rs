//! Whatever the bytes are, decoding ends in a record or an error.

use oomtrace_common::record::{self, KIND_SHARED_KILL};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

use super::{testing as build, *};

const PAGE: PageSize = PageSize(4096);

/// Whole records of every kind.
fn whole() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..260), 0..45);
    prop_oneof![
        any::<[u8; size_of::<record::Kill>()]>().prop_map(|bytes| {
            let raw = record::Kill::read_from_bytes(&bytes).expect("the size is right");
            build::bytes(&record::Kill {
                header: build::kill(1, 2, 3).header,
                ..raw
            })
        }),
        (any::<u32>(), any::<u64>()).prop_map(|(sequence, ns)| {
            let mut raw = build::kill(sequence, ns, 42);
            raw.header.kind = KIND_SHARED_KILL;
            build::bytes(&raw)
        }),
        (names, any::<u32>(), 0..3_u16).prop_map(|(names, flags, role)| {
            let levels: Vec<_> = names
                .iter()
                .map(|name| (build::level(7), &**name))
                .collect();
            build::chain(1, 2, role, flags, &levels)
        }),
        prop::collection::vec(any::<u8>(), 0..5000)
            .prop_map(|cmdline| build::context(1, 2, 3, &cmdline, 9999)),
        (any::<u32>(), any::<u64>(), any::<u32>())
            .prop_map(|(sequence, ns, tgid)| build::bytes(&build::outcome(sequence, ns, tgid, 1))),
        any::<[u8; size_of::<record::Candidate>()]>().prop_map(|bytes| {
            let raw = record::Candidate::read_from_bytes(&bytes).expect("the size is right");
            build::bytes(&record::Candidate {
                header: build::candidate(1, 2, 3, 4).header,
                ..raw
            })
        }),
        (any::<u64>(), any::<u32>(), any::<u32>(), 0..9_usize).prop_map(
            |(free, valid, orders, many)| {
                let zone = record::Zone {
                    valid,
                    ..build::zone(b"DMA32", free)
                };
                build::node_memory(1, 2, orders, &vec![zone; many])
            }
        ),
        (prop::collection::vec(any::<u8>(), 0..300), any::<u32>())
            .prop_map(|(name, flags)| build::exe(1, 2, flags, &[&name, b"bin"])),
        any::<i64>().prop_map(|more| {
            let raw = build::summed_rss(1, 2, 0);
            build::bytes(&record::SummedRss {
                anon_pages: more,
                ..raw
            })
        }),
        (1..4_u32, any::<u64>())
            .prop_map(|(step, pages)| build::bytes(&build::reaping(1, 2, 3, 4, step, pages))),
        (any::<u32>(), any::<u64>(), any::<u32>()).prop_map(|(sequence, ns, scored)| build::bytes(
            &build::no_victim(sequence, ns, 1, scored)
        )),
    ]
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_record_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..2048),
        page_size in any::<u64>(),
    ) {
        let _ = decode(&bytes, PageSize(page_size));
    }

    #[test]
    fn whole_records_decode(bytes in whole()) {
        prop_assert!(decode(&bytes, PAGE).is_ok());
    }

    #[test]
    fn trailing_bytes_change_nothing(bytes in whole(), tail in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut longer = bytes.clone();
        longer.extend_from_slice(&tail);
        prop_assert_eq!(decode(&longer, PAGE), decode(&bytes, PAGE));
    }

    #[test]
    fn every_cut_is_an_error(bytes in whole(), at in any::<prop::sample::Index>()) {
        let cut = &bytes[..at.index(bytes.len())];
        let is_truncated = matches!(decode(cut, PAGE), Err(DecodeError::Truncated { .. }));
        prop_assert!(is_truncated);
    }

    #[test]
    fn damaged_records_end_in_a_record_or_an_error(
        bytes in whole(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
    ) {
        let mut bytes = bytes;
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(Record::Chain(chain)) = decode(&bytes, PAGE) {
            // Memory is bounded by the bytes that were there.
            prop_assert!(chain.levels.len() * size_of::<record::Level>() <= bytes.len());
        }
    }

    #[test]
    fn encoding_a_decoded_kill_again_gives_the_same(bytes in any::<[u8; size_of::<record::Kill>()]>()) {
        let raw = record::Kill::read_from_bytes(&bytes).expect("the size is right");
        let raw = record::Kill { header: build::kill(1, 2, 3).header, ..raw };
        let first = decode(raw.as_bytes(), PAGE);
        // What a clear bit covers means nothing: it may change without changing the record.
        let mut masked = raw;
        if raw.valid & record::kill_valid::RSS == 0 {
            masked.anon_pages = !raw.anon_pages;
        }
        if raw.valid & record::kill_valid::OOM_CONTROL == 0 {
            masked.totalpages = !raw.totalpages;
        }
        masked.reserved = [0xaa; 2];
        prop_assert_eq!(first, decode(masked.as_bytes(), PAGE));
    }
}
