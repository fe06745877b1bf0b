//! The founding case, and the values that a kill's event takes from its records.

use oomtrace_common::record::{Kill, kill_flags, kill_valid};

use super::*;
use crate::model::{Basis, Missing, Scope};

fn founding() -> Fixture {
    let mut bench = Fixture::new(host());
    bench.kill(&build::kill(1, MARK, 10_831));
    bench.bytes(&docker(1, MARK));
    bench.bytes(&cmdline(1, 10_831));
    bench
}

#[test]
fn the_whole_event() {
    let bench = founding();
    let event = serde_json::to_value(bench.event()).expect("serializable");
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("founding.json")).expect("a JSON file");
    assert_eq!(event, expected);
}

#[test]
fn user_space_is_asked_to_look_before_the_event() {
    let bench = founding();
    assert!(matches!(
        bench.out[..],
        [Output::Opened(_), Output::Kill { sequence: 1, .. }]
    ));
    assert_eq!(
        bench.requests(),
        [&SnapshotRequest {
            sequence: 1,
            marked_boot_ns: MARK,
            victim_cgroup_path: Some(b"/docker/8e24".to_vec()),
            limit_cgroup_path: Some(b"/docker/8e24".to_vec()),
            victim_pid: Some(10_831),
            victim_start_boot_ns: Some(1_000_000_000),
            victim_ns_pid: Some(1),
            node_memory: false,
            survivors: true,
        }]
    );
}

#[test]
fn hostile_bytes_stay_readable_and_lossless() {
    let mut bench = Fixture::new(host());
    let mut kill = build::kill(1, MARK, 10_831);
    kill.victim_comm = build::comm(b"a\xff\nb");
    kill.parent_comm = build::comm(b"\xfe");
    bench.kill(&kill);
    let levels = [
        (build::level(100), &b"x\xff\x1b[2J"[..]),
        (build::root(), b""),
    ];
    bench.bytes(&build::chain(1, MARK, 0, 0, &levels));
    bench.bytes(&build::context(1, MARK, 10_831, b"a\xff\0\0b\0\0\0", 8));
    let event = bench.event();
    let victim = &event.victim;
    assert_eq!(victim.comm.as_deref(), Some("a\u{fffd}\nb"));
    assert_eq!(victim.comm_hex.as_deref(), Some("61ff0a62"));
    assert_eq!(victim.parent_comm_hex.as_deref(), Some("fe"));
    assert_eq!(victim.cgroup_path.as_deref(), Some("/x\u{fffd}\u{1b}[2J"));
    assert_eq!(victim.cgroup_path_hex.as_deref(), Some("2f78ff1b5b324a"));
    assert_eq!(
        event.hierarchy[0].cgroup_path_hex.as_deref(),
        Some("2f78ff1b5b324a")
    );
    assert_eq!(
        victim.cmdline.as_deref(),
        Some(&["a\u{fffd}".into(), String::new(), "b".into()][..])
    );
    assert_eq!(victim.cmdline_hex.as_deref(), Some("61ff000062"));
}

#[test]
fn a_cut_command_line_says_how_long_it_was() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 10_831))
        .bytes(&docker(1, MARK));
    // The cut goes through the two bytes of a letter.
    let mut line = vec![b'x'; 4095];
    line.push(0xc3);
    bench.bytes(&build::context(1, MARK, 10_831, &line, 5000));
    let victim = &bench.event().victim;
    assert_eq!(victim.cmdline_total_bytes, Some(5000));
    assert_eq!(victim.cmdline_hex, None);
    assert_eq!(
        victim.cmdline.as_ref().map(|line| line[0].len()),
        Some(4095)
    );
}

#[test]
fn an_empty_command_line_is_known_to_be_empty() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 10_831))
        .bytes(&docker(1, MARK));
    bench.bytes(&build::context(1, MARK, 10_831, b"", 0));
    assert_eq!(bench.event().victim.cmdline.as_deref(), Some(&[][..]));
    assert_eq!(reason(bench.event(), "victim.cmdline"), None);
}

#[test]
fn approximate_counters_state_their_bound() {
    let flags = kill_flags::RSS_APPROXIMATE;
    let kill = Kill {
        flags,
        ..build::kill(1, MARK, 10_831)
    };
    for (bound, shown) in [(253_952, Some(Bytes(253_952))), (0, None)] {
        let mut bench = Fixture::new(Host {
            rss_error_max_bytes: Bytes(bound),
            ..host()
        });
        bench
            .kill(&kill)
            .bytes(&docker(1, MARK))
            .bytes(&cmdline(1, 10_831));
        let event = bench.event();
        let memory = event.victim.memory.as_ref().expect("a victim has memory");
        assert_eq!(memory.rss_error_max_bytes, shown);
        let listed = reason(event, "victim.memory.rss_error_max_bytes");
        assert_eq!(listed.is_none(), shown.is_some());
    }
}

/// The OOM killer's arguments without its invocation: found on the trigger's stack.
#[test]
fn arguments_without_an_invocation() {
    let asked = |constraint: u32, memcg: u64| {
        let mut bench = Fixture::new(host());
        bench
            .kill(&Kill {
                constraint,
                oc_memcg_id: memcg,
                ..build::seen_kill(build::kill(1, MARK, 10_831), 0, 0)
            })
            .bytes(&docker(1, MARK))
            .bytes(&cmdline(1, 10_831));
        let event = bench.event();
        let basis = event.incident.scope_basis;
        assert_eq!(basis, Some(Basis::Kernel));
        assert!(event.incident.total_pages.is_some());
        assert_eq!(reason(event, "candidates"), Some("no_oom_control"));
        let scope = event.incident.scope;
        (scope, bench.requests()[0].survivors)
    };
    let (memcg, global) = (Some(Scope::Memcg), Some(Scope::Global));
    assert_eq!(asked(3, 100), (memcg, true));
    assert_eq!(asked(0, 0), (global, true));
    // Who may use the cpuset's or the policy's nodes is not known.
    assert_eq!(asked(1, 0), (global, false));
    assert_eq!(asked(2, 0), (global, false));
}

