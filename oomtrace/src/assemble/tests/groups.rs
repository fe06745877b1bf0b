//! Which kills are one incident.

use oomtrace_common::record::{Kill, Level, kill_flags, kill_valid, level_flags};

use super::*;
use crate::model::KillKind;

const US: u64 = 1_000;

/// A kill of the trigger thread 500, alone in a process that lives.
fn by_500(sequence: u32, boot_ns: u64, tgid: u32) -> Kill {
    Kill {
        trigger_tgid: 500,
        trigger_tid: 500,
        ..build::kill(sequence, boot_ns, tgid)
    }
}

fn grouped(level: Level) -> Level {
    Level {
        flags: level.flags | level_flags::OOM_GROUP,
        ..level
    }
}

/// `/p/a`: a is at its limit, and either dies as a whole.
fn chain(sequence: u32, boot_ns: u64, a: Level, p: Level) -> Vec<u8> {
    let levels = [(a, &b"a"[..]), (p, b"p"), (build::root(), b"")];
    build::chain(sequence, boot_ns, 0, 0, &levels)
}

fn put(bench: &mut Fixture, kill: &Kill, a: Level, p: Level) {
    let (sequence, boot_ns) = (kill.header.sequence, kill.header.boot_ns);
    bench.kill(kill).bytes(&chain(sequence, boot_ns, a, p));
    bench.bytes(&cmdline(sequence, kill.victim_tgid));
}

fn placed(event: &OomKill) -> (&str, Option<KillKind>, u32, Option<&str>) {
    let incident = &event.incident;
    let id = incident.id.strip_prefix("5f1c9a2e:").expect("the boot id");
    (
        id,
        incident.kill_kind,
        incident.kill_index,
        incident.group_cgroup_path.as_deref(),
    )
}

#[test]
fn siblings_of_a_group_are_one_incident() {
    let mut bench = Fixture::new(host());
    let (a, p) = (grouped(build::level(100)), build::free_level(50));
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    put(&mut bench, &by_500(2, MARK + 10 * US, 8), a, p);
    // By its mark the group is below its limit: the incident's limit still holds.
    let freed = Level {
        usage_pages: 1_000,
        ..a
    };
    put(&mut bench, &by_500(3, MARK + 20 * US, 9), freed, p);
    let kills = bench.kills();
    let first = "1000000:7";
    assert_eq!(
        placed(kills[0]),
        (first, Some(KillKind::Chosen), 0, Some("/p/a"))
    );
    assert_eq!(
        placed(kills[1]),
        (first, Some(KillKind::Group), 1, Some("/p/a"))
    );
    assert_eq!(
        placed(kills[2]),
        (first, Some(KillKind::Group), 2, Some("/p/a"))
    );
    let chosen = |kill: &OomKill| kill.incident.chosen.as_ref().map(|chosen| chosen.pid);
    assert_eq!(
        [0, 1, 2].map(|at| chosen(kills[at])),
        [None, Some(7), Some(7)]
    );
    let limit = kills[2].limit.as_ref().expect("that of the incident");
    assert_eq!(limit.cgroup_path.as_deref(), Some("/p/a"));
    assert_eq!(limit.usage_bytes, Some(Bytes(4_096_000)), "at its own mark");
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 3,
            maybe_twice: 1
        }
    );
}

#[test]
fn a_sibling_waits_for_the_kill_before_it() {
    let mut bench = Fixture::new(host());
    let (a, p) = (grouped(build::level(100)), build::free_level(50));
    put(&mut bench, &by_500(2, MARK + 10 * US, 8), a, p);
    assert!(bench.kills().is_empty());
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    let kinds: Vec<_> = bench
        .kills()
        .iter()
        .map(|kill| kill.incident.kill_kind)
        .collect();
    assert_eq!(kinds, [Some(KillKind::Chosen), Some(KillKind::Group)]);
}

#[test]
fn without_a_group_each_kill_is_an_incident() {
    let mut bench = Fixture::new(host());
    let (a, p) = (build::level(100), build::free_level(50));
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    put(&mut bench, &by_500(2, MARK + 10 * US, 8), a, p);
    let kills = bench.kills();
    assert_eq!(
        placed(kills[0]),
        ("1000000:7", Some(KillKind::Chosen), 0, None)
    );
    assert_eq!(
        placed(kills[1]),
        ("1000000:8", Some(KillKind::Chosen), 0, None)
    );
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 2,
            maybe_twice: 0
        }
    );
}

#[test]
fn another_trigger_is_another_incident() {
    let mut bench = Fixture::new(host());
    let (a, p) = (grouped(build::level(100)), build::free_level(50));
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    let other = Kill {
        trigger_tid: 501,
        ..by_500(2, MARK + 10 * US, 8)
    };
    put(&mut bench, &other, a, p);
    assert_eq!(bench.kills()[1].incident.kill_kind, Some(KillKind::Chosen));
    assert_eq!(bench.kills()[1].incident.kill_index, 0);
}

