//! Records in any order, late, twice, or not at all.

use oomtrace_common::record::{Kill, chain_flags, kill_flags, kill_valid};

use super::*;
use crate::model::Missing;

const MS: u64 = 1_000_000;

#[test]
fn nothing_waits_while_nothing_is_killed() {
    let bench = Fixture::new(host());
    assert_eq!(bench.assembler.next_deadline(), None);
}

#[test]
fn details_may_come_before_their_kill() {
    let mut bench = Fixture::new(host());
    bench.bytes(&cmdline(1, 7)).bytes(&docker(1, MARK));
    assert!(bench.out.is_empty());
    bench.kill(&build::kill(1, MARK, 7));
    let event = bench.event();
    assert!(event.victim.cmdline.is_some() && event.victim.cgroup_path.is_some());
    assert!(bench.assembler.waiting.len() == 0);
}

#[test]
fn a_kill_without_its_chain_is_emitted_after_50_ms() {
    let mut bench = Fixture::new(host());
    bench.kill(&build::kill(1, MARK, 7));
    assert_eq!(bench.assembler.next_deadline(), Some(MARK + 5 * MS));
    bench.tick(MARK + 5 * MS - 1);
    assert!(bench.out.is_empty());
    bench.tick(MARK + 5 * MS);
    assert_eq!(bench.requests()[0].victim_cgroup_path, None);
    assert_eq!(bench.assembler.next_deadline(), Some(MARK + 50 * MS));
    bench.tick(MARK + 50 * MS - 1);
    assert_eq!(bench.out.len(), 1);
    bench.tick(MARK + 50 * MS);
    assert_eq!(bench.requests().len(), 1, "asked once");
    let event = bench.event();
    for field in [
        "victim.cgroup_path",
        "hierarchy",
        "limit",
        "incident.scope",
        "victim.cmdline",
    ] {
        assert_eq!(reason(event, field), Some("not_received"), "{field}");
    }
    assert_eq!((event.limit.as_ref(), event.hierarchy_total), (None, None));
    assert!(bench.assembler.waiting.len() == 0);
}

#[test]
fn the_kill_itself_says_what_will_not_come() {
    for (flags, field, expected) in [
        (kill_flags::CHAIN_LOST, "victim.cgroup_path", "record_lost"),
        (kill_flags::NOT_FOLLOWED, "victim.cmdline", "not_followed"),
        (
            kill_flags::TRACEPOINT_ONLY,
            "victim.cmdline",
            "tracepoint_only",
        ),
        (
            kill_flags::TRACEPOINT_ONLY,
            "victim.cgroup_path",
            "tracepoint_only",
        ),
    ] {
        let mut bench = Fixture::new(host());
        bench.kill(&Kill {
            flags,
            ..build::kill(1, MARK, 7)
        });
        assert_eq!(
            bench.requests().len(),
            usize::from(flags != kill_flags::NOT_FOLLOWED)
        );
        if flags == kill_flags::NOT_FOLLOWED {
            bench.bytes(&docker(1, MARK));
        } else {
            bench.bytes(&cmdline(1, 7));
        }
        assert_eq!(
            reason(bench.event(), field),
            Some(expected),
            "told without waiting"
        );
    }
}

#[test]
fn a_context_that_no_hook_can_give_is_not_waited_for() {
    let missing = Missing {
        field: "victim.cmdline".into(),
        reason: Reason::NoHook,
        why: None,
    };
    let mut bench = Fixture::new(Host {
        unavailable: vec![missing],
        ..host()
    });
    bench.kill(&build::kill(1, MARK, 7)).bytes(&docker(1, MARK));
    assert_eq!(reason(bench.event(), "victim.cmdline"), Some("no_hook"));
}

#[test]
fn a_command_line_that_was_swapped_out_says_so() {
    let mut context = build::context(1, MARK, 7, b"", 14);
    context[28..32].copy_from_slice(&2_u32.to_ne_bytes());
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&context);
    assert_eq!(reason(bench.event(), "victim.cmdline"), Some("swapped_out"));
}

#[test]
fn the_same_record_twice_is_one() {
    let mut bench = Fixture::new(host());
    for _ in 0..2 {
        bench.kill(&build::kill(1, MARK, 7)).bytes(&docker(1, MARK));
    }
    for _ in 0..2 {
        bench.bytes(&cmdline(1, 7));
    }
    bench.kill(&build::kill(1, MARK, 7));
    assert_eq!(bench.kills().len(), 1);
    assert_eq!(bench.assembler.unused().duplicates, 3);
    assert_eq!(bench.assembler.unused().late, 1);
    assert_eq!(bench.assembler.observed().kills, 1);
}

#[test]
fn details_without_a_kill_are_forgotten() {
    let mut bench = Fixture::new(host());
    bench.bytes(&docker(9, MARK)).bytes(&cmdline(9, 7));
    assert_eq!(bench.assembler.next_deadline(), Some(MARK + 50 * MS));
    bench.tick(MARK + 50 * MS);
    assert!(bench.out.is_empty());
    assert_eq!(bench.assembler.next_deadline(), None);
    assert_eq!(bench.assembler.unused().orphans, 2);
}

