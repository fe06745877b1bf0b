//! The kernel's count of kills and the probe's own counters, read together.

use std::fs;

use oomtrace_common::record::LostKill;
use zerocopy::FromBytes as _;

use crate::loader::{LoadError, Probe};
use crate::model::{KernelCounters, LostVictim, ReadingMoment};
use crate::process::clock;

/// Reads them; the probe's are zero while there is none.
///
/// # Errors
///
/// The probe's maps cannot be read.
pub(super) fn read(
    moment: ReadingMoment,
    probe: Option<&Probe>,
) -> Result<KernelCounters, LoadError> {
    let mut counters = KernelCounters {
        boot_ns: clock::boot_ns(),
        moment,
        vmstat_oom_kill: fs::read_to_string("/proc/vmstat")
            .ok()
            .as_deref()
            .and_then(oom_kill),
        ..KernelCounters::default()
    };
    let Some(probe) = probe else {
        return Ok(counters);
    };
    let seen = probe.counters()?;
    counters.kills_seen = seen.kills;
    counters.lost_kills = seen.lost_kills;
    counters.lost_details = seen.lost_details;
    counters.lost_candidates = seen.lost_candidates;
    counters.mere_marks = seen.mere_marks;
    counters.not_followed = seen.not_followed;
    counters.recursion_misses = seen.recursion_misses;
    if seen.lost_kills > 0 {
        counters.lost_victims = probe
            .lost_kills()?
            .iter()
            .filter_map(|slot| victim(slot))
            .collect();
    }
    Ok(counters)
}

/// Reads the probe's counters of lost records if they have grown since `last`.
///
/// # Errors
///
/// The probe's maps cannot be read.
pub(super) fn new_losses(
    probe: &Probe,
    last: &KernelCounters,
) -> Result<Option<KernelCounters>, LoadError> {
    let [lost_kills, lost_details, lost_candidates] = probe.lost_records()?;
    let counters = KernelCounters {
        boot_ns: clock::boot_ns(),
        moment: ReadingMoment::Drain,
        lost_kills,
        lost_details,
        lost_candidates,
        recursion_misses: last.recursion_misses,
        ..KernelCounters::default()
    };
    Ok((counters.lost_records() > last.lost_records()).then_some(counters))
}

fn victim(slot: &[u8]) -> Option<LostVictim> {
    let lost = LostKill::read_from_bytes(slot).ok()?;
    (lost.boot_ns != 0).then(|| LostVictim {
        boot_ns: lost.boot_ns,
        sequence: lost.sequence,
        tgid: lost.tgid,
        tid: lost.tid,
        comm: lost
            .comm
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default()
            .to_vec(),
    })
}

/// `oom_kill` of `/proc/vmstat`.
fn oom_kill(vmstat: &str) -> Option<u64> {
    vmstat
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_count_is_found() {
        assert_eq!(oom_kill("pgfault 9\noom_kill 42\nnuma_hit 1\n"), Some(42));
        assert_eq!(oom_kill("oom_kill_something 42\n"), None);
    }

    #[test]
    fn an_unused_slot_is_no_victim() {
        assert_eq!(victim(&[0; size_of::<LostKill>()]), None);
        assert_eq!(victim(&[1, 2]), None);
    }
}
