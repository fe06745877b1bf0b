//! Kills of which the OOM killer's own arguments and its count of invocations are known.

use oomtrace_common::record::{Kill, Level, kill_flags, kill_valid, level_flags};

use super::*;
use crate::model::{Basis, Cause, Constraint, KillKind, Scope};

const US: u64 = 1_000;

/// Everything that `oom_control` gives, and nothing that says it could not be had.
const BY_CONTROL: [&str; 6] = [
    "incident.scope",
    "incident.constraint",
    "incident.cause",
    "incident.total_pages",
    "trigger.gfp_mask",
    "trigger.order",
];

fn seen(sequence: u32, oom_sequence: u32) -> Kill {
    let boot_ns = MARK + u64::from(sequence) * 10 * US;
    build::seen_kill(
        build::kill(sequence, boot_ns, 100 + sequence),
        oom_sequence,
        0,
    )
}

fn put(bench: &mut Fixture, kill: &Kill, own: Level) {
    let (sequence, boot_ns) = (kill.header.sequence, kill.header.boot_ns);
    let levels = [
        (own, &b"a"[..]),
        (build::free_level(50), b"p"),
        (build::root(), b""),
    ];
    bench
        .kill(kill)
        .bytes(&build::chain(sequence, boot_ns, 0, 0, &levels));
    bench.bytes(&cmdline(sequence, kill.victim_tgid));
}

fn one(kill: &Kill) -> OomKill {
    let mut bench = Fixture::new(host());
    put(&mut bench, kill, build::level(100));
    bench.event().clone()
}

fn grouped() -> Level {
    Level {
        flags: level_flags::OOM_GROUP,
        ..build::level(100)
    }
}

#[test]
fn the_arguments_of_the_oom_killer_are_taken_over() {
    let event = one(&seen(1, 1));
    let incident = &event.incident;
    assert_eq!(
        (incident.scope, incident.scope_basis),
        (Some(Scope::Memcg), Some(Basis::Kernel))
    );
    assert_eq!(incident.constraint, Some(Constraint::Memcg));
    assert_eq!(incident.cause, Some(Cause::Allocation));
    assert_eq!(
        incident.total_pages.map(|pages| pages.0),
        Some(build::LIMIT_PAGES)
    );
    let trigger = event.trigger.as_ref().expect("there is one");
    assert_eq!((trigger.gfp_mask, trigger.order), (Some(0xcc0), Some(0)));
    assert_eq!(trigger.gfp_flags.as_ref().unwrap(), &["GFP_KERNEL"]);
    let limit = event.limit.as_ref().expect("there is one");
    assert_eq!(limit.basis, Some(Basis::Kernel));
    assert_eq!(limit.cgroup_path.as_deref(), Some("/p/a"));
    assert!(limit.counter.is_some(), "by which of its counters");
    assert_eq!(
        event.victim.badness_pages,
        Some(70_289),
        "oom_control.chosen_points"
    );
    for field in BY_CONTROL {
        assert_eq!(reason(&event, field), None, "{field}");
    }
}

#[test]
fn constraints_are_the_kernels_own() {
    for (number, constraint) in [
        (0, Constraint::None),
        (1, Constraint::Cpuset),
        (2, Constraint::Mempolicy),
    ] {
        let event = one(&Kill {
            constraint: number,
            oc_memcg_id: 0,
            ..seen(1, 1)
        });
        assert_eq!(event.incident.constraint, Some(constraint));
        assert_eq!(event.incident.scope, Some(Scope::Global));
    }
    let event = one(&Kill {
        constraint: 4,
        oc_memcg_id: 0,
        ..seen(1, 1)
    });
    assert_eq!(event.incident.constraint, None);
    assert_eq!(reason(&event, "incident.constraint"), Some("out_of_range"));
}

