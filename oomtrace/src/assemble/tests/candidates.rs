//! The tasks that an invocation looked at.

use oomtrace_common::record::{self, Kill, Level, candidate_valid, level_flags};

use super::*;
use crate::assemble::candidates::{INVOCATIONS_MAX, KEPT_MAX, SHOWN_MAX};
use crate::model;

/// The victim.
const KILL: u32 = 7;

fn seen(scored: u32) -> Kill {
    build::seen_kill(build::kill(1, MARK, KILL), 3, scored)
}

fn task(tgid: u32, adj: i16, pages: u64) -> record::Candidate {
    build::candidate(3, tgid, adj, pages)
}

fn put(bench: &mut Fixture, kill: &Kill) {
    let (sequence, boot_ns) = (kill.header.sequence, kill.header.boot_ns);
    bench.kill(kill).bytes(&docker(sequence, boot_ns));
    bench.bytes(&cmdline(sequence, kill.victim_tgid));
}

fn of(tasks: &[record::Candidate]) -> OomKill {
    let mut bench = Fixture::new(host());
    for task in tasks {
        bench.candidate(task);
    }
    put(&mut bench, &seen(u32::try_from(tasks.len()).expect("few")));
    bench.event().clone()
}

fn pids(event: &OomKill) -> Vec<u32> {
    event.candidates.iter().map(|one| one.pid).collect()
}

#[test]
fn a_candidate_keeps_every_field() {
    let event = of(&[record::Candidate {
        file_pages: 2,
        shmem_pages: 3,
        swap_entries_pages: 4,
        pgtables_bytes: 5 * 4096 + 4095,
        comm: build::comm(b"a\xff"),
        ..task(9, -500, 1_000)
    }]);
    let expected = model::Candidate {
        pid: 9,
        comm: Some("a\u{fffd}".into()),
        comm_hex: Some("61ff".into()),
        uid: Some(1_000),
        rss_bytes: Some(Bytes(1_005 * 4096)),
        rss_pages: Some(model::Pages(1_005)),
        swap_bytes: Some(Bytes(4 * 4096)),
        pgtables_bytes: Some(Bytes(5 * 4096 + 4095)),
        // 65 is a thousandth of totalpages, rounded down before it is multiplied.
        badness_pages: Some(1_005 + 4 + 5 - 500 * 65),
        oom_score_adj: Some(-500),
        ..model::Candidate::default()
    };
    assert_eq!(event.candidates, [expected]);
    assert_eq!(event.candidates_total, Some(1));
    assert_eq!(reason(&event, "candidates"), None);
}

#[test]
fn the_worst_come_first_and_protected_ones_last() {
    let event = of(&[
        task(1, 0, 900),
        // 10 * 65 makes up for the pages that it lacks.
        task(2, 10, 400),
        task(3, -1_000, 1_000_000),
        task(4, 0, 1_000),
        task(5, -10, 1_100),
    ]);
    assert_eq!(pids(&event), [2, 4, 1, 5, 3]);
    let badness: Vec<_> = event
        .candidates
        .iter()
        .map(|one| one.badness_pages)
        .collect();
    assert_eq!(
        badness,
        [Some(1_050), Some(1_000), Some(900), Some(450), None]
    );
    assert_eq!(event.candidates[4].oom_score_adj, Some(-1_000));
    assert_eq!(event.candidates_total, Some(5));
}

#[test]
fn of_equals_the_victim_comes_first() {
    let event = of(&[task(5, 0, 100), task(KILL, 0, 100), task(6, 0, 100)]);
    assert_eq!(pids(&event), [KILL, 5, 6]);
}

