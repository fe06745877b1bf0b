//! Kills that the kernel counted against kills that were seen.
//!
//! The kernel counts in `oom_kill` of `/proc/vmstat`, by rules of its own ([`Observed`]). Its count
//! grows a moment before the probe sees the mark, so one difference proves nothing: a gap is told
//! of only if two rounds, some time apart, find the same.

use crate::model::{
    EventKind, Gap, JSON_INTEGER_MAX, KernelCounters, Level, LostVictim, ReadingMoment, Victim,
};

use super::{context::CaptureContext, victim::text};

/// Rounds closer together than this count as one.
const ROUNDS_APART_NS: u64 = 5_000_000;

/// What `oom_kill` of `/proc/vmstat` must have grown by for the kills observed.
///
/// `__oom_kill_process()` counts each call. A process that is killed because it shares the
/// victim's memory has no call of its own. The chosen victim of a `memory.oom.group` cgroup has
/// two, the second of which counts only if the victim has not lost its memory by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Kill records received: each was counted at least once.
    pub kills: u64,
    /// How many of those may have been counted twice.
    pub maybe_twice: u64,
}

/// Kills that were missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// When that was found, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// At least so many.
    pub min: u64,
    /// At most so many.
    pub max: u64,
    /// Stable word for the reason: `ring_full`, `recursion`, `unknown`.
    pub reason: &'static str,
    /// What the probe kept of some of them.
    pub victims: Vec<LostVictim>,
}

/// The counts that a round starts from.
#[derive(Clone, Copy, Debug, Default)]
struct Base {
    /// The kernel's count, as a range: kills while the probe was being attached may have been
    /// seen or not.
    vmstat: Option<(u64, u64)>,
    observed: Observed,
    lost_kills: u64,
    recursion_misses: u64,
    /// Lost kills up to this running number have been told of.
    sequence: u32,
}

/// Compares counts, round by round.
#[derive(Debug)]
pub struct Reconciler {
    /// Whether one kill may be counted twice: the kernel knows `memory.oom.group` (cgroup v2).
    groups: bool,
    base: Base,
    /// The kernel's count before the rings were emptied.
    before: Option<Option<u64>>,
    /// What the round before found, if it found something.
    suspicion: Option<Found>,
}

/// What a round found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    boot_ns: u64,
    min: u64,
    max: u64,
}

impl Reconciler {
    /// For a host whose memory controller is on a hierarchy of this version.
    #[must_use]
    pub fn new(cgroup_version: u8) -> Self {
        Self {
            groups: cgroup_version != 1,
            base: Base::default(),
            before: None,
            suspicion: None,
        }
    }

    /// Takes a reading, with what [`super::Assembler::observed`] says at that moment.
    ///
    /// Those at [`ReadingMoment::Attach`] are the base: to be taken once before and once after the
    /// probe is attached. A round is a reading before the rings are emptied and one after; it says
    /// nothing if kills happen between the two. The gap is given by the second of two rounds, at
    /// least 5 ms apart, that agree.
    pub fn reading(&mut self, counters: &KernelCounters, observed: Observed) -> Option<Missed> {
        match counters.moment {
            ReadingMoment::Attach => {
                self.attach(counters, observed);
                None
            }
            ReadingMoment::BeforeDrain => {
                self.before = Some(counters.vmstat_oom_kill);
                None
            }
            ReadingMoment::AfterDrain => {
                if self.before.take()? != counters.vmstat_oom_kill {
                    self.suspicion = None;
                    return None;
                }
                self.round(counters, observed)
            }
        }
    }

    /// Whether the last round found a difference that another must confirm.
    #[must_use]
    pub const fn is_suspicious(&self) -> bool {
        self.suspicion.is_some()
    }

    fn attach(&mut self, counters: &KernelCounters, observed: Observed) {
        let now = counters.vmstat_oom_kill;
        self.base.vmstat = match (self.base.vmstat, now) {
            (Some((low, _)), Some(now)) => Some((low.min(now), now)),
            (base, now) => base.or(now.map(|now| (now, now))),
        };
        self.base.observed = observed;
        self.base.lost_kills = counters.lost_kills;
        self.base.recursion_misses = counters.recursion_misses;
    }

