//! What became of a victim.

use oomtrace_common::record::{Kill, Outcome, kill_flags, reaping_step};

use super::*;
use crate::model::{KernelCounters, Level, OutcomeState, ReaperState};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

fn told() -> Fixture {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .bytes(&cmdline(1, 7));
    bench
}

#[test]
fn the_end_refers_to_its_kill() {
    let mut bench = told();
    bench.outcome(&build::outcome(1, MARK + 12 * MS, 7, MARK));
    let event = bench.event().clone();
    let outcomes = bench.outcomes();
    let outcome = outcomes[0];
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcome.incident.id, event.incident.id);
    assert_eq!(outcome.kill_event_id, event.header.event_id);
    assert_eq!((outcome.pid, outcome.comm.as_deref()), (7, Some("java")));
    assert_eq!(outcome.exit_latency_us, Some(12_000));
    assert_eq!(outcome.exit_signal, Some(9));
    assert_eq!(outcome.cmdline, None, "the kill's own event has it");
    assert_eq!(
        outcome.header.timestamp.as_deref(),
        Some("2026-11-23T15:25:59.563893123Z")
    );
}

#[test]
fn an_end_that_comes_early_is_told_after_its_kill() {
    let mut bench = Fixture::new(host());
    bench.outcome(&build::outcome(1, MARK + MS, 7, MARK));
    bench.kill(&build::kill(1, MARK, 7)).bytes(&docker(1, MARK));
    assert!(bench.outcomes().is_empty());
    bench.bytes(&cmdline(1, 7));
    assert!(matches!(
        bench.out[..],
        [
            Output::Opened(_),
            Output::Kill { .. },
            Output::Event(Event::OomOutcome(_))
        ]
    ));
}

/// Each tracer measures for itself when the mark was, and numbers what it saw.
#[test]
fn two_tracers_give_one_kill_the_same_ids() {
    let ids = |sequence: u32, boot_ns: u64| {
        let mut bench = Fixture::new(host());
        bench
            .kill(&build::kill(sequence, boot_ns, 7))
            .bytes(&docker(sequence, boot_ns))
            .bytes(&cmdline(sequence, 7));
        bench.outcome(&build::outcome(sequence, boot_ns + MS, 7, boot_ns));
        let event = bench.event();
        let outcome = bench.outcomes()[0];
        (
            event.header.event_id.clone().expect("a kill has an id"),
            event.incident.id.clone(),
            outcome.header.event_id.clone().expect("an end has one"),
            outcome.kill_event_id.clone(),
        )
    };
    let (kill, incident, outcome, of_kill) = ids(1, MARK);
    assert_eq!(ids(1, MARK + 3 * MS), ids(1, MARK));
    assert_eq!(kill, "5f1c9a2e:1000000:7");
    assert_eq!(of_kill.as_ref(), Some(&kill));
    assert_eq!(incident, kill, "its first kill names it");
    assert_eq!(outcome, format!("{kill}:exited"));
}

#[test]
fn a_late_command_line_stands_in_the_outcome() {
    let mut bench = Fixture::new(host());
    bench
        .kill(&build::kill(1, MARK, 7))
        .bytes(&docker(1, MARK))
        .tick(MARK + 50 * MS);
    assert_eq!(
        reason(bench.event(), "victim.cmdline"),
        Some("not_received")
    );
    bench
        .bytes(&cmdline(1, 7))
        .outcome(&build::outcome(1, MARK + 80 * MS, 7, MARK));
    let expected = ["java".to_owned(), "-Xmx128m".to_owned()];
    assert_eq!(bench.outcomes()[0].cmdline.as_deref(), Some(&expected[..]));
}