#[test]
fn a_global_oom_has_no_limit_and_does_not_miss_one() {
    let unavailable = |field: &str| Missing {
        field: field.into(),
        reason: Reason::NoKernelField,
        why: None,
    };
    let mut bench = Fixture::new(Host {
        unavailable: vec![unavailable("limit.peak_bytes"), unavailable("limit.usage")],
        ..host()
    });
    let kill = Kill {
        constraint: 0,
        oc_memcg_id: 0,
        ..seen(1, 1)
    };
    put(&mut bench, &kill, build::level(100));
    let event = bench.event();
    assert_eq!(event.limit, None);
    let of_limit = |missing: &Missing| missing.field.starts_with("limit");
    assert!(!event.missing.iter().any(of_limit), "{:?}", event.missing);
    assert_eq!(reason(event, "node_memory"), Some("no_zones"));
    assert_eq!(bench.requests()[0].limit_cgroup_path, None);
    assert!(bench.requests()[0].node_memory);
}

#[test]
fn a_cgroup_that_could_not_be_read_is_no_global_oom() {
    let unread = Kill {
        oc_memcg_id: 0,
        ..seen(1, 1)
    };
    let event = one(&unread);
    assert_eq!(event.incident.scope, Some(Scope::Memcg));
    assert_eq!(event.incident.scope_basis, Some(Basis::Kernel));
    let limit = event.limit.as_ref().expect("the counters show it");
    assert_eq!(limit.basis, Some(Basis::Counters));

    let mut bench = Fixture::new(host());
    put(&mut bench, &unread, build::free_level(100));
    let event = bench.event();
    assert_eq!(event.incident.scope, Some(Scope::Memcg));
    assert_eq!(reason(event, "limit"), Some("no_cgroup_at_limit"));
}

#[test]
fn a_cause_is_given_only_if_nothing_else_fits() {
    let global = Kill {
        constraint: 0,
        oc_memcg_id: 0,
        ..seen(1, 1)
    };
    let cause = |kill: Kill| {
        let event = one(&kill);
        let why = reason(&event, "incident.cause").map(str::to_owned);
        assert_eq!(event.incident.cause.is_none(), why.is_some());
        (event.incident.cause, why)
    };
    assert_eq!(cause(global).0, Some(Cause::Allocation));
    assert_eq!(
        cause(Kill {
            order: -1,
            ..global
        })
        .0,
        Some(Cause::Sysrq)
    );
    assert_eq!(
        cause(Kill {
            gfp_mask: 0,
            ..global
        })
        .0,
        Some(Cause::PageFault)
    );
    let kswapd = Kill {
        trigger_comm: build::comm(b"kswapd0"),
        ..global
    };
    assert_eq!(
        cause(kswapd),
        (None, Some("not_determined".into())),
        "thrashing, or a process of that name"
    );
    // The trigger is in an ancestor of the cgroup that was hit.
    let outside = Kill {
        trigger_memcg_id: 50,
        ..seen(1, 1)
    };
    assert_eq!(
        cause(outside),
        (None, Some("trigger_outside_limit".into())),
        "somebody may have written the limit"
    );
    let elsewhere = Kill {
        trigger_memcg_id: 999,
        ..seen(1, 1)
    };
    assert_eq!(cause(elsewhere), (None, Some("not_determined".into())));
}

#[test]
fn usage_far_above_a_new_limit_is_a_limit_write() {
    for (limit_pages, cause) in [(32, Some(Cause::LimitWrite)), (4096, None)] {
        let mut bench = Fixture::new(host());
        let kill = Kill {
            trigger_memcg_id: 200,
            flags: kill_flags::TRIGGER_CHAIN,
            ..seen(1, 1)
        };
        let trigger = [(build::free_level(200), &b"t"[..]), (build::root(), b"")];
        bench.bytes(&build::chain(1, MARK, 1, 0, &trigger));
        let own = Level {
            usage_pages: 4096,
            max_pages: limit_pages,
            ..build::level(100)
        };
        put(&mut bench, &kill, own);
        assert_eq!(bench.event().incident.cause, cause, "{limit_pages}");
    }
}

#[test]
fn a_triggers_own_chain_decides_if_it_is_below() {
    for (top, cause) in [(100, Some(Cause::Allocation)), (77, None)] {
        let mut bench = Fixture::new(host());
        let kill = Kill {
            trigger_memcg_id: 200,
            flags: kill_flags::TRIGGER_CHAIN,
            ..seen(1, 1)
        };
        let levels = [
            (build::free_level(200), &b"t"[..]),
            (build::level(top), b"x"),
            (build::root(), b""),
        ];
        bench.bytes(&build::chain(1, MARK, 1, 0, &levels));
        put(&mut bench, &kill, build::level(100));
        assert_eq!(bench.event().incident.cause, cause, "{top}");
    }
}

