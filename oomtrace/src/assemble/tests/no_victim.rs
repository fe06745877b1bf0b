//! Invocations that found nothing to kill.

use oomtrace_common::record::{Kill, level_flags};

use super::*;
use crate::model::{Basis, Cause, Constraint, KillKind, LimitedCounter, Scope};

fn limit_chain(sequence: u32) -> Vec<u8> {
    let levels = [
        (build::level(100), &b"8e24"[..]),
        (build::free_level(50), b"docker"),
        (build::root(), b""),
    ];
    build::chain(sequence, MARK, chain_role::LIMIT, 0, &levels)
}

fn global() -> Kill {
    Kill {
        oc_memcg_id: 0,
        constraint: 0,
        ..build::no_victim(1, MARK, 3, 0)
    }
}

#[test]
fn the_whole_event() {
    let mut bench = Fixture::new(host());
    bench.candidate(&build::candidate(3, 5, -1_000, 100));
    bench.bytes(&limit_chain(1));
    bench.kill(&Kill {
        repeats: 41,
        ..build::no_victim(1, MARK, 3, 1)
    });
    let [event] = bench.no_victims()[..] else {
        panic!("one event: {:?}", bench.out);
    };
    assert_eq!(event.header.event, crate::model::EventKind::OomNoVictim);
    assert_eq!(event.header.level, crate::model::Level::Warn);
    assert_eq!(
        event.header.event_id.as_deref(),
        Some("5f1c9a2e:1241551893:61")
    );
    let incident = event.incident.as_ref().expect("there is one");
    assert_eq!(incident.id, "5f1c9a2e:1241551893:61");
    assert_eq!(
        (incident.scope, incident.scope_basis),
        (Some(Scope::Memcg), Some(Basis::Kernel))
    );
    assert_eq!(incident.constraint, Some(Constraint::Memcg));
    assert_eq!(incident.cause, Some(Cause::Allocation));
    let trigger = event.trigger.as_ref().expect("there is one");
    assert_eq!((trigger.pid, trigger.tid), (Some(42), Some(61)));
    assert_eq!(trigger.cgroup_path.as_deref(), Some("/docker/8e24"));
    assert_eq!((trigger.gfp_mask, trigger.order), (Some(0xcc0), Some(0)));
    let limit = event.limit.as_ref().expect("there is one");
    assert_eq!(limit.cgroup_path.as_deref(), Some("/docker/8e24"));
    assert_eq!(limit.basis, Some(Basis::Kernel));
    assert_eq!(limit.counter, Some(LimitedCounter::Memory));
    assert_eq!(limit.limit_bytes, Some(Bytes(268_435_456)));
    assert_eq!(event.repeats_total, Some(41));
    assert_eq!(event.candidates_total, Some(1));
    let candidate = &event.candidates[0];
    assert_eq!((candidate.pid, candidate.badness_pages), (5, None));
    let [missing] = &event.missing[..] else {
        panic!("only what nobody looked at: {:?}", event.missing);
    };
    assert_eq!(missing.field, "limit.usage");
    assert!(bench.requests().is_empty(), "nothing to look at");
    assert_eq!(
        bench.assembler.observed(),
        Observed::default(),
        "it is no kill"
    );
    assert_eq!(bench.assembler.next_deadline(), None);
}

#[test]
fn it_waits_for_its_chain_but_not_for_ever() {
    let mut bench = Fixture::new(host());
    bench.kill(&build::no_victim(1, MARK, 3, 0));
    assert!(bench.out.is_empty());
    assert_eq!(bench.assembler.next_deadline(), Some(MARK + 50_000_000));
    bench.bytes(&limit_chain(1));
    assert_eq!(bench.no_victims().len(), 1);

    let mut bench = Fixture::new(host());
    bench.kill(&build::no_victim(1, MARK, 3, 0));
    bench.tick(MARK + 50_000_000);
    let [event] = bench.no_victims()[..] else {
        panic!("one event: {:?}", bench.out);
    };
    let limit = event.limit.as_ref().expect("known by its id alone");
    assert_eq!(limit.cgroup_id, Some(100));
    assert_eq!(
        reason_in(&event.missing, "limit.cgroup_path"),
        Some("not_received")
    );
    bench.bytes(&limit_chain(1));
    bench.kill(&build::no_victim(1, MARK, 3, 0));
    assert_eq!(bench.no_victims().len(), 1);
    let unused = bench.assembler.unused();
    assert_eq!((unused.late, unused.duplicates), (1, 1));
}

#[test]
fn the_triggers_place_needs_its_chain() {
    let mut bench = Fixture::new(host());
    bench.kill(&Kill {
        trigger_memcg_id: 999,
        ..build::no_victim(1, MARK, 3, 0)
    });
    bench.bytes(&limit_chain(1));
    let [event] = bench.no_victims()[..] else {
        panic!("one event: {:?}", bench.out);
    };
    for (field, why) in [
        ("trigger.cgroup_path", "not_in_chain"),
        ("incident.cause", "not_determined"),
    ] {
        assert_eq!(reason_in(&event.missing, field), Some(why), "{field}");
    }
}

#[test]
fn a_global_one_needs_no_chain() {
    let mut bench = Fixture::new(host());
    bench.kill(&Kill {
        order: -1,
        ..global()
    });
    let [event] = bench.no_victims()[..] else {
        panic!("one event: {:?}", bench.out);
    };
    let incident = event.incident.as_ref().expect("there is one");
    assert_eq!(
        (incident.scope, incident.cause),
        (Some(Scope::Global), Some(Cause::Sysrq))
    );
    assert_eq!(event.limit, None);
    assert_eq!(reason_in(&event.missing, "limit"), None);
}

#[test]
fn a_kill_after_it_is_an_incident_of_its_own() {
    for oom_sequence in [0, 4] {
        let mut bench = Fixture::new(host());
        // The kill comes first and waits: the invocation before it has the number before.
        let mut own = build::level(100);
        own.flags = level_flags::OOM_GROUP;
        let mut kill = build::seen_kill(build::kill(2, MARK + 1_000, 42), oom_sequence, 0);
        kill.trigger_tid = global().trigger_tid;
        let levels = [(own, &b"a"[..]), (build::root(), b"")];
        bench
            .kill(&kill)
            .bytes(&build::chain(2, MARK + 1_000, 0, 0, &levels))
            .bytes(&cmdline(2, 42));
        assert!(bench.kills().is_empty());
        bench.kill(&global());
        assert_eq!(bench.no_victims().len(), 1);
        let event = bench.event();
        assert_eq!(event.incident.kill_kind, Some(KillKind::Chosen));
        assert_eq!(event.incident.kill_index, 0);
        assert_eq!(bench.assembler.observed().kills, 1);
    }
}

#[test]
fn few_of_many_candidates_are_shown() {
    let mut bench = Fixture::new(host());
    for tgid in 1..=60 {
        bench.candidate(&build::candidate(3, tgid, -1_000, 100));
    }
    bench.kill(&Kill {
        scored: 60,
        ..global()
    });
    let [event] = bench.no_victims()[..] else {
        panic!("one event: {:?}", bench.out);
    };
    assert_eq!(
        (event.candidates.len(), event.candidates_total),
        (20, Some(60))
    );
    let line = serde_json::to_string(event).expect("serializable");
    assert!(line.len() < 8 * 1024, "{}", line.len());
}
