//! Each record kind, field by field, and what is refused.

use oomtrace_common::record::{self, KIND_SHARED_KILL, context_valid, kill_flags, kill_valid};
use zerocopy::IntoBytes;

use super::kill::KillVictim;
use super::{testing as build, *};
use crate::model::{Bytes, Pages};

const PAGE: PageSize = PageSize(4096);

fn kill(raw: &record::Kill) -> Kill {
    match decode(raw.as_bytes(), PAGE).expect("a whole record") {
        Record::Kill(kill) | Record::SharedKill(kill) => kill,
        other => panic!("not a kill: {other:?}"),
    }
}

#[test]
fn a_kill_keeps_every_field() {
    let raw = record::Kill {
        valid: u32::MAX,
        flags: kill_flags::BY_STACK | kill_flags::TRIGGER_CHAIN,
        oc_memcg_id: 77,
        gfp_mask: 3264,
        order: -1,
        constraint: 3,
        totalpages: 123,
        chosen_points: 70_289,
        oom_score_adj: -17,
        oom_sequence: 6,
        scored: 40,
        repeats: 2,
        ..build::kill(9, 555, 42)
    };
    let kill = kill(&raw);
    assert_eq!(
        (kill.meta.sequence, kill.meta.boot_ns, kill.meta.cpu),
        (9, 555, 1)
    );
    assert!(kill.has(kill_flags::BY_STACK) && !kill.has(kill_flags::CHAIN_LOST));
    assert_eq!(kill.trigger.tgid, Some(42));
    assert_eq!(kill.trigger.tid, Some(61));
    assert_eq!(kill.trigger.comm.as_deref(), Some(&b"java"[..]));
    assert_eq!(kill.trigger.uid, Some(0));
    assert_eq!(kill.trigger.memcg_id, Some(100));
    let victim = kill.victim;
    assert_eq!(
        (victim.tgid, victim.tid, victim.ns_pid),
        (Some(42), Some(42), Some(1))
    );
    assert_eq!(victim.comm.as_deref(), Some(&b"java"[..]));
    assert_eq!(victim.uid, Some(0));
    let parent = victim.parent.expect("the parent is valid");
    assert_eq!(
        (parent.tgid, &*parent.comm),
        (10_810, &b"containerd-shim"[..])
    );
    assert_eq!(victim.start_boot_ns, Some(1_000_000_000));
    assert_eq!(
        (victim.threads, victim.oom_score_adj),
        (Some(23), Some(-17))
    );
    assert_eq!(victim.memcg_id, Some(100));
    let rss = victim.rss.expect("rss is valid");
    assert_eq!(
        (rss.anon, rss.file, rss.shmem),
        (Pages(65_152), Pages(4_954), Pages(0))
    );
    assert_eq!(victim.swap, Some(Pages(0)));
    assert_eq!(victim.pgtables, Some(Bytes(749_568)));
    assert_eq!(victim.total_vm, Some(Bytes(2_841_165_824)));
    assert_eq!(
        kill.oom_control,
        Some(OomControl {
            gfp_mask: 3264,
            order: -1,
            constraint: 3,
            totalpages: Pages(123),
            memcg_id: Some(77),
        })
    );
    assert_eq!(kill.chosen_points, Some(70_289));
    assert_eq!(
        (kill.oom_sequence, kill.scored, kill.repeats),
        (Some(6), Some(40), 2)
    );
}

#[test]
fn candidates_need_counted_invocations() {
    let raw = record::Kill {
        scored: 3,
        ..build::kill(1, 1, 42)
    };
    assert_eq!((kill(&raw).oom_sequence, kill(&raw).scored), (None, None));
    let raw = record::Kill {
        oom_sequence: 1,
        ..build::kill(1, 1, 42)
    };
    assert_eq!(kill(&raw).scored, Some(0));
}