#[test]
fn an_outcome_is_emitted_once_and_for_victims_only() {
    let mut bench = told();
    let outcome = build::outcome(1, MARK + MS, 7, MARK);
    bench.outcome(&Outcome {
        start_boot_ns: 5,
        ..outcome
    });
    bench.outcome(&Outcome { tgid: 8, ..outcome });
    assert!(bench.outcomes().is_empty());
    bench.outcome(&outcome).outcome(&outcome);
    assert_eq!(bench.outcomes().len(), 1);
    assert_eq!(bench.assembler.unused().late, 3);
}

#[test]
fn a_clock_that_runs_backwards_gives_no_latency() {
    let mut bench = told();
    bench.outcome(&build::outcome(1, MARK - 1, 7, MARK));
    assert_eq!(bench.outcomes()[0].exit_latency_us, None);
}

#[test]
fn only_so_many_kills_are_remembered() {
    let mut bench = Fixture::new(host());
    for sequence in 1..=3_000 {
        bench.kill(&build::kill(sequence, MARK, sequence));
        bench
            .bytes(&docker(sequence, MARK))
            .bytes(&cmdline(sequence, sequence));
    }
    assert_eq!(bench.kills().len(), 3_000);
    bench.outcome(&build::outcome(1, MARK + MS, 1, MARK));
    assert!(bench.outcomes().is_empty(), "too long ago");
    bench.outcome(&build::outcome(2_999, MARK + MS, 2_999, MARK));
    assert_eq!(bench.outcomes().len(), 1);
}

#[test]
fn a_victim_that_does_not_exit_is_told_of_once() {
    let mut bench = told();
    assert_eq!(bench.assembler.next_deadline(), Some(MARK + 10 * S));
    bench.tick(MARK + 10 * S - 1);
    assert!(bench.outcomes().is_empty());
    bench.tick(MARK + 10 * S).answer(true, MARK + 10 * S);
    bench.tick(MARK + 20 * S);
    let event = bench.event().clone();
    let outcomes = bench.outcomes();
    assert_eq!(outcomes.len(), 1);
    let alive = outcomes[0];
    assert_eq!(alive.state, OutcomeState::StillAlive);
    assert_eq!(alive.alive_after_us, Some(10_000_000));
    assert_eq!((alive.exit_latency_us, alive.exit_signal), (None, None));
    assert_eq!(alive.kill_event_id, event.header.event_id);
    assert_eq!(alive.header.level, Level::Warn);
    assert_eq!(bench.assembler.next_deadline(), None, "no timer is left");
    bench.outcome(&build::outcome(1, MARK + 30 * S, 7, MARK));
    let last = bench.outcomes()[1];
    assert_eq!(last.state, OutcomeState::Exited);
    assert_eq!(last.exit_latency_us, Some(30_000_000));
}

#[test]
fn nothing_is_awaited_once_the_victim_has_exited() {
    let mut bench = told();
    bench.outcome(&build::outcome(1, MARK + MS, 7, MARK));
    assert_eq!(bench.assembler.next_deadline(), None);
    bench.tick(MARK + 10 * S);
    assert_eq!(bench.outcomes().len(), 1);
}

#[test]
fn an_end_that_nobody_would_see_is_not_awaited() {
    for flag in [
        kill_flags::NOT_FOLLOWED,
        kill_flags::PAST_EXIT,
        kill_flags::TRACEPOINT_ONLY,
    ] {
        let mut bench = Fixture::new(host());
        let kill = build::kill(1, MARK, 7);
        bench.kill(&Kill {
            flags: kill.flags | flag,
            ..kill
        });
        bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
        bench.tick(MARK + S);
        assert_eq!(bench.kills().len(), 1);
        assert_eq!(bench.assembler.next_deadline(), None, "{flag:#x}");
    }
}

