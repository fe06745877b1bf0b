//! The kernel's count against what was seen.

use super::reconcile::{Missed, Reconciler};
use super::*;
use crate::model::{EventKind, GapReason, Level, LostVictim, ReadingMoment};

/// A reconciler in time: rounds are a second apart.
pub(super) struct Rounds {
    pub(super) reconciler: Reconciler,
    boot_ns: u64,
}

pub(super) fn counters(vmstat: Option<u64>) -> KernelCounters {
    KernelCounters {
        vmstat_oom_kill: vmstat,
        ..KernelCounters::default()
    }
}

pub(super) fn observed(kills: u64, twice: u64) -> Observed {
    Observed {
        kills,
        maybe_twice: twice,
    }
}

impl Rounds {
    pub(super) fn new(cgroup_version: u8, vmstat: Option<u64>) -> Self {
        let mut reconciler = Reconciler::new(cgroup_version);
        for _ in 0..2 {
            assert_eq!(reconciler.reading(&counters(vmstat), observed(0, 0)), None);
        }
        Self {
            reconciler,
            boot_ns: 0,
        }
    }

    pub(super) fn round(&mut self, counters: KernelCounters, observed: Observed) -> Option<Missed> {
        self.boot_ns += 1_000_000_000;
        self.round_at(self.boot_ns, counters, observed)
    }

    pub(super) fn round_at(
        &mut self,
        boot_ns: u64,
        of: KernelCounters,
        observed: Observed,
    ) -> Option<Missed> {
        let before = KernelCounters {
            boot_ns,
            moment: ReadingMoment::BeforeDrain,
            ..of
        };
        let after = KernelCounters {
            moment: ReadingMoment::AfterDrain,
            ..before.clone()
        };
        assert_eq!(self.reconciler.reading(&before, observed), None);
        self.reconciler.reading(&after, observed)
    }

    /// Two rounds that see the same.
    pub(super) fn both(
        &mut self,
        counters: &KernelCounters,
        observed: Observed,
    ) -> Option<(u64, u64)> {
        let first = self.round(counters.clone(), observed);
        let second = self.round(counters.clone(), observed);
        assert!(first.is_none() || second.is_none(), "reported twice");
        let missed = first.or(second)?;
        Some((missed.min, missed.max))
    }
}

#[test]
fn equal_counts_are_no_gap() {
    let mut rounds = Rounds::new(1, Some(100));
    assert_eq!(rounds.both(&counters(Some(100)), observed(0, 0)), None);
    assert_eq!(rounds.both(&counters(Some(103)), observed(3, 0)), None);
}

#[test]
fn a_kill_that_was_not_seen_is_a_gap_once() {
    let mut rounds = Rounds::new(1, Some(100));
    assert_eq!(
        rounds.both(&counters(Some(105)), observed(3, 0)),
        Some((2, 2))
    );
    assert_eq!(
        rounds.both(&counters(Some(105)), observed(3, 0)),
        None,
        "told already"
    );
    assert_eq!(
        rounds.both(&counters(Some(107)), observed(4, 0)),
        Some((1, 1))
    );
}

#[test]
fn one_round_alone_proves_nothing() {
    let mut rounds = Rounds::new(1, Some(100));
    assert_eq!(rounds.round(counters(Some(101)), observed(0, 0)), None);
    assert!(rounds.reconciler.needs_another_round());
    assert_eq!(
        rounds.round(counters(Some(101)), observed(1, 0)),
        None,
        "it came after all"
    );
    assert!(!rounds.reconciler.needs_another_round());
}

#[test]
fn a_kill_between_two_rounds_is_only_possibly_missed() {
    let mut rounds = Rounds::new(1, Some(100));
    assert_eq!(rounds.round(counters(Some(102)), observed(0, 0)), None);
    let missed = rounds.round(counters(Some(103)), observed(0, 0));
    let missed = missed.map(|missed| (missed.min, missed.max));
    assert_eq!(missed, Some((2, 3)));
    // Whether it comes or not, it is not reported again as certain.
    assert_eq!(rounds.both(&counters(Some(103)), observed(1, 0)), None);
    assert_eq!(
        rounds.both(&counters(Some(104)), observed(1, 0)),
        Some((1, 1))
    );
}

#[test]
fn rounds_too_close_together_are_one() {
    let mut rounds = Rounds::new(1, Some(100));
    let now = 9_000_000_000;
    assert_eq!(
        rounds.round_at(now, counters(Some(101)), observed(0, 0)),
        None
    );
    assert_eq!(
        rounds.round_at(now + 4_999_999, counters(Some(101)), observed(0, 0)),
        None
    );
    assert!(
        rounds
            .round_at(now + 5_000_000, counters(Some(101)), observed(0, 0))
            .is_some()
    );
}

#[test]
fn a_chosen_victim_of_a_group_may_count_twice() {
    let mut rounds = Rounds::new(2, Some(100));
    assert_eq!(
        rounds.both(&counters(Some(104)), observed(3, 1)),
        None,
        "counted twice"
    );
    assert_eq!(
        rounds.both(&counters(Some(107)), observed(6, 2)),
        None,
        "counted once"
    );
    // What the doubt left over does not hide what is missed later.
    assert_eq!(
        rounds.both(&counters(Some(108)), observed(6, 2)),
        Some((1, 1))
    );
    // Of what was missed, each may have been counted twice too.
    assert_eq!(
        rounds.both(&counters(Some(112)), observed(6, 2)),
        Some((2, 4))
    );
}