#[test]
fn kills_of_one_invocation_are_one_incident() {
    let mut bench = Fixture::new(host());
    // Other threads trigger, much later, and the counts of OOMs differ: the invocation is the same.
    for (sequence, after) in [(1, 0), (2, 5_000_000_000), (3, 6_000_000_000)] {
        let mut kill = seen(sequence, 9);
        kill.header.boot_ns = MARK + after;
        kill.trigger_tid = 500 + sequence;
        let own = Level {
            events_oom: u64::from(sequence),
            ..grouped()
        };
        put(&mut bench, &kill, own);
    }
    let kills = bench.kills();
    let kinds: Vec<_> = kills.iter().map(|kill| kill.incident.kill_kind).collect();
    let group = Some(KillKind::Group);
    assert_eq!(kinds, [Some(KillKind::Chosen), group, group]);
    for (index, kill) in (0..).zip(&kills) {
        assert_eq!(kill.incident.id, kills[0].incident.id);
        assert_eq!(kill.incident.kill_index, index);
        assert_eq!(kill.incident.group_cgroup_path.as_deref(), Some("/p/a"));
    }
    assert_eq!(kills[0].victim.badness_pages, Some(70_289));
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 3,
            maybe_twice: 1
        }
    );
}

#[test]
fn another_invocation_is_another_incident() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(1, 1), grouped());
    put(&mut bench, &seen(2, 2), grouped());
    let kills = bench.kills();
    assert_eq!(kills[1].incident.kill_kind, Some(KillKind::Chosen));
    assert_ne!(kills[0].incident.id, kills[1].incident.id);
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 2,
            maybe_twice: 2
        }
    );
}

#[test]
fn a_siblings_badness_is_its_own() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(1, 1), grouped());
    let sibling = Kill {
        anon_pages: 1_000,
        chosen_points: 4_711,
        oom_score_adj: 10,
        ..seen(2, 1)
    };
    put(&mut bench, &sibling, grouped());
    let own = 1_000 + 4_954 + 183 + 10 * 65;
    assert_eq!(bench.kills()[1].victim.badness_pages, Some(own));
}

#[test]
fn after_a_lost_kill_a_group_may_have_begun_before() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(5, 3), grouped());
    bench.tick(MARK + 60_000_000);
    put(&mut bench, &seen(6, 3), grouped());
    let kills = bench.kills();
    assert_eq!(
        reason(kills[0], "incident.kill_kind"),
        Some("previous_kill_lost")
    );
    assert_eq!(kills[1].incident.kill_kind, Some(KillKind::Group));
    assert_eq!(kills[1].incident.id, kills[0].incident.id);
}

#[test]
fn a_sibling_without_a_chain_is_one_all_the_same() {
    let mut bench = Fixture::new(host());
    let lost = Kill {
        flags: kill_flags::CHAIN_LOST | kill_flags::NOT_FOLLOWED,
        ..seen(2, 1)
    };
    bench.kill(&lost);
    assert!(
        bench.kills().is_empty(),
        "the kill before it may still come"
    );
    put(&mut bench, &seen(1, 1), grouped());
    let kills = bench.kills();
    assert_eq!(kills[1].incident.kill_kind, Some(KillKind::Group));
    assert_eq!(kills[1].incident.id, kills[0].incident.id);
    let limit = kills[1].limit.as_ref().expect("the incident's, by its id");
    assert_eq!(limit.cgroup_id, Some(100));
    assert_eq!(reason(kills[1], "limit.cgroup_path"), Some("record_lost"));
}

#[test]
fn a_kill_that_is_not_counted_is_placed_by_its_marks() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(1, 4), grouped());
    let uncounted = Kill {
        oom_sequence: 0,
        valid: seen(2, 0).valid & !kill_valid::OOM_CONTROL,
        trigger_tid: seen(1, 4).trigger_tid,
        ..seen(2, 0)
    };
    put(&mut bench, &uncounted, grouped());
    assert_eq!(bench.kills()[1].incident.kill_kind, Some(KillKind::Group));
}
