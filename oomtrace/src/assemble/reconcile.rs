//! Reconciles the kernel's count of kills with the kills observed.
//!
//! Two losses are possible, and each has its own evidence:
//!
//! * A record found no room in the ring. The probe counts those (`lost_kills`), so they are certain
//!   at once and need no count of the kernel's.
//! * The probe never ran. Only `oom_kill` of `/proc/vmstat` shows that, by rules of its own
//!   ([`Observed`]). It grows a moment before the probe sees the mark, so a difference counts as
//!   missed only if it outlasts the time that a record takes: the count read in one round is
//!   compared with the kills observed by a later one. That needs no pause between kills.
//!
//! A round is a reading before the rings are drained and one after. One is due once nothing was
//! killed for [`QUIET_NS`], but no later than [`ROUND_WAIT_MAX_NS`] after the first kill since the
//! last round, and at once when `lost_kills` has grown.

use super::context::CaptureContext;
use super::text::text;
use crate::model::{
    Event, EventKind, Gap, GapReason, KernelCounters, KillKind, LostVictim, ReadingMoment, Victim,
};

/// A round waits until nothing was killed for this long.
pub const QUIET_NS: u64 = 2_000_000_000;

/// But no longer than this, however often kills follow each other.
pub const ROUND_WAIT_MAX_NS: u64 = 10_000_000_000;

/// Between two rounds of a series.
pub const ROUNDS_APART_NS: u64 = 20_000_000;

/// By then the record of a kill that the kernel has counted has come.
const RECORD_WAIT_NS: u64 = 5_000_000;

/// Rounds of a series at most: while kills follow each other closely, a difference that is smaller
/// than what happens between two rounds cannot be proven.
const ROUNDS_MAX: usize = 5;

/// Gaps of records that found no room are reported at most this often.
const GAPS_APART_NS: u64 = 1_000_000_000;

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

impl Observed {
    /// Adds the kills among `events`, which come from the kernel's log.
    pub fn add_events(&mut self, events: &[Event]) {
        for event in events {
            let Event::OomKill(kill) = event else {
                continue;
            };
            let incident = &kill.incident;
            if incident.kill_kind == Some(KillKind::SharedMm) {
                continue;
            }
            self.kills += 1;
            if incident.kill_kind == Some(KillKind::Chosen) && incident.group_cgroup_path.is_some()
            {
                self.maybe_twice += 1;
            }
        }
    }

    /// How many of `counted` kills are not among these, at least and at most.
    #[must_use]
    pub const fn missed_of(self, counted: u64) -> (u64, u64) {
        let max = counted.saturating_sub(self.kills);
        (max.saturating_sub(self.maybe_twice), max)
    }
}

/// Kills that were missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// When that was found, nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// Lower bound on the kills that were missed.
    pub min: u64,
    /// Upper bound on them.
    pub max: u64,
    /// Why.
    pub reason: GapReason,
    /// What the probe kept of some of them.
    pub victims: Vec<LostVictim>,
}

/// The counts from which on kills are compared: the last moment at which they agreed.
#[derive(Clone, Copy, Debug, Default)]
struct Base {
    /// The kernel's count, as a range: kills while the probe was being attached may have been
    /// observed or not.
    vmstat: Option<(u64, u64)>,
    observed: Observed,
    lost_kills: u64,
}

/// What was reported since the base.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    min: u64,
    max: u64,
}

/// The probe's counters at the last gap, which give the reason of the next one.
#[derive(Clone, Copy, Debug, Default)]
struct Explained {
    lost_kills: u64,
    recursion_misses: u64,
    /// Lost kills up to this running number were named.
    sequence: u32,
}

/// Compares the counts, and says when to.
#[derive(Debug)]
pub struct Reconciler {
    /// Whether one kill may be counted twice: the kernel knows `memory.oom.group` (cgroup v2).
    groups: bool,
    base: Base,
    reported: Reported,
    explained: Explained,
    /// The kernel's count before the rings were drained.
    before: Option<Option<u64>>,
    /// When the rounds of this series were, and the kernel's count before each.
    series: Vec<(u64, u64)>,
    /// The first and the last kill since the last series.
    activity: Option<(u64, u64)>,
    /// Records were lost since the last gap.
    has_new_losses: bool,
    last_gap_ns: Option<u64>,
    now_ns: u64,
}

