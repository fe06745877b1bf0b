//! What became of a victim.

use oomtrace_common::record::Outcome;

use super::*;

const MS: u64 = 1_000_000;

fn told() -> Bench {
    let mut bench = Bench::new(host());
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
    assert_eq!(outcome.incident_id, event.incident.id);
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
    let mut bench = Bench::new(host());
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

#[test]
fn a_late_command_line_stands_in_the_outcome() {
    let mut bench = Bench::new(host());
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
fn an_end_is_told_once_and_only_of_the_process_that_was_killed() {
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
    let mut bench = Bench::new(host());
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
