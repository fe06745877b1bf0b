//! Restart loops: killed, started again, killed again.

use super::kill::Kill;

/// Longest pause between a kill and the next victim's start for the two to be a restart: a kubelet's
/// back-off ends at five minutes, and a container takes its time to start.
const PAUSE_MAX_US: u64 = 10 * 60 * 1_000_000;

/// So many kills in a row are a loop.
const KILLS_MIN: u32 = 3;

/// Kills of one owner, each victim of which was started within ten minutes after the one before was
/// killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// How many kills.
    pub kills: u32,
    /// From the first kill to the last.
    pub lasted_us: u64,
    /// How long the victims ran, all together.
    pub ran_us: u64,
}

impl Loop {
    /// From one kill to the next, on average.
    #[must_use]
    pub fn interval_us(&self) -> u64 {
        self.lasted_us / u64::from(self.kills.saturating_sub(1).max(1))
    }

    /// How long a victim ran, on average.
    #[must_use]
    pub fn ran_mean_us(&self) -> u64 {
        self.ran_us / u64::from(self.kills.max(1))
    }
}

/// Finds the longest loop of one owner.
#[derive(Debug, Default)]
pub(super) struct LoopFinder {
    longest: Option<Loop>,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    boot_id: Option<String>,
    incident: String,
    last_us: u64,
    so_far: Loop,
}

impl LoopFinder {
    /// Adds the owner's next kill.
    pub(super) fn add(&mut self, kill: &Kill) {
        let (Some(killed), Some(started)) = (kill.since_boot_us, kill.started_us) else {
            self.run = None;
            return;
        };
        if let Some(run) = &self.run
            && run.incident == kill.incident
        {
            return;
        }
        let ran = killed.saturating_sub(started);
        let goes_on = self.run.take().filter(|run| {
            run.boot_id == kill.boot_id
                && killed > run.last_us
                && (run.last_us..=run.last_us.saturating_add(PAUSE_MAX_US)).contains(&started)
        });
        let so_far = match goes_on {
            Some(run) => Loop {
                kills: run.so_far.kills.saturating_add(1),
                lasted_us: run.so_far.lasted_us.saturating_add(killed - run.last_us),
                ran_us: run.so_far.ran_us.saturating_add(ran),
            },
            None => Loop {
                kills: 1,
                lasted_us: 0,
                ran_us: ran,
            },
        };
        self.run = Some(Run {
            boot_id: kill.boot_id.clone(),
            incident: kill.incident.clone(),
            last_us: killed,
            so_far,
        });
        if so_far.kills >= KILLS_MIN
            && self
                .longest
                .is_none_or(|longest| longest.kills <= so_far.kills)
        {
            self.longest = Some(so_far);
        }
    }

    /// The longest loop, if there was any.
    pub(super) fn longest(&self) -> Option<Loop> {
        self.longest
    }
}