#[test]
fn a_trigger_that_tries_again_is_a_new_incident() {
    let second = 1_000_000_000;
    let again = |after: u64, events_oom: u64| {
        let mut bench = Fixture::new(host());
        let (a, p) = (grouped(build::level(100)), build::free_level(50));
        put(&mut bench, &by_500(1, MARK, 7), a, p);
        let later = Level { events_oom, ..a };
        put(&mut bench, &by_500(2, MARK + after, 8), later, p);
        bench.kills()[1].incident.kill_kind
    };
    let before = build::level(100).events_oom;
    assert_eq!(again(2 * second, before + 1), Some(KillKind::Chosen));
    assert_eq!(
        again(2 * second, before),
        Some(KillKind::Group),
        "a slow console, no new try"
    );
    assert_eq!(
        again(second / 2, before + 1),
        Some(KillKind::Group),
        "others hit the limit too"
    );
}

#[test]
fn only_a_group_at_or_below_the_limit_dies() {
    // The parent would die as a whole, but it was the child's limit, and the kernel says so.
    let control = |kill: Kill| Kill {
        valid: kill.valid | kill_valid::OOM_CONTROL,
        oc_memcg_id: 100,
        ..kill
    };
    let (a, p) = (build::level(100), grouped(build::free_level(50)));
    let mut bench = Fixture::new(host());
    put(&mut bench, &control(by_500(1, MARK, 7)), a, p);
    put(&mut bench, &control(by_500(2, MARK + 10 * US, 8)), a, p);
    let kills = bench.kills();
    assert_eq!(kills[0].incident.group_cgroup_path, None);
    assert_eq!(kills[1].incident.kill_kind, Some(KillKind::Chosen));
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 2,
            maybe_twice: 0
        }
    );
}

#[test]
fn the_topmost_group_below_the_limit_is_the_one() {
    let (a, p) = (
        Level {
            usage_pages: 10,
            ..grouped(build::level(100))
        },
        grouped(build::level(50)),
    );
    let mut bench = Fixture::new(host());
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    assert_eq!(
        bench.event().incident.group_cgroup_path.as_deref(),
        Some("/p")
    );
}

#[test]
fn after_a_lost_kill_the_kind_is_not_known() {
    let mut bench = Fixture::new(host());
    let (a, p) = (grouped(build::level(100)), build::free_level(50));
    put(&mut bench, &by_500(5, MARK, 7), a, p);
    assert!(
        bench.kills().is_empty(),
        "the kill before it may still come"
    );
    bench.tick(MARK + 50_000_000);
    let event = bench.event();
    assert_eq!(event.incident.kill_kind, None);
    assert_eq!(
        reason(event, "incident.kill_kind"),
        Some("previous_kill_lost")
    );
    assert_eq!(
        bench.assembler.observed(),
        Observed {
            kills: 1,
            maybe_twice: 1
        }
    );
}

#[test]
fn without_a_chain_the_kind_is_not_known_on_v2() {
    for (version, kind, twice) in [(2, None, 2), (1, Some(KillKind::Chosen), 0)] {
        let mut bench = Fixture::new(Host {
            cgroup_version: version,
            ..host()
        });
        let flags = kill_flags::CHAIN_LOST | kill_flags::NOT_FOLLOWED;
        bench.kill(&Kill {
            flags,
            ..by_500(1, MARK, 7)
        });
        bench.kill(&Kill {
            flags,
            ..by_500(2, MARK + 10 * US, 8)
        });
        let kills = bench.kills();
        assert_eq!(
            kills[0].incident.kill_kind,
            Some(KillKind::Chosen),
            "the very first"
        );
        assert_eq!(kills[1].incident.kill_kind, kind);
        if kind.is_none() {
            assert_eq!(reason(kills[1], "incident.kill_kind"), Some("record_lost"));
        }
        assert_eq!(
            bench.assembler.observed(),
            Observed {
                kills: 2,
                maybe_twice: twice
            }
        );
    }
}

#[test]
fn a_group_whose_limit_is_not_known_has_no_path() {
    let mut bench = Fixture::new(host());
    let (a, p) = (grouped(build::free_level(100)), build::free_level(50));
    put(&mut bench, &by_500(1, MARK, 7), a, p);
    put(&mut bench, &by_500(2, MARK + 10 * US, 8), a, p);
    for event in bench.kills() {
        assert_eq!(event.incident.group_cgroup_path, None);
        assert_eq!(
            reason(event, "incident.group_cgroup_path"),
            Some("not_determined")
        );
    }
    assert_eq!(bench.kills()[1].incident.kill_kind, Some(KillKind::Group));
}