#[test]
fn kills_while_attaching_may_have_been_seen() {
    let mut reconciler = Reconciler::new(1);
    reconciler.reading(&counters(Some(100)), observed(0, 0));
    reconciler.reading(&counters(Some(102)), observed(0, 0));
    let mut rounds = Rounds {
        reconciler,
        boot_ns: 0,
    };
    assert_eq!(rounds.both(&counters(Some(103)), observed(1, 0)), None);
    assert_eq!(
        rounds.both(&counters(Some(104)), observed(1, 0)),
        Some((1, 1)),
        "no doubt any more"
    );
}

#[test]
fn the_reason_is_what_the_probe_counted() {
    let lost = KernelCounters {
        lost_kills: 1,
        recursion_misses: 1,
        ..counters(Some(101))
    };
    let recursion = KernelCounters {
        lost_kills: 0,
        ..lost.clone()
    };
    for (counters, reason) in [
        (lost, GapReason::RingFull),
        (recursion, GapReason::Recursion),
        (counters(Some(101)), GapReason::Unknown),
    ] {
        let mut rounds = Rounds::new(1, Some(100));
        let first = rounds.round(counters.clone(), observed(0, 0));
        let second = rounds.round(counters, observed(0, 0));
        let missed = first.or(second).expect("a gap");
        assert_eq!((missed.reason, missed.min, missed.max), (reason, 1, 1));
    }
}

#[test]
fn without_vmstat_the_probes_losses_are_a_gap() {
    let mut rounds = Rounds::new(2, None);
    assert_eq!(rounds.both(&counters(None), observed(5, 5)), None);
    let lost = KernelCounters {
        lost_kills: 3,
        ..counters(None)
    };
    assert_eq!(rounds.both(&lost, observed(5, 5)), Some((3, 3)));
    assert_eq!(rounds.both(&lost, observed(5, 5)), None);
}

#[test]
fn a_lost_sharer_counts_though_vmstat_omits_it() {
    let mut rounds = Rounds::new(1, Some(100));
    let lost = KernelCounters {
        lost_kills: 2,
        ..counters(Some(101))
    };
    assert_eq!(rounds.both(&lost, observed(0, 0)), Some((2, 2)));
}

#[test]
fn what_was_kept_of_lost_kills_is_told_once() {
    let victim = |sequence: u32, comm: &[u8]| LostVictim {
        boot_ns: MARK,
        sequence,
        tgid: 70 + sequence,
        tid: 0,
        comm: comm.to_vec(),
    };
    let unused = LostVictim::default();
    let mut rounds = Rounds::new(1, Some(100));
    let mut lost = KernelCounters {
        lost_kills: 2,
        lost_victims: vec![victim(1, b"a\xff"), victim(2, b"b"), unused],
        ..counters(Some(102))
    };
    let missed = rounds.round(lost.clone(), observed(0, 0)).expect("a gap");
    let bench = Fixture::new(host());
    let gap = bench.assembler.gap(missed);
    assert_eq!((gap.kills_missed_min, gap.kills_missed_max), (2, 2));
    assert_eq!(gap.reason, GapReason::RingFull);
    assert_eq!(
        (gap.header.event, gap.header.level),
        (EventKind::Gap, Level::Warn)
    );
    assert_eq!(
        (gap.header.since_boot_us, gap.header.event_id.as_deref()),
        (Some(1_000_000), Some("5f1c9a2e:1000000"))
    );
    let [one, two] = &gap.victims[..] else {
        panic!("two victims: {gap:?}");
    };
    assert_eq!(
        (one.pid, one.tid, one.comm_hex.as_deref()),
        (Some(71), None, Some("61ff"))
    );
    assert_eq!(two.comm.as_deref(), Some("b"));

    lost.vmstat_oom_kill = Some(103);
    lost.lost_kills = 3;
    lost.lost_victims[2] = victim(9, b"c");
    let missed = rounds.round(lost, observed(0, 0)).expect("a gap");
    assert_eq!(missed.victims.len(), 1);
    assert_eq!(missed.victims[0].sequence, 9);
}

#[test]
fn counts_that_run_backwards_are_no_gap() {
    let mut rounds = Rounds::new(2, Some(u64::MAX));
    assert_eq!(
        rounds.both(&counters(Some(0)), observed(u64::MAX, u64::MAX)),
        None
    );
    assert_eq!(rounds.both(&counters(Some(0)), observed(0, 0)), None);
}

#[test]
fn counters_survive_json() {
    let counters = KernelCounters {
        boot_ns: 5,
        moment: ReadingMoment::AfterDrain,
        lost_victims: vec![LostVictim {
            comm: b"\xff\n".to_vec(),
            ..LostVictim::default()
        }],
        ..counters(Some(7))
    };
    let json = serde_json::to_string(&counters).expect("serializable");
    let back: KernelCounters = serde_json::from_str(&json).expect("its own output");
    assert_eq!(back, counters);
}
