//! Whose limit it was.

use oomtrace_common::record::{
    Kill, Level, chain_flags, chain_role, kill_flags, kill_valid, level_flags,
};

use super::*;
use crate::model::{Basis, Cause, Constraint, LimitedCounter, Scope};

/// `/p/a`, with these two levels.
fn with_levels(kill: Kill, flags: u32, a: Level, p: Level) -> OomKill {
    let mut bench = Fixture::new(host());
    let levels = [(a, &b"a"[..]), (p, b"p"), (build::root(), b"")];
    bench.bytes(&build::chain(1, MARK, chain_role::VICTIM, flags, &levels));
    bench.bytes(&cmdline(1, 7)).kill(&kill);
    if kill.flags & kill_flags::TRIGGER_CHAIN != 0 {
        // The trigger lives in the sibling /p/b.
        let levels = [
            (build::level(300), &b"b"[..]),
            (p, b"p"),
            (build::root(), b""),
        ];
        bench.bytes(&build::chain(1, MARK, chain_role::TRIGGER, 0, &levels));
    }
    bench.event().clone()
}

fn hit(event: &OomKill) -> Option<(&str, Basis)> {
    let limit = event.limit.as_ref()?;
    Some((limit.cgroup_path.as_deref()?, limit.basis?))
}

/// Of a victim whose trigger is in a sibling cgroup.
fn from_sibling() -> Kill {
    Kill {
        trigger_tgid: 8,
        trigger_memcg_id: 300,
        flags: kill_flags::TRIGGER_CHAIN,
        ..build::kill(1, MARK, 7)
    }
}

fn locked(level: Level) -> Level {
    Level {
        flags: level.flags | level_flags::OOM_LOCK,
        ..level
    }
}

fn unlimited(id: u64) -> Level {
    build::free_level(id)
}

/// So many pages below its limit.
fn below(id: u64, pages: u64) -> Level {
    Level {
        usage_pages: build::LIMIT_PAGES - pages,
        ..build::level(id)
    }
}

#[test]
fn the_first_at_its_limit_above_both() {
    let own = build::kill(1, MARK, 7);
    let event = with_levels(own, 0, build::level(100), build::level(50));
    assert_eq!(hit(&event), Some(("/p/a", Basis::Counters)));
    assert_eq!(event.incident.scope, Some(Scope::Memcg));
    assert_eq!(event.incident.scope_basis, Some(Basis::Counters));
    let event = with_levels(own, 0, below(100, 65), build::level(50));
    assert_eq!(hit(&event), Some(("/p", Basis::Counters)), "the parent's");
}

#[test]
fn at_its_limit_is_within_a_batch_of_64_pages() {
    let own = build::kill(1, MARK, 7);
    let event = with_levels(own, 0, below(100, 64), unlimited(50));
    assert_eq!(hit(&event), Some(("/p/a", Basis::Counters)));
    let event = with_levels(own, 0, below(100, 65), unlimited(50));
    assert_eq!(hit(&event), None);
    assert_eq!(reason(&event, "limit"), Some("no_cgroup_at_limit"));
    assert_eq!(reason(&event, "incident.scope"), Some("no_cgroup_at_limit"));
    assert_eq!(event.incident.scope, None);
    // A limit that was written below usage.
    let over = Level {
        usage_pages: build::LIMIT_PAGES * 2,
        ..build::level(100)
    };
    let event = with_levels(own, 0, over, unlimited(50));
    assert_eq!(hit(&event), Some(("/p/a", Basis::Counters)));
}

#[test]
fn a_full_cgroup_that_the_trigger_is_not_in_is_not_it() {
    let event = with_levels(from_sibling(), 0, build::level(100), build::level(50));
    assert_eq!(hit(&event), Some(("/p", Basis::Counters)));
    let event = with_levels(from_sibling(), 0, build::level(100), unlimited(50));
    assert_eq!(hit(&event), None);
}

#[test]
fn the_cgroups_under_oom_come_before_the_counters() {
    let own = build::kill(1, MARK, 7);
    let (a, p) = (locked(build::level(100)), locked(build::level(50)));
    let event = with_levels(own, 0, a, p);
    assert_eq!(
        hit(&event),
        Some(("/p", Basis::OomLock)),
        "the topmost of the run"
    );
    let event = with_levels(own, 0, a, build::level(50));
    assert_eq!(hit(&event), Some(("/p/a", Basis::OomLock)));
    let event = with_levels(own, 0, build::level(100), p);
    assert_eq!(
        hit(&event),
        Some(("/p/a", Basis::Counters)),
        "no run from the victim's own"
    );
    let event = with_levels(own, 0, a, locked(unlimited(50)));
    assert_eq!(
        hit(&event),
        Some(("/p/a", Basis::Counters)),
        "the topmost is not at its limit"
    );
}