#[test]
fn the_end_of_the_capture_holds_nothing_back() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .kill(&build::kill(2, MARK + 1, 8));
    bench.assembler.flush(&mut bench.out);
    let kills = bench.kills();
    assert_eq!(kills.len(), 2);
    assert_eq!(reason(kills[1], "victim.cmdline"), Some("capture_ended"));
    assert!(bench.assembler.waiting.len() == 0);
    assert_eq!(bench.assembler.next_deadline(), None);
}

#[test]
fn past_the_bound_the_oldest_is_told() {
    let mut bench = Fixture::new(host());
    let more = u32::try_from(WAITING_MAX).expect("small") + 3;
    for sequence in 1..=more {
        bench.kill(&build::kill(sequence, MARK + u64::from(sequence), sequence));
    }
    let kills = bench.kills();
    assert_eq!(kills.len(), 3);
    assert_eq!(kills[0].victim.pid, Some(1));
    assert_eq!(
        reason(kills[0], "victim.cgroup_path"),
        Some("assembler_full")
    );
    assert_eq!(bench.assembler.waiting.len(), WAITING_MAX);
}

#[test]
fn bytes_are_bounded_too() {
    let mut bench = Fixture::new(host());
    let line = vec![b'x'; 4096];
    for sequence in 1..=2000 {
        for tgid in 1..=4 {
            bench.bytes(&build::context(sequence, MARK, tgid, &line, 4096));
        }
        assert!(bench.assembler.waiting.bytes() <= WAITING_BYTES_MAX);
    }
    assert!(bench.assembler.unused().orphans > 0);
    bench.assembler.flush(&mut bench.out);
    assert_eq!(
        bench.assembler.waiting.bytes(),
        0,
        "what was added was taken away"
    );
}

#[test]
fn a_path_is_claimed_only_if_all_of_it_is_known() {
    let path = |flags, levels: &[(record::Level, &[u8])]| {
        let mut bench = Fixture::new(host());
        bench.kill(&build::kill(1, MARK, 7)).bytes(&cmdline(1, 7));
        bench.bytes(&build::chain(1, MARK, 0, flags, levels));
        let event = bench.event().clone();
        let why = reason(&event, "victim.cgroup_path").map(str::to_owned);
        (
            event.victim.cgroup_path,
            why,
            event.hierarchy_total,
            event.hierarchy,
        )
    };
    let (leaf, root) = ((build::level(100), &b"leaf"[..]), (build::root(), &b""[..]));
    let because = |word: &str| Some(word.to_owned());
    assert_eq!(path(0, &[leaf, root]).0.as_deref(), Some("/leaf"));

    let cut = path(chain_flags::LEVELS_TRUNCATED, &[leaf, leaf]);
    assert_eq!(
        (cut.0, cut.1, cut.2),
        (None, because("chain_truncated"), None)
    );
    assert_eq!(cut.3.len(), 2, "the levels themselves are told");
    assert_eq!(path(0, &[leaf]).1, because("name_not_read"), "no root");

    let mut nameless = build::free_level(60);
    nameless.valid &= !record::level_valid::NAME;
    let broken = path(
        0,
        &[leaf, (nameless, b""), (build::free_level(61), b"up"), root],
    );
    assert_eq!(broken.1, because("name_not_read"));
    assert_eq!(
        broken.3[2].cgroup_path.as_deref(),
        Some("/up"),
        "above it all is known"
    );

    let mut long = build::free_level(60);
    long.flags = record::level_flags::NAME_TRUNCATED;
    assert_eq!(
        path(0, &[leaf, (long, b"xxx"), root]).1,
        because("name_truncated")
    );
    let forged = (build::level(100), &b"../docker"[..]);
    assert_eq!(path(0, &[forged, root]).1, because("name_not_read"));
}

#[test]
fn the_trigger_may_have_a_chain_of_its_own() {
    let mut bench = Fixture::new(host());
    bench.kill(&Kill {
        trigger_tgid: 8,
        trigger_memcg_id: 200,
        flags: kill_flags::TRIGGER_CHAIN,
        ..build::kill(1, MARK, 7)
    });
    bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
    assert!(bench.out.is_empty(), "both chains are waited for");
    let levels = [
        (build::free_level(200), &b"other"[..]),
        (build::free_level(50), b"docker"),
        (build::root(), b""),
    ];
    bench.bytes(&build::chain(
        1,
        MARK,
        record::chain_role::TRIGGER,
        0,
        &levels,
    ));
    let trigger = bench.event().trigger.clone().expect("there is one");
    assert_eq!(trigger.cgroup_path.as_deref(), Some("/docker/other"));
    assert_eq!(trigger.cgroup_id, Some(200));
}

#[test]
fn the_triggers_path_says_why_it_is_absent() {
    let reason_of = |kill: Kill| {
        let mut bench = Fixture::new(host());
        bench
            .kill(&kill)
            .bytes(&docker(1, MARK))
            .bytes(&cmdline(1, 7));
        reason(bench.event(), "trigger.cgroup_path").map(str::to_owned)
    };
    let kill = build::kill(1, MARK, 7);
    let lost = Kill {
        trigger_memcg_id: 200,
        ..kill
    };
    assert_eq!(reason_of(lost).as_deref(), Some("record_lost"));
    let unread = Kill {
        valid: kill.valid & !kill_valid::TRIGGER_MEMCG,
        ..kill
    };
    assert_eq!(reason_of(unread).as_deref(), Some("not_read"));
}