    fn round(&mut self, counters: &KernelCounters, observed: Observed) -> Option<Missed> {
        let lost = counters.lost_kills.saturating_sub(self.base.lost_kills);
        let (min, max) = self.missed(counters.vmstat_oom_kill, observed, lost);
        if min == 0 {
            self.suspicion = None;
            // Consistent: what is doubtful now is not to hide a gap later.
            self.rebase(counters, observed);
            return None;
        }
        let found = Found {
            boot_ns: counters.boot_ns,
            min,
            max,
        };
        match self.suspicion {
            Some(earlier) if (earlier.min, earlier.max) == (min, max) => {
                if found.boot_ns.saturating_sub(earlier.boot_ns) < ROUNDS_APART_NS {
                    return None;
                }
            }
            _ => {
                self.suspicion = Some(found);
                return None;
            }
        }
        let reason = if lost > 0 {
            "ring_full"
        } else if counters.recursion_misses > self.base.recursion_misses {
            "recursion"
        } else {
            "unknown"
        };
        let victims = counters
            .lost_victims
            .iter()
            .filter(|victim| victim.boot_ns != 0 && victim.sequence > self.base.sequence)
            .cloned()
            .collect();
        self.suspicion = None;
        self.rebase(counters, observed);
        Some(Missed {
            boot_ns: counters.boot_ns,
            min,
            max,
            reason,
            victims,
        })
    }

    /// How many kills were missed since the base, at least and at most.
    fn missed(&self, vmstat: Option<u64>, observed: Observed, lost: u64) -> (u64, u64) {
        let (Some(now), Some((low, high))) = (vmstat, self.base.vmstat) else {
            // Without the kernel's count, only what the probe itself counted as lost is known.
            return (lost, lost);
        };
        let seen_min = observed.kills.saturating_sub(self.base.observed.kills);
        let seen_max = seen_min.saturating_add(
            observed
                .maybe_twice
                .saturating_sub(self.base.observed.maybe_twice),
        );
        let counted_min = now.saturating_sub(high).saturating_sub(seen_max);
        let counted_max = now.saturating_sub(low).saturating_sub(seen_min);
        // One missed kill may have been counted twice, if it was the chosen victim of a group. A
        // lost record may be that of a process that shared a victim's memory, which the kernel
        // does not count.
        let fewest = if self.groups {
            counted_min.div_ceil(2)
        } else {
            counted_min
        };
        (fewest.max(lost), counted_max.max(lost))
    }

    fn rebase(&mut self, counters: &KernelCounters, observed: Observed) {
        self.base = Base {
            vmstat: counters
                .vmstat_oom_kill
                .map(|now| (now, now))
                .or(self.base.vmstat),
            observed,
            lost_kills: counters.lost_kills,
            recursion_misses: counters.recursion_misses,
            sequence: counters
                .lost_victims
                .iter()
                .map(|victim| victim.sequence)
                .fold(self.base.sequence, u32::max),
        };
    }
}

impl Missed {
    pub(super) fn event(self, ctx: &CaptureContext<'_>) -> Gap {
        Gap {
            header: ctx.header(EventKind::Gap, Level::Warn, self.boot_ns, None),
            kills_missed_min: self.min.min(JSON_INTEGER_MAX),
            kills_missed_max: self.max.min(JSON_INTEGER_MAX),
            reason: self.reason.to_owned(),
            victims: self.victims.iter().map(victim).collect(),
        }
    }
}

fn victim(lost: &LostVictim) -> Victim {
    let known = |id: u32| (id != 0).then_some(id);
    let (comm, comm_hex) = text(Some(&lost.comm));
    Victim {
        pid: known(lost.tgid),
        tid: known(lost.tid),
        comm,
        comm_hex,
        ..Victim::default()
    }
}