#[test]
fn badness_is_told_only_where_all_of_it_is_known() {
    let badness = |kill: &Kill| {
        let mut bench = Fixture::new(host());
        bench
            .kill(kill)
            .bytes(&docker(1, MARK))
            .bytes(&cmdline(1, 10_831));
        let event = bench.event();
        (
            event.victim.badness_pages,
            reason(event, "victim.badness_pages").map(str::to_owned),
        )
    };
    let plain = build::kill(1, MARK, 10_831);
    let adjusted = Kill {
        oom_score_adj: -500,
        ..plain
    };
    assert_eq!(badness(&adjusted), (None, Some("no_oom_control".into())));
    let with_control = Kill {
        valid: plain.valid | kill_valid::OOM_CONTROL,
        totalpages: 131_072,
        oc_memcg_id: 100,
        ..adjusted
    };
    assert_eq!(badness(&with_control), (Some(70_289 - 500 * 131), None));
    let with_points = Kill {
        valid: with_control.valid | kill_valid::POINTS,
        chosen_points: 4_711,
        ..with_control
    };
    assert_eq!(
        badness(&with_points),
        (Some(4_711), None),
        "the kernel's own word"
    );
    let nothing_scored = Kill {
        chosen_points: 0,
        ..with_points
    };
    assert_eq!(badness(&nothing_scored), (Some(70_289 - 500 * 131), None));
    let no_swap = Kill {
        valid: plain.valid & !kill_valid::SWAP,
        ..plain
    };
    assert_eq!(badness(&no_swap), (None, Some("not_read".into())));
}

#[test]
fn figures_that_cannot_be_are_absent() {
    let kill = Kill {
        total_vm_pages: u64::MAX,
        anon_pages: i64::MAX.unsigned_abs(),
        ..build::kill(1, MARK, 10_831)
    };
    let mut bench = Fixture::new(host());
    bench
        .kill(&kill)
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 10_831));
    let event = bench.event();
    let memory = event.victim.memory.as_ref().expect("a victim has memory");
    assert_eq!(
        (memory.rss_bytes, memory.anon_bytes, memory.virtual_bytes),
        (None, None, None)
    );
    assert_eq!(
        reason(event, "victim.memory.rss_bytes"),
        Some("out_of_range")
    );
    assert_eq!(
        reason(event, "victim.memory.virtual_bytes"),
        Some("out_of_range")
    );
}

#[test]
fn the_host_says_why_in_its_own_words() {
    let unavailable = |field: &str| Missing {
        field: field.into(),
        reason: Reason::NoKernelField,
        why: Some("signal_struct.oom_score_adj".into()),
    };
    let host = Host {
        unavailable: vec![
            unavailable("victim.oom_score_adj"),
            unavailable("victim.uid"),
            unavailable("limit.usage"),
            unavailable("trigger"),
        ],
        ..host()
    };
    let mut bench = Fixture::new(host);
    let plain = build::kill(1, MARK, 10_831);
    let kill = Kill {
        valid: plain.valid & !kill_valid::ADJ,
        ..plain
    };
    bench
        .kill(&kill)
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 10_831));
    let event = bench.event();
    assert_eq!(
        reason(event, "victim.oom_score_adj"),
        Some("no_kernel_field")
    );
    assert_eq!(reason(event, "victim.uid"), None, "it was there after all");
    assert_eq!(
        reason(event, "trigger.order"),
        Some("no_kernel_field"),
        "part of the trigger"
    );
    assert_eq!(
        reason(event, "limit.usage"),
        Some("no_kernel_field"),
        "not asked for here"
    );
    let told = event
        .missing
        .iter()
        .filter(|missing| missing.why.as_deref() == Some("signal_struct.oom_score_adj"));
    assert_eq!(told.count(), 1, "explained once");
}

#[test]
fn without_a_clock_there_is_no_time() {
    let mut assembler = Assembler::new(host());
    let mut out = Vec::new();
    let records = [
        build::bytes(&build::kill(1, MARK, 1)),
        docker(1, MARK),
        cmdline(1, 1),
    ];
    for record in records {
        assembler.record(decode(&record, PAGE).expect("whole"), &mut out);
    }
    let kills = kills(&out);
    let header = &kills[0].header;
    assert_eq!((&header.timestamp, &header.timestamp_basis), (&None, &None));
    assert_eq!(header.observed_timestamp, None);
    assert_eq!(header.since_boot_us, Some(1_241_551_893));
    assert_eq!(reason(kills[0], "timestamp"), Some("no_clock"));
    assert_eq!(reason(kills[0], "victim.start_timestamp"), Some("no_clock"));
}

#[test]
fn lost_records_are_those_of_the_latest_counters() {
    let mut bench = Fixture::new(host());
    bench.assembler.counters(&KernelCounters {
        lost_kills: 1,
        lost_details: 2,
        lost_candidates: 4,
        recursion_misses: 8,
        mere_marks: 16,
        ..KernelCounters::default()
    });
    bench
        .kill(&build::kill(1, MARK, 1))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 1));
    assert_eq!(bench.event().lost_records, 15);
}