impl Reconciler {
    /// For a host whose memory controller is on a hierarchy of this version.
    #[must_use]
    pub fn new(cgroup_version: u8) -> Self {
        Self {
            groups: cgroup_version != 1,
            base: Base::default(),
            reported: Reported::default(),
            explained: Explained::default(),
            before: None,
            series: Vec::new(),
            activity: None,
            has_new_losses: false,
            last_gap_ns: None,
            now_ns: 0,
        }
    }

    /// Notes that something was killed by `boot_ns`.
    pub fn activity(&mut self, boot_ns: u64) {
        let first = self.activity.map_or(boot_ns, |(first, _)| first);
        self.activity = Some((first, boot_ns));
    }

    /// When the next round is due, nanoseconds of `CLOCK_BOOTTIME`; nothing while nothing is killed.
    #[must_use]
    pub fn next_round(&self) -> Option<u64> {
        let again = self
            .series
            .last()
            .map(|(boot_ns, _)| boot_ns.saturating_add(ROUNDS_APART_NS));
        let losses = self.has_new_losses.then(|| {
            let next = self.last_gap_ns.map(|ns| ns.saturating_add(GAPS_APART_NS));
            next.map_or(self.now_ns, |next| next.max(self.now_ns))
        });
        let quiet = self.activity.map(|(first, last)| {
            let quiet = last.saturating_add(QUIET_NS);
            quiet.min(first.saturating_add(ROUND_WAIT_MAX_NS))
        });
        [again, losses, quiet].into_iter().flatten().min()
    }

    /// Whether the last round found a difference that another must confirm.
    #[must_use]
    pub fn needs_another_round(&self) -> bool {
        !self.series.is_empty()
    }

    /// Takes a reading, with the kills observed by then; returns the kills it proves missed.
    ///
    /// Readings at [`ReadingMoment::Attach`] are the base: one before and one after the probe is
    /// attached.
    pub fn reading(&mut self, counters: &KernelCounters, observed: Observed) -> Option<Missed> {
        self.now_ns = self.now_ns.max(counters.boot_ns);
        match counters.moment {
            ReadingMoment::Attach => self.attach(counters, observed),
            ReadingMoment::Drain => {
                self.has_new_losses |= counters.lost_kills > self.explained.lost_kills;
            }
            ReadingMoment::BeforeDrain => self.before = Some(counters.vmstat_oom_kill),
            ReadingMoment::AfterDrain => {
                let before = self.before.take()?;
                return self.round(before, counters, observed);
            }
        }
        None
    }

    fn attach(&mut self, counters: &KernelCounters, observed: Observed) {
        let now = counters.vmstat_oom_kill;
        self.base.vmstat = match (self.base.vmstat, now) {
            (Some((low, _)), Some(now)) => Some((low.min(now), now)),
            (base, now) => base.or(now.map(|now| (now, now))),
        };
        self.base.observed = observed;
        self.base.lost_kills = counters.lost_kills;
        self.explained.lost_kills = counters.lost_kills;
        self.explained.recursion_misses = counters.recursion_misses;
    }

