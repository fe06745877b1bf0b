//! Chains: levels, names, units, and lengths that lie.

use oomtrace_common::record::{self, chain_flags, chain_role, level_flags, level_valid};

use super::{testing as build, *};
use crate::model::Bytes;

const PAGE: PageSize = PageSize(4096);

fn chain(bytes: &[u8]) -> Chain {
    match decode(bytes, PAGE).expect("a whole record") {
        Record::Chain(chain) => chain,
        other => panic!("not a chain: {other:?}"),
    }
}

#[test]
fn a_chain_keeps_levels_names_and_units() {
    let bytes = build::chain(
        3,
        7,
        chain_role::VICTIM,
        chain_flags::SWAP_IS_MEMSW | chain_flags::CGROUP_V1,
        &[
            (build::level(100), b"8e24\xff"),
            (build::free_level(50), b"docker"),
            (build::root(), b""),
        ],
    );
    let chain = chain(&bytes);
    assert_eq!(chain.role, Role::Victim);
    assert!(chain.swap_is_memsw && chain.cgroup_v1 && !chain.truncated);
    let [own, parent, root] = &chain.levels[..] else {
        panic!("three levels: {chain:?}");
    };
    assert_eq!(own.name.as_deref(), Some(&b"8e24\xff"[..]));
    assert_eq!(own.cgroup_id, Some(100));
    assert_eq!(own.usage, Some(Bytes(268_435_456)));
    assert_eq!(own.limit, Some(Limit::At(Bytes(268_435_456))));
    assert_eq!(own.watermark, Some(Bytes(268_435_456)));
    assert_eq!(
        (own.high, own.swap_limit),
        (Some(Limit::Unlimited), Some(Limit::Unlimited))
    );
    assert_eq!(
        (own.low, own.min),
        (Some(Limit::At(Bytes(0))), Some(Limit::At(Bytes(0))))
    );
    assert_eq!(own.swap_usage, Some(Bytes(0)));
    assert_eq!(own.kmem_usage, None);
    assert_eq!((own.failcnt, own.events_max), (Some(7), Some(9)));
    assert_eq!((own.events_oom, own.events_oom_kill), (Some(2), Some(1)));
    assert_eq!((own.oom_group, own.oom_lock), (Some(false), Some(false)));
    assert_eq!(parent.limit, Some(Limit::Unlimited));
    assert_eq!(parent.name.as_deref(), Some(&b"docker"[..]));
    assert!(root.root && root.name.as_deref() == Some(b""));
    assert_eq!(
        (root.usage, root.limit),
        (None, None),
        "the root's counters mean nothing"
    );
    assert_eq!(chain.position(50), Some(1));
    assert_eq!(chain.position(51), None);
}

#[test]
fn no_limit_depends_on_the_page_size() {
    let mut level = build::level(100);
    level.max_pages = i64::MAX.unsigned_abs() / 65_536;
    let bytes = build::chain(1, 1, chain_role::TRIGGER, 0, &[(level, b"a")]);
    let Ok(Record::Chain(chain)) = decode(&bytes, PageSize(65_536)) else {
        panic!("a whole record");
    };
    assert_eq!(chain.role, Role::Trigger);
    assert_eq!(chain.levels[0].limit, Some(Limit::Unlimited));
    let Ok(Record::Chain(chain)) = decode(&bytes, PAGE) else {
        panic!("a whole record");
    };
    assert!(matches!(chain.levels[0].limit, Some(Limit::At(_))));
    assert!(decode(&bytes, PageSize(0)).is_ok(), "no division by zero");
}

#[test]
fn flags_of_a_level_mean_something_only_when_valid() {
    let mut level = build::level(100);
    level.flags = level_flags::OOM_GROUP | level_flags::OOM_LOCK | level_flags::NAME_TRUNCATED;
    let decoded = chain(&build::chain(1, 1, 0, 0, &[(level, b"a")]));
    assert_eq!(decoded.levels[0].oom_group, Some(true));
    assert_eq!(decoded.levels[0].oom_lock, Some(true));
    assert!(decoded.levels[0].name_truncated);
    level.valid &= !(level_valid::OOM_GROUP | level_valid::OOM_LOCK | level_valid::NAME);
    let decoded = chain(&build::chain(
        1,
        1,
        0,
        chain_flags::BYTES_TRUNCATED,
        &[(level, b"a")],
    ));
    assert_eq!(decoded.levels[0].oom_group, None);
    assert_eq!(decoded.levels[0].oom_lock, None);
    assert_eq!(decoded.levels[0].name, None);
    assert!(decoded.truncated);
}

#[test]
fn lengths_inside_a_chain_are_not_trusted() {
    let whole = build::chain(1, 1, 0, 0, &[(build::level(100), b"name")]);
    let mut more_levels = whole.clone();
    more_levels[26] = 0xff;
    assert!(matches!(
        decode(&more_levels, PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Level,
            ..
        })
    ));
    for len in [9_u32, u32::MAX, u32::MAX - 7] {
        let mut long_name = whole.clone();
        long_name[size_of::<record::Chain>() + 8..][..4].copy_from_slice(&len.to_ne_bytes());
        assert!(matches!(
            decode(&long_name, PAGE),
            Err(DecodeError::Truncated {
                kind: Part::Level,
                ..
            })
        ));
    }
    let limit = build::chain(1, 1, chain_role::LIMIT, 0, &[(build::level(9), b"l")]);
    assert_eq!(chain(&limit).role, Role::Limit);
    let mut role = whole;
    role[24] = 9;
    assert_eq!(
        decode(&role, PAGE),
        Err(DecodeError::UnknownRole { role: 9 })
    );
}