#[test]
fn siblings_and_their_parent_under_oom_at_once() {
    // The victim's cgroup is under OOM by itself; what kills is the parent's OOM, from a sibling.
    let a = locked(build::level(100));
    let event = with_levels(from_sibling(), 0, a, build::level(50));
    assert_eq!(hit(&event), Some(("/p", Basis::Counters)));
}

#[test]
fn memory_plus_swap_counts_on_v1_only() {
    let own = build::kill(1, MARK, 7);
    let memsw = Level {
        usage_pages: 10,
        swap_usage_pages: build::LIMIT_PAGES,
        swap_max_pages: build::LIMIT_PAGES,
        ..build::level(100)
    };
    let v1 = chain_flags::CGROUP_V1 | chain_flags::SWAP_IS_MEMSW;
    let event = with_levels(own, v1, memsw, unlimited(50));
    let limit = event.limit.expect("memory plus swap is at its limit");
    assert_eq!(limit.counter, Some(LimitedCounter::Memsw));
    assert_eq!(limit.memsw_limit_bytes, Some(Bytes(268_435_456)));
    assert_eq!(
        (limit.swap_limit_bytes, limit.high_bytes, limit.oom_group),
        (None, None, None)
    );
    assert_eq!(limit.cgroup_version, Some(1));
    assert_eq!(
        limit.max_events_total,
        Some(7),
        "failcnt, as the v1 file shows"
    );
    assert_eq!(limit.oom_kill_events_total, None);

    let both = Level {
        usage_pages: build::LIMIT_PAGES,
        ..memsw
    };
    let event = with_levels(own, v1, both, unlimited(50));
    let limit = event.limit.expect("both are");
    assert_eq!(limit.counter, Some(LimitedCounter::Memory));

    let event = with_levels(own, 0, memsw, unlimited(50));
    assert_eq!(hit(&event), None, "swap alone kills nobody");
}

/// A kill of which the kernel's own arguments were seen.
fn control(oc_memcg_id: u64, constraint: u32, order: i32) -> Kill {
    let plain = build::kill(1, MARK, 7);
    Kill {
        valid: plain.valid | kill_valid::OOM_CONTROL,
        oc_memcg_id,
        constraint,
        order,
        totalpages: 65_536,
        gfp_mask: 3264,
        ..plain
    }
}

#[test]
fn the_kernels_own_word_comes_first() {
    let (a, p) = (locked(build::level(100)), build::free_level(50));
    let event = with_levels(control(50, 3, 0), 0, a, p);
    assert_eq!(hit(&event), Some(("/p", Basis::Kernel)));
    let limit = event.limit.as_ref().expect("there is one");
    assert_eq!(
        limit.counter, None,
        "none of its counters is at a limit any more"
    );
    assert_eq!(reason(&event, "limit.counter"), Some("not_determined"));
    assert_eq!(event.incident.constraint, Some(Constraint::Memcg));
    assert_eq!(
        event.incident.total_pages.map(|pages| pages.0),
        Some(65_536)
    );
    assert_eq!(event.incident.cause, Some(Cause::Allocation));
    let trigger = event.trigger.as_ref().expect("there is one");
    assert_eq!((trigger.gfp_mask, trigger.order), (Some(3264), Some(0)));

    let event = with_levels(control(0, 0, -1), 0, a, p);
    assert_eq!(
        (event.incident.scope, event.limit),
        (Some(Scope::Global), None)
    );
    assert_eq!(event.incident.scope_basis, Some(Basis::Kernel));
    assert_eq!(event.incident.constraint, Some(Constraint::None));
    assert_eq!(event.incident.cause, Some(Cause::Sysrq));

    let event = with_levels(control(999, 77, 0), 0, a, p);
    let limit = event.limit.as_ref().expect("known by its id alone");
    assert_eq!(
        (limit.cgroup_id, limit.basis),
        (Some(999), Some(Basis::Kernel))
    );
    assert_eq!((&limit.cgroup_path, limit.usage_bytes), (&None, None));
    assert_eq!(reason(&event, "limit.cgroup_path"), Some("not_in_chain"));
    assert_eq!(reason(&event, "incident.constraint"), Some("out_of_range"));
}

#[test]
fn without_the_triggers_cgroup_nothing_is_claimed() {
    let plain = build::kill(1, MARK, 7);
    let unread = Kill {
        valid: plain.valid & !kill_valid::TRIGGER_MEMCG,
        ..plain
    };
    let event = with_levels(unread, 0, build::level(100), unlimited(50));
    assert_eq!(
        hit(&event),
        Some(("/p/a", Basis::Counters)),
        "the victim is the trigger"
    );
    let other = Kill {
        trigger_tgid: 8,
        ..unread
    };
    let event = with_levels(other, 0, build::level(100), unlimited(50));
    assert_eq!(reason(&event, "limit"), Some("trigger_cgroup_unknown"));
}
