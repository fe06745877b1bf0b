//! The sentences of all events.

use super::other::{message_for_gap, message_for_userspace_kill};
use super::*;
use crate::model::fixture::{bare, captured, header};
use crate::model::*;

const MIB: u64 = 1 << 20;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib * MIB))
}

fn text_of(change: impl FnOnce(&mut OomKill)) -> String {
    let mut event = captured();
    change(&mut event);
    diagnose(&mut event);
    event.header.message
}

#[test]
fn messages_say_only_what_is_known() {
    let victim_only = |change: fn(&mut OomKill)| {
        let mut event = bare();
        change(&mut event);
        diagnose(&mut event);
        event.header.message
    };
    assert_eq!(
        victim_only(|_| {}),
        "a process was killed by the OOM killer"
    );
    assert_eq!(
        victim_only(|e| {
            e.victim.pid = Some(7);
            e.incident.scope = Some(Scope::Memcg);
        }),
        "process 7 was killed: a memory cgroup reached its limit"
    );
    assert_eq!(
        victim_only(|e| {
            e.victim.comm = Some("x".to_owned());
            e.victim.cgroup_path = Some("/a/b".to_owned());
        }),
        "x of cgroup /a/b was killed by the OOM killer"
    );
    assert_eq!(
        text_of(|e| {
            let limit = e.limit.as_mut().unwrap();
            limit.limit_bytes = None;
            limit.usage_bytes = None;
            limit.usage = None;
            e.runtime = None;
        }),
        "java (pid 10831) was killed: container web reached its limit; java held 254.5 MiB of \
         anonymous memory"
    );
    assert_eq!(
        text_of(|e| {
            e.victim.memory = None;
            e.runtime = None;
            e.owner = None;
        }),
        "java (pid 10831) was killed: container 8e24aabbccdd reached its 256 MiB limit; 254.7 MiB \
         of it was anonymous memory"
    );
}

#[test]
fn messages_of_other_limits() {
    assert_eq!(
        text_of(|e| {
            e.limit.as_mut().unwrap().counter = Some(LimitedCounter::Memsw);
            e.runtime = None;
        }),
        "java (pid 10831) was killed: container web reached its 256 MiB limit of memory and swap \
         together; 254.5 MiB of it was java's anonymous memory"
    );
    assert_eq!(
        text_of(|e| {
            let limit = e.limit.as_mut().unwrap();
            limit.cgroup_path = Some("/docker".to_owned());
            limit.cgroup_id = Some(12);
            e.runtime = None;
            let trigger = e.trigger.as_mut().unwrap();
            trigger.pid = Some(77);
            trigger.comm = Some("stress".to_owned());
        }),
        "java (pid 10831) of container web was killed: cgroup /docker above it reached its \
         256 MiB limit; 254.5 MiB of it was java's anonymous memory; stress (pid 77) asked for the \
         memory"
    );
    assert_eq!(
        text_of(|e| {
            e.incident.cause = Some(Cause::LimitWrite);
            e.limit.as_mut().unwrap().limit_bytes = mib(2);
            e.trigger.as_mut().unwrap().pid = Some(1);
            e.trigger.as_mut().unwrap().comm = Some("systemd".to_owned());
            e.runtime = None;
        }),
        "java (pid 10831) was killed: the limit of container web was set to 2 MiB, below the \
         256 MiB in use; 254.5 MiB of it was java's anonymous memory; systemd (pid 1) set it"
    );
    assert_eq!(
        text_of(|e| {
            e.incident.cause = None;
            e.limit.as_mut().unwrap().limit_bytes = mib(2);
            e.trigger.as_mut().unwrap().pid = Some(1);
            e.runtime = None;
        }),
        "java (pid 10831) was killed: container web had a limit of 2 MiB, below the 256 MiB in \
         use; 254.5 MiB of it was java's anonymous memory; java (pid 1) invoked the OOM killer"
    );
    assert_eq!(
        text_of(|e| {
            e.limit = None;
            e.runtime = None;
            e.incident.scope = Some(Scope::Global);
        }),
        "java (pid 10831) of container web was killed: the node ran out of memory; java held \
         254.5 MiB of anonymous memory"
    );
    assert_eq!(
        text_of(|e| {
            let memory = e.victim.memory.as_mut().unwrap();
            memory.anon_bytes = mib(20);
            let usage = e.limit.as_mut().unwrap().usage.as_mut().unwrap();
            usage.anon_bytes = mib(30);
            usage.shmem_bytes = mib(220);
            e.runtime = None;
        }),
        "java (pid 10831) was killed: container web reached its 256 MiB limit; 220 MiB of it was \
         shared memory or tmpfs, java held 20 MiB of anonymous memory"
    );
}

#[test]
fn messages_of_other_kills() {
    assert_eq!(
        text_of(|e| {
            e.incident.kill_kind = Some(KillKind::Group);
            e.incident.group_cgroup_path = Some("/a".to_owned());
            e.runtime = None;
        }),
        "java (pid 10831) was killed with all of cgroup /a (memory.oom.group): container web \
         reached its 256 MiB limit; 254.5 MiB of it was java's anonymous memory"
    );
    assert_eq!(
        text_of(|e| {
            e.incident.kill_kind = Some(KillKind::SharedMm);
            e.victim.shares_memory_with_pid = Some(12);
        }),
        "java (pid 10831) was killed: it shares its memory with process 12, which was chosen"
    );
    assert_eq!(
        text_of(|e| {
            e.incident.cause = Some(Cause::Sysrq);
            e.limit = None;
            e.runtime = None;
            e.trigger.as_mut().unwrap().pid = Some(3);
        }),
        "java (pid 10831) of container web was killed: sysrq-f asked for a kill; java held \
         254.5 MiB of anonymous memory"
    );
}

