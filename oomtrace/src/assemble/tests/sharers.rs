//! Processes that were killed because they used a victim's memory.

use oomtrace_common::record::Kill;

use super::*;
use crate::model::KillKind;

#[test]
fn a_sharer_belongs_to_the_victims_incident() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 7));
    bench.kill(&build::shared_kill(1, MARK, 77));
    let kills = bench.kills();
    assert_eq!(kills.len(), 2);
    let (chosen, sharer) = (kills[0], kills[1]);
    assert_eq!(sharer.incident.id, chosen.incident.id);
    assert_eq!(sharer.incident.kill_kind, Some(KillKind::SharedMm));
    assert_eq!(sharer.incident.kill_index, 1);
    assert_eq!(sharer.victim.shares_memory_with_pid, Some(7));
    assert_eq!(
        (sharer.victim.pid, sharer.victim.comm.as_deref()),
        (Some(77), Some("vforked"))
    );
    assert_eq!(
        (&sharer.victim.memory, sharer.victim.badness_pages),
        (&None, None)
    );
    assert_eq!(
        reason(sharer, "victim.memory"),
        None,
        "it has none of its own"
    );
    assert_eq!(
        sharer.victim.cmdline, chosen.victim.cmdline,
        "that of the shared memory"
    );
    assert_eq!(sharer.trigger, chosen.trigger);
    assert_eq!(sharer.limit, chosen.limit);
    assert_eq!(sharer.hierarchy, chosen.hierarchy);
    assert_eq!(
        sharer.header.event_id.as_deref(),
        Some("5f1c9a2e:1000000:77")
    );
    assert_eq!(bench.requests().len(), 1);
    // The kernel does not count it.
    assert_eq!(bench.assembler.observed().kills, 1);
}

#[test]
fn a_sharer_waits_for_its_victim_but_not_for_ever() {
    let mut bench = Fixture::new(host());
    bench.kill(&build::shared_kill(1, MARK, 77));
    assert!(bench.out.is_empty());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 7));
    assert_eq!(bench.kills().len(), 2);

    let mut bench = Fixture::new(host());
    bench.kill(&build::shared_kill(1, MARK, 77));
    bench.tick(MARK + 50_000_000);
    let event = bench.event();
    assert_eq!(event.incident.kill_kind, Some(KillKind::SharedMm));
    for field in [
        "trigger",
        "limit",
        "hierarchy",
        "victim.shares_memory_with_pid",
    ] {
        assert_eq!(reason(event, field), Some("not_received"), "{field}");
    }
}

#[test]
fn a_sharer_in_another_cgroup_keeps_to_what_is_known() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 7));
    bench.kill(&Kill {
        victim_memcg_id: 50,
        ..build::shared_kill(1, MARK, 77)
    });
    bench.kill(&Kill {
        victim_memcg_id: 999,
        ..build::shared_kill(1, MARK, 78)
    });
    let kills = bench.kills();
    assert_eq!(
        kills[1].victim.cgroup_path.as_deref(),
        Some("/docker"),
        "an ancestor"
    );
    assert_eq!(kills[1].hierarchy.len(), 2);
    assert_eq!(kills[2].victim.cgroup_path, None);
    assert_eq!(reason(kills[2], "victim.cgroup_path"), Some("not_in_chain"));
    assert_eq!(
        (kills[1].incident.kill_index, kills[2].incident.kill_index),
        (1, 2)
    );
}

#[test]
fn the_same_sharer_twice_is_one() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 7));
    bench.kill(&build::shared_kill(1, MARK, 77));
    bench.kill(&build::shared_kill(1, MARK, 77));
    assert_eq!(bench.kills().len(), 2);
    assert_eq!(bench.assembler.unused().duplicates, 1);
}
