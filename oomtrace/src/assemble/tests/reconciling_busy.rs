//! Reconciling while kills go on, and when it is done.

use super::reconcile::Reconciler;
use super::reconciling::{Rounds, counters, observed};
use super::*;
use crate::model::{GapReason, ReadingMoment};

/// Kills go on all the time, one in ten of them unseen: every round sees the count move.
#[test]
fn a_moving_count_does_not_hide_a_gap() {
    let mut rounds = Rounds::new(1, Some(100));
    let (mut vmstat, mut seen, mut least, mut most) = (100, 0, 0, 0);
    for step in 0..50_u64 {
        let boot_ns = 1_000_000_000 + step * 20_000_000;
        let before = KernelCounters {
            moment: ReadingMoment::BeforeDrain,
            boot_ns,
            ..counters(Some(vmstat))
        };
        vmstat += 10;
        let after = KernelCounters {
            moment: ReadingMoment::AfterDrain,
            ..KernelCounters {
                boot_ns,
                ..counters(Some(vmstat))
            }
        };
        // The last of them is on its way.
        let observed_now = observed(seen + 8, 0);
        assert_eq!(rounds.reconciler.reading(&before, observed_now), None);
        if let Some(missed) = rounds.reconciler.reading(&after, observed_now) {
            least += missed.min;
            most += missed.max;
        }
        seen += 9;
        let missed = vmstat - 100 - seen;
        assert!(least <= missed, "{least} of {missed}");
        assert!(most == 0 || least > 0);
    }
    assert!(least >= 25, "only {least} of 50 reported");
    let end = rounds.both(&counters(Some(vmstat)), observed(seen, 0));
    let (min, max) = end.unwrap_or_default();
    assert!(
        least + min <= 50 && most + max >= 50,
        "{least}+{min} to {most}+{max}"
    );
}

#[test]
fn lost_records_are_a_gap_while_kills_go_on() {
    let mut rounds = Rounds::new(1, Some(100));
    let before = KernelCounters {
        boot_ns: 1_000_000_000,
        moment: ReadingMoment::BeforeDrain,
        ..counters(Some(13_000))
    };
    let after = |boot_ns| KernelCounters {
        boot_ns,
        moment: ReadingMoment::AfterDrain,
        vmstat_oom_kill: Some(13_003),
        lost_kills: 4_743,
        ..before.clone()
    };
    let seen = observed(12_900 - 4_743, 0);
    rounds.reconciler.reading(&before, seen);
    let first = rounds.reconciler.reading(&after(1_000_000_000), seen);
    assert_eq!(first, None, "three may be on their way");
    let mut missed = None;
    for round in 1..5_u64 {
        assert!(missed.is_some() || rounds.reconciler.needs_another_round());
        let boot_ns = 1_000_000_000 + round * 20_000_000;
        let again = KernelCounters {
            boot_ns,
            ..before.clone()
        };
        rounds.reconciler.reading(&again, seen);
        missed = missed.or(rounds.reconciler.reading(&after(boot_ns), seen));
    }
    let missed = missed.expect("a series ends with what the probe counted");
    assert_eq!((missed.min, missed.max), (4_743, 4_746));
    assert_eq!(missed.reason, GapReason::RingFull);
}

#[test]
fn constant_kills_do_not_put_off_a_round() {
    const S: u64 = 1_000_000_000;
    let mut reconciler = Reconciler::new(1);
    assert_eq!(reconciler.next_round(), None, "no timer while idle");
    let mut now = 100 * S;
    reconciler.activity(now);
    assert_eq!(reconciler.next_round(), Some(102 * S));
    while now < 120 * S {
        now += S;
        reconciler.activity(now);
        let due = reconciler.next_round().expect("kills happen");
        assert!(due <= 110 * S, "due only at {due}");
    }
}

#[test]
fn growth_of_lost_kills_asks_for_a_round_at_once() {
    const S: u64 = 1_000_000_000;
    let mut rounds = Rounds::new(1, Some(100));
    let drained = |boot_ns, lost_kills| KernelCounters {
        boot_ns,
        lost_kills,
        ..KernelCounters {
            moment: ReadingMoment::Drain,
            ..counters(None)
        }
    };
    rounds.reconciler.activity(50 * S);
    rounds
        .reconciler
        .reading(&drained(50 * S, 1), observed(0, 0));
    assert_eq!(rounds.reconciler.next_round(), Some(50 * S));
    let lost = KernelCounters {
        lost_kills: 1,
        ..counters(Some(101))
    };
    let missed = rounds.round_at(50 * S, lost, observed(0, 0));
    assert!(missed.is_some(), "one round suffices");
    assert_eq!(rounds.reconciler.next_round(), None);
    rounds
        .reconciler
        .reading(&drained(50 * S, 1), observed(0, 0));
    assert_eq!(rounds.reconciler.next_round(), None, "no growth");
    rounds
        .reconciler
        .reading(&drained(50 * S + 9, 2), observed(0, 0));
    assert_eq!(
        rounds.reconciler.next_round(),
        Some(51 * S),
        "not too often"
    );
}