#[test]
fn a_candidate_keeps_every_field() {
    let raw = record::Candidate {
        anon_pages: 5,
        file_pages: 6,
        shmem_pages: 7,
        swap_entries_pages: 8,
        pgtables_bytes: 9_000,
        ..build::candidate(3, 42, -998, 0)
    };
    let whole = Candidate {
        meta: Meta {
            boot_ns: 1_000,
            cpu: 1,
            sequence: 3,
        },
        tgid: Some(42),
        comm: Some(b"task".to_vec()),
        uid: Some(1_000),
        oom_score_adj: Some(-998),
        rss: Some(KillRss {
            anon: Pages(5),
            file: Pages(6),
            shmem: Pages(7),
        }),
        swap: Some(Pages(8)),
        pgtables: Some(Bytes(9_000)),
    };
    let meta = whole.meta;
    assert_eq!(
        decode(raw.as_bytes(), PAGE),
        Ok(Record::Candidate(whole.clone()))
    );
    let unread = record::Candidate {
        valid: 0,
        tgid: 0,
        ..raw
    };
    let empty = Candidate {
        meta,
        ..Candidate::default()
    };
    assert_eq!(
        decode(unread.as_bytes(), PAGE),
        Ok(Record::Candidate(empty))
    );
    let negative = record::Candidate {
        anon_pages: u64::MAX,
        ..raw
    };
    let Ok(Record::Candidate(candidate)) = decode(negative.as_bytes(), PAGE) else {
        panic!("a whole record");
    };
    assert_eq!(candidate.rss.expect("valid").anon, Pages(0));
}

#[test]
fn no_victim_records_have_the_layout_of_a_kill() {
    let raw = record::Kill {
        repeats: 12,
        ..build::no_victim(7, 99, 5, 30)
    };
    let Ok(Record::NoVictim(none)) = decode(raw.as_bytes(), PAGE) else {
        panic!("a whole record");
    };
    assert_eq!((none.meta.sequence, none.meta.boot_ns), (7, 99));
    assert_eq!((none.scored, none.repeats), (Some(30), 12));
    assert_eq!(none.trigger.tid, Some(61));
    assert_eq!(none.victim, KillVictim::default());
    assert_eq!(none.oom_control.expect("valid").memcg_id, Some(100));
}

#[test]
fn what_was_not_read_is_absent() {
    let raw = record::Kill {
        valid: 0,
        trigger_tgid: 0,
        trigger_tid: 0,
        victim_tgid: 0,
        victim_tid: 0,
        ..build::kill(1, 1, 42)
    };
    let empty = Kill {
        meta: Meta {
            boot_ns: 1,
            cpu: 1,
            sequence: 1,
        },
        ..Kill::default()
    };
    assert_eq!(kill(&raw), empty);
}

#[test]
fn a_global_oom_has_an_oom_control_without_memcg() {
    let raw = record::Kill {
        valid: kill_valid::OOM_CONTROL,
        ..build::kill(1, 1, 42)
    };
    assert_eq!(kill(&raw).oom_control.expect("valid").memcg_id, None);
}

#[test]
fn negative_counters_are_zero() {
    let raw = record::Kill {
        file_pages: (-3_i64).cast_unsigned(),
        swap_entries_pages: (-1_i64).cast_unsigned(),
        pgtables_bytes: u64::MAX,
        ..build::kill(1, 1, 42)
    };
    let victim = kill(&raw).victim;
    assert_eq!(victim.rss.expect("valid").file, Pages(0));
    assert_eq!(victim.swap, Some(Pages(0)));
    assert_eq!(victim.pgtables, Some(Bytes(0)));
}

#[test]
fn names_end_at_the_first_nul_and_keep_their_bytes() {
    let mut full = *b"0123456789abcdef";
    let raw = record::Kill {
        victim_comm: full,
        ..build::kill(1, 1, 42)
    };
    assert_eq!(kill(&raw).victim.comm.as_deref(), Some(&full[..]));
    full = *b"\xff\n\x1b[2J\0leftover!";
    let raw = record::Kill {
        victim_comm: full,
        ..build::kill(1, 1, 42)
    };
    assert_eq!(
        kill(&raw).victim.comm.as_deref(),
        Some(&b"\xff\n\x1b[2J"[..])
    );
}