#[test]
fn other_events() {
    let plain = || OomOutcome {
        header: header(EventKind::OomOutcome),
        incident: crate::model::IncidentId::default(),
        kill_event_id: None,
        pid: 7,
        comm: Some("java".to_owned()),
        comm_hex: None,
        state: OutcomeState::Exited,
        exit_latency_us: None,
        exit_signal: None,
        alive_after_us: None,
        reaper: None,
        cmdline: None,
    };
    let outcome = |latency: Option<u64>, signal| {
        message(&Event::OomOutcome(Box::new(OomOutcome {
            exit_latency_us: latency,
            exit_signal: signal,
            ..plain()
        })))
    };
    let alive = |reaper| {
        message(&Event::OomOutcome(Box::new(OomOutcome {
            state: OutcomeState::StillAlive,
            alive_after_us: Some(10_000_100),
            reaper,
            ..plain()
        })))
    };
    assert_eq!(
        alive(None),
        "java (pid 7) is still alive 10.0 s after it was killed"
    );
    assert_eq!(
        alive(Some(Reaper {
            state: ReaperState::Finished,
            freed_bytes: Some(Bytes(32 << 20)),
            ..Reaper::default()
        })),
        "java (pid 7) is still alive 10.0 s after it was killed; the kernel's reaper had taken \
         32 MiB of it"
    );
    assert_eq!(
        outcome(Some(12_345), Some(9)),
        "java (pid 7) was gone 12.3 ms after it was killed"
    );
    assert_eq!(
        outcome(Some(310), Some(11)),
        "java (pid 7) was gone 310 µs after it was killed; it ended by signal 11"
    );
    assert_eq!(outcome(None, None), "java (pid 7) is gone");

    let gap = |min, max, reason: GapReason| {
        message_for_gap(&Gap::of(header(EventKind::Gap), reason, (min, max)))
    };
    assert_eq!(
        gap(1, 1, GapReason::Unknown),
        "1 kill was missed, it is not known why"
    );
    assert_eq!(
        gap(2, 3, GapReason::Unrecognized),
        "2 to 3 kills were missed"
    );

    let none = no_victim::message(&OomNoVictim {
        trigger: Some(Trigger {
            pid: Some(3),
            comm: Some("sh".to_owned()),
            ..Trigger::default()
        }),
        limit: Some(LimitHit {
            cgroup_path: Some("/a".to_owned()),
            limit_bytes: mib(8),
            ..LimitHit::default()
        }),
        ..OomNoVictim::new(header(EventKind::OomNoVictim))
    });
    assert_eq!(
        none,
        "cgroup /a reached its 8 MiB limit, but there was nothing to kill; sh (pid 3) asked for \
         the memory"
    );

    let by_user_space = |pid, path: Option<&str>| {
        message_for_userspace_kill(&UserspaceOomKill {
            header: header(EventKind::UserspaceOomKill),
            killer: "systemd-oomd".to_owned(),
            pid,
            comm: None,
            cgroup_path: path.map(str::to_owned),
            reason: None,
        })
    };
    assert_eq!(
        by_user_space(None, Some("/a")),
        "systemd-oomd killed cgroup /a"
    );
    assert_eq!(
        by_user_space(Some(7), Some("/a")),
        "systemd-oomd killed process 7 in cgroup /a"
    );
    assert_eq!(by_user_space(None, None), "systemd-oomd killed a process");

    let gap = Gap::of(header(EventKind::Gap), GapReason::RingFull, (1, 1));
    let mut event = Event::Gap(Box::new(gap));
    explain(&mut event);
    assert_eq!(event.header().message, message(&event));
}

#[test]
fn memory_of_the_dying_still_filled_the_limit() {
    let mut kill = captured();
    // More was mapped than is charged here, and the statistics have lost most of it already.
    let usage = Usage {
        anon_bytes: Some(Bytes(2 << 20)),
        being_freed_bytes: Some(Bytes(250 << 20)),
        ..Usage::default()
    };
    kill.limit.as_mut().unwrap().usage = Some(usage);
    let memory = kill.victim.memory.as_mut().unwrap();
    memory.anon_bytes = Some(Bytes(257 << 20));
    memory.shmem_bytes = Some(Bytes(0));
    memory.pgtables_bytes = Some(Bytes(1 << 20));
    let said = super::message::filled(&kill).unwrap();
    assert_eq!(
        said,
        "251 MiB of it was anonymous memory, java held 257 MiB of anonymous memory"
    );
    kill.victim.memory.as_mut().unwrap().shmem_bytes = Some(Bytes(8 << 20));
    let said = super::message::filled(&kill).unwrap();
    assert_eq!(said, "java held 257 MiB of anonymous memory");
}

#[test]
fn a_gap_beside_an_event_has_an_id_of_its_own() {
    let neighbour = header(EventKind::OomKill);
    let gap = |nth| Gap::beside(&neighbour, GapReason::OutputFailed, (1, 2), nth).header;
    assert_eq!(gap(1).event, EventKind::Gap);
    assert!(
        gap(1)
            .event_id
            .is_some_and(|id| id.contains("output_failed"))
    );
    assert_ne!(gap(1).event_id, neighbour.event_id);
    assert_ne!(gap(1).event_id, gap(2).event_id);
}