#[test]
fn a_process_that_is_looked_at_twice_is_listed_once() {
    for tasks in [
        [task(5, 0, 100), task(5, 0, 120), task(6, 0, 110)],
        [task(5, 0, 120), task(6, 0, 110), task(5, 0, 100)],
    ] {
        let event = of(&tasks);
        assert_eq!(pids(&event), [5, 6]);
        assert_eq!(event.candidates[0].badness_pages, Some(120));
        assert_eq!(event.candidates_total, Some(3), "as the kernel counts");
        assert_eq!(reason(&event, "candidates"), None);
    }
}

#[test]
fn what_was_not_read_is_absent_and_last() {
    let unread = record::Candidate {
        valid: candidate_valid::COMM | candidate_valid::ADJ,
        ..task(5, 0, 100)
    };
    let event = of(&[unread, task(6, -900, 1)]);
    assert_eq!(pids(&event), [6, 5]);
    let last = &event.candidates[1];
    assert_eq!((last.rss_bytes, last.badness_pages), (None, None));
    assert_eq!((last.swap_bytes, last.uid), (None, None));
}

#[test]
fn the_worst_are_kept_whatever_totalpages_is() {
    // With the largest resident sets alone, those with an adjustment would not be kept.
    let mut tasks: Vec<_> = (0..5_000_u32)
        .map(|tgid| task(10_000 + tgid, 0, 10_000 + u64::from(tgid)))
        .collect();
    tasks.extend((0..150_u32).map(|tgid| task(1_000 + tgid, 900, 100 + u64::from(tgid))));
    for totalpages in [build::LIMIT_PAGES, 2_000] {
        let mut bench = Fixture::new(host());
        for task in &tasks {
            bench.candidate(task);
        }
        put(
            &mut bench,
            &Kill {
                totalpages,
                ..seen(5_150)
            },
        );
        let event = bench.event();
        assert_eq!(event.candidates.len(), SHOWN_MAX);
        assert_eq!(event.candidates_total, Some(5_150));
        assert_eq!(reason(event, "candidates"), None);
        let adjustment = |adj: i64| adj * i64::try_from(totalpages / 1_000).expect("small");
        let mut expected: Vec<i64> = (0..5_000)
            .map(|nth| 10_000 + nth)
            .chain((0..150).map(|nth| 100 + nth + adjustment(900)))
            .collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        expected.truncate(SHOWN_MAX);
        let badness: Vec<_> = event
            .candidates
            .iter()
            .filter_map(|one| one.badness_pages)
            .collect();
        assert_eq!(badness, expected);
    }
}

#[test]
fn a_kill_waits_for_its_candidates_but_not_for_ever() {
    let mut bench = Fixture::new(host());
    bench.candidate(&task(5, 0, 100));
    put(&mut bench, &seen(2));
    assert_eq!(bench.requests().len(), 1, "user space looks at once");
    assert!(bench.kills().is_empty());
    bench.candidate(&task(6, 0, 110));
    assert_eq!(pids(bench.event()), [6, 5]);
    bench.candidate(&task(8, 0, 120));
    assert_eq!(bench.assembler.unused().late, 1);

    let mut bench = Fixture::new(host());
    bench.candidate(&task(5, 0, 100));
    put(&mut bench, &seen(2));
    bench.tick(MARK + 50_000_000);
    let event = bench.event();
    assert_eq!((pids(event), event.candidates_total), (vec![5], Some(2)));
    assert_eq!(reason(event, "candidates"), Some("candidates_lost"));
}

#[test]
fn a_duplicate_record_does_not_replace_a_lost_one() {
    let mut bench = Fixture::new(host());
    bench
        .candidate(&task(5, 0, 100))
        .candidate(&task(5, 0, 100));
    put(&mut bench, &seen(2));
    assert!(bench.kills().is_empty());
    assert_eq!(bench.assembler.unused().duplicates, 1);
    bench.tick(MARK + 50_000_000);
    assert_eq!(reason(bench.event(), "candidates"), Some("candidates_lost"));
}