#[test]
fn the_tracepoint_alone_gives_a_name_without_a_group() {
    let raw = record::Kill {
        valid: 0,
        flags: kill_flags::TRACEPOINT_ONLY,
        victim_tgid: 0,
        ..build::kill(1, 1, 42)
    };
    let victim = kill(&raw).victim;
    assert_eq!((victim.tgid, victim.tid), (None, Some(42)));
    assert_eq!(victim.comm.as_deref(), Some(&b"java"[..]));
}

#[test]
fn kinds_are_told_apart() {
    let mut raw = build::kill(1, 1, 42);
    assert!(matches!(decode(raw.as_bytes(), PAGE), Ok(Record::Kill(_))));
    raw.header.kind = KIND_SHARED_KILL;
    assert!(matches!(
        decode(raw.as_bytes(), PAGE),
        Ok(Record::SharedKill(_))
    ));
    raw.header.kind = 999;
    assert_eq!(
        decode(raw.as_bytes(), PAGE),
        Err(DecodeError::UnknownKind { kind: 999 })
    );
}

#[test]
fn versions_that_are_not_known_are_refused() {
    for version in [0, 2] {
        let mut raw = build::kill(1, 1, 42);
        raw.header.version = version;
        assert_eq!(
            decode(raw.as_bytes(), PAGE),
            Err(DecodeError::UnknownVersion { version, known: 1 })
        );
    }
}

#[test]
fn longer_records_are_accepted_not_shorter_ones() {
    let mut raw = build::kill(1, 1, 42);
    let same = kill(&raw);
    raw.header.len_bytes += 16;
    let mut longer = build::bytes(&raw);
    longer.extend_from_slice(&[0xee; 16]);
    assert_eq!(decode(&longer, PAGE), Ok(Record::Kill(same)));

    // The ring may hold more than the record: what is past its own length is not its own.
    raw.header.len_bytes = 100;
    assert_eq!(
        decode(raw.as_bytes(), PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Kill,
            need: size_of::<record::Kill>(),
            have: 100
        })
    );
    raw.header.len_bytes = 4_000_000_000;
    assert_eq!(
        decode(raw.as_bytes(), PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Header,
            need: 4_000_000_000,
            have: size_of::<record::Kill>()
        })
    );
    assert_eq!(
        decode(&[1, 0], PAGE),
        Err(DecodeError::Truncated {
            kind: Part::Header,
            need: 24,
            have: 2
        })
    );
}

#[test]
fn a_context_keeps_its_command_line() {
    let bytes = build::context(4, 8, 42, b"java\0-Xmx128m\0", 14);
    let expected = VictimContext {
        meta: Meta {
            boot_ns: 8,
            cpu: 1,
            sequence: 4,
        },
        tgid: 42,
        cmdline: Some(b"java\0-Xmx128m\0".to_vec()),
        faulted: false,
        masked_by: Vec::new(),
        cmdline_total_bytes: 14,
    };
    assert_eq!(decode(&bytes, PAGE), Ok(Record::VictimContext(expected)));

    let mut faulted = build::context(4, 8, 42, b"", 14);
    faulted[28..32].copy_from_slice(&context_valid::CMDLINE_FAULT.to_ne_bytes());
    let Ok(Record::VictimContext(context)) = decode(&faulted, PAGE) else {
        panic!("a whole record");
    };
    assert!(context.faulted && context.cmdline.is_none());

    let mut hostile = bytes;
    hostile[32..36].copy_from_slice(&u32::MAX.to_ne_bytes());
    assert!(matches!(
        decode(&hostile, PAGE),
        Err(DecodeError::Truncated {
            kind: Part::VictimContext,
            ..
        })
    ));
}

#[test]
fn an_outcome_keeps_every_field() {
    let raw = build::outcome(5, 900, 42, 100);
    assert_eq!(
        decode(raw.as_bytes(), PAGE),
        Ok(Record::Outcome(Outcome {
            meta: Meta {
                boot_ns: 900,
                cpu: 1,
                sequence: 5
            },
            marked_boot_ns: 100,
            start_boot_ns: 1_000_000_000,
            tgid: 42,
            exit_code: 9,
        }))
    );
}