/// Its record may be lost, or the kernel may have skipped the hook: silence proves nothing.
#[test]
fn silence_alone_does_not_make_a_victim_alive() {
    let mut bench = told();
    bench.tick(MARK + 10 * S).tick(MARK + 20 * S);
    assert!(bench.outcomes().is_empty());
    assert_eq!(bench.overdue().len(), 1, "user space is asked, once");
    let request = *bench.overdue()[0];
    assert_eq!((request.sequence, request.pid), (1, 7));
    assert_eq!(request.start_boot_ns, 1_000_000_000);
    bench.answer(false, MARK + 20 * S);
    assert!(bench.outcomes().is_empty());
    assert_eq!(bench.assembler.next_deadline(), None);
}

#[test]
fn an_end_seen_before_the_answer_is_the_end() {
    let mut bench = told();
    bench.tick(MARK + 10 * S);
    bench.outcome(&build::outcome(1, MARK + 10 * S, 7, MARK));
    bench.answer(true, MARK + 10 * S);
    let states: Vec<_> = bench.outcomes().iter().map(|end| end.state).collect();
    assert_eq!(states, [OutcomeState::Exited]);
}

#[test]
fn a_victim_of_unknown_start_is_not_looked_up() {
    let mut bench = Fixture::new(host());
    let kill = build::kill(1, MARK, 7);
    bench.kill(&Kill {
        victim_start_boot_ns: 0,
        valid: kill.valid & !oomtrace_common::record::kill_valid::START,
        ..kill
    });
    bench.bytes(&docker(1, MARK)).bytes(&cmdline(1, 7));
    bench.tick(MARK + 10 * S);
    assert!(bench.overdue().is_empty());
}

/// They were lost between the kill and its event, as when the tracer was stopped.
#[test]
fn lost_records_are_those_known_at_the_event() {
    let mut bench = Fixture::new(host());
    bench.assembler.counters(&KernelCounters {
        lost_details: 97,
        ..KernelCounters::default()
    });
    bench.kill(&build::kill(1, MARK, 7)).bytes(&docker(1, MARK));
    bench.bytes(&cmdline(1, 7));
    assert_eq!(bench.event().lost_records, 97);
}

#[test]
fn the_reapers_work_stands_in_the_outcome() {
    let mut bench = told();
    let mut step = |at: u64, step, pages| {
        let raw = build::reaping(1, MARK + at, 7, MARK, step, pages);
        bench.bytes(&build::bytes(&raw));
    };
    step(2 * S, reaping_step::STARTED, 60_000);
    step(2 * S + MS, reaping_step::FINISHED, 50_000);
    step(3 * S, reaping_step::STARTED, 50_000);
    step(3 * S + MS, reaping_step::FINISHED, 8);
    bench.outcome(&build::outcome(1, MARK + 4 * S, 7, MARK));
    let reaper = bench.outcomes()[0].reaper.clone().unwrap();
    assert_eq!(reaper.state, ReaperState::Finished);
    assert_eq!(reaper.started_after_us, Some(2_000_000));
    assert_eq!(reaper.finished_after_us, Some(3_001_000));
    assert_eq!(reaper.freed_bytes, Some(Bytes(59_992 * 4096)));
    assert_eq!(reaper.left_anon_bytes, Some(Bytes(8 * 4096)));
    assert_eq!(reaper.left_file_bytes, Some(Bytes(10 * 4096)));
}

#[test]
fn a_victim_that_the_reaper_leaves_alone_says_so() {
    let mut bench = told();
    let skipped = build::reaping(1, MARK + 2 * S, 7, MARK, reaping_step::SKIPPED, 0);
    bench.bytes(&build::bytes(&skipped));
    bench.tick(MARK + 10 * S).answer(true, MARK + 10 * S);
    let reaper = bench.outcomes()[0].reaper.clone().unwrap();
    assert_eq!(reaper.state, ReaperState::Skipped);
    assert_eq!((reaper.freed_bytes, reaper.left_anon_bytes), (None, None));
    // Of a process that was not killed here nothing is made.
    let stranger = build::reaping(9, MARK, 3, MARK, reaping_step::STARTED, 0);
    bench.bytes(&build::bytes(&stranger));
    assert_eq!(bench.outcomes().len(), 1);
}