#[test]
fn a_late_tick_forgets_nothing_that_is_waited_for() {
    let mut bench = Fixture::new(host());
    bench.candidate(&task(5, 0, 100));
    put(&mut bench, &seen(2));
    bench.tick(MARK + 60_000_000_000);
    assert_eq!(pids(bench.event()), [5]);
}

#[test]
fn candidates_stand_in_the_first_kill_of_an_incident() {
    let mut bench = Fixture::new(host());
    bench.candidate(&task(KILL, 0, 100));
    for sequence in [2, 1] {
        let boot_ns = MARK + u64::from(sequence);
        let kill = build::seen_kill(build::kill(sequence, boot_ns, KILL + sequence), 3, 1);
        let own = Level {
            flags: level_flags::OOM_GROUP,
            ..build::level(100)
        };
        let levels = [(own, &b"a"[..]), (build::root(), b"")];
        bench
            .kill(&kill)
            .bytes(&build::chain(sequence, boot_ns, 0, 0, &levels));
        bench.bytes(&cmdline(sequence, KILL + sequence));
    }
    bench.kill(&build::shared_kill(1, MARK, 77));
    let kills = bench.kills();
    assert_eq!(kills.len(), 3);
    assert_eq!(
        (pids(kills[0]), kills[0].candidates_total),
        (vec![KILL], Some(1))
    );
    for other in &kills[1..] {
        assert_eq!((pids(other), other.candidates_total), (vec![], None));
        assert_eq!(reason(other, "candidates"), None, "they stand elsewhere");
    }
}

#[test]
fn where_nothing_was_scored_the_reason_is_told() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(0));
    let event = bench.event();
    assert_eq!(event.candidates_total, None);
    assert_eq!(reason(event, "candidates"), Some("nothing_scored"));
}

#[test]
fn invocations_without_kills_evict_no_candidates() {
    let mut bench = Fixture::new(host());
    put(&mut bench, &seen(2));
    bench.candidate(&task(9, 0, 1));
    for invocation in 4..500 {
        bench.candidate(&build::candidate(invocation, 9, 0, 1));
    }
    bench.candidate(&task(KILL, 0, 2));
    let event = bench.event();
    assert_eq!(pids(event), [KILL, 9]);
    assert_eq!(reason(event, "candidates"), None);
}

#[test]
fn what_is_kept_without_a_kill_is_bounded() {
    let mut bench = Fixture::new(host());
    for invocation in 1..1_000 {
        for tgid in 1..50 {
            bench.candidate(&build::candidate(invocation, tgid, 0, 1));
        }
    }
    assert!(bench.assembler.candidates.invocations() <= INVOCATIONS_MAX);
    // No two of the same adjustment: none can be given up for another.
    for tgid in 1..60_000_u32 {
        let adj = i16::try_from(tgid % 2_000).expect("small") - 999;
        bench.candidate(&build::candidate(2_000, tgid, adj, u64::from(tgid)));
    }
    assert!(bench.assembler.candidates.kept() <= KEPT_MAX);
    put(
        &mut bench,
        &build::seen_kill(build::kill(1, MARK, KILL), 2_000, 59_999),
    );
    assert_eq!(reason(bench.event(), "candidates"), Some("candidates_lost"));
    assert_eq!(bench.event().candidates.len(), SHOWN_MAX);
    bench.tick(MARK + 2_000_000_000);
    assert_eq!(bench.assembler.candidates.invocations(), 0);
    assert_eq!(bench.assembler.candidates.kept(), 0);
}

#[test]
fn what_was_pushed_out_is_told_to_be_lost() {
    let mut bench = Fixture::new(host());
    bench.candidate(&task(5, 0, 100));
    for invocation in 10..100 {
        bench.candidate(&build::candidate(invocation, 5, 0, 1));
    }
    put(&mut bench, &seen(1));
    bench.tick(MARK + 50_000_000);
    assert_eq!(reason(bench.event(), "candidates"), Some("candidates_lost"));
    assert_eq!(bench.event().candidates_total, Some(1));
}