    fn round(
        &mut self,
        before: Option<u64>,
        counters: &KernelCounters,
        observed: Observed,
    ) -> Option<Missed> {
        self.activity = None;
        self.has_new_losses = false;
        let (now_ns, after) = (counters.boot_ns, counters.vmstat_oom_kill);
        let is_moving = before != after;
        if is_moving {
            // Their records may be on their way, or never come.
            self.activity(now_ns);
        }
        let lost = counters.lost_kills.saturating_sub(self.base.lost_kills);
        let suspected = before.map_or(0, |count| self.least(count, observed));
        if suspected.max(lost) <= self.reported.min {
            self.series.clear();
            if !is_moving {
                // Consistent: what is doubtful now is not to hide a gap later.
                self.rebase(counters, observed);
            }
            return None;
        }
        let earlier = self.series.iter().rev();
        let proven = earlier
            .map(|(boot_ns, count)| (now_ns.saturating_sub(*boot_ns), *count))
            .find(|(ago_ns, _)| *ago_ns >= RECORD_WAIT_NS)
            .map_or(0, |(_, count)| self.least(count, observed));
        let least = proven.max(lost);
        let most = after
            .map_or(0, |count| self.most(count, observed))
            .max(least);
        let is_exact = least == most;
        let is_last = self.series.len() + 1 >= ROUNDS_MAX;
        if !is_exact && !is_last && proven <= self.reported.min {
            self.series.push((now_ns, before.unwrap_or(0)));
            return None;
        }
        self.series.clear();
        if least <= self.reported.min {
            // Kills follow each other too closely to prove it.
            self.activity(now_ns);
            return None;
        }
        let missed = self.report(least, most, counters);
        if is_exact && !is_moving {
            self.rebase(counters, observed);
        }
        Some(missed)
    }

    /// The gap of `least` to `most` kills missed since the base, less what was reported of them.
    fn report(&mut self, least: u64, most: u64, counters: &KernelCounters) -> Missed {
        let min = least - self.reported.min;
        let max = most.saturating_sub(self.reported.max).max(min);
        self.reported.min += min;
        self.reported.max = self.reported.max.saturating_add(max);
        self.last_gap_ns = Some(counters.boot_ns);
        let before = self.explained;
        self.explained = Explained {
            lost_kills: counters.lost_kills,
            recursion_misses: counters.recursion_misses,
            sequence: counters
                .lost_victims
                .iter()
                .map(|victim| victim.sequence)
                .fold(before.sequence, u32::max),
        };
        Missed {
            boot_ns: counters.boot_ns,
            min,
            max,
            reason: if counters.lost_kills > before.lost_kills {
                GapReason::RingFull
            } else if counters.recursion_misses > before.recursion_misses {
                GapReason::Recursion
            } else {
                GapReason::Unknown
            },
            victims: counters
                .lost_victims
                .iter()
                .filter(|victim| victim.boot_ns != 0 && victim.sequence > before.sequence)
                .cloned()
                .collect(),
        }
    }

    /// How many kills are missing for the kernel to have counted `count`, at least.
    fn least(&self, count: u64, observed: Observed) -> u64 {
        let Some((_, high)) = self.base.vmstat else {
            return 0;
        };
        let base = self.base.observed;
        let seen = observed.kills.saturating_sub(base.kills);
        let twice = observed.maybe_twice.saturating_sub(base.maybe_twice);
        let missing = count
            .saturating_sub(high)
            .saturating_sub(seen.saturating_add(twice));
        // One missed kill may have been counted twice, if it was the chosen victim of a group.
        if self.groups {
            missing.div_ceil(2)
        } else {
            missing
        }
    }

    /// The same, at most.
    fn most(&self, count: u64, observed: Observed) -> u64 {
        let Some((low, _)) = self.base.vmstat else {
            return 0;
        };
        let seen = observed.kills.saturating_sub(self.base.observed.kills);
        count.saturating_sub(low).saturating_sub(seen)
    }

    fn rebase(&mut self, counters: &KernelCounters, observed: Observed) {
        self.base = Base {
            vmstat: counters
                .vmstat_oom_kill
                .map(|now| (now, now))
                .or(self.base.vmstat),
            observed,
            lost_kills: counters.lost_kills,
        };
        self.reported = Reported::default();
        self.explained.recursion_misses = counters.recursion_misses;
    }
}

impl Missed {
    pub(super) fn event(self, ctx: &CaptureContext<'_>) -> Gap {
        let header = ctx.header(
            EventKind::Gap,
            self.boot_ns,
            ctx.moment_id(self.boot_ns, None),
        );
        Gap {
            victims: self.victims.iter().map(victim).collect(),
            ..Gap::of(header, self.reason, (self.min, self.max))
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
