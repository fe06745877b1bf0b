//! How many times the kernel has counted what was seen, by its own rules.

/// What `oom_kill` of `/proc/vmstat` must have grown by for the kills that were seen.
///
/// `__oom_kill_process()` counts each call. A process that is killed because it shares the
/// victim's memory has no call of its own. The chosen victim of a `memory.oom.group` cgroup has
/// two, the second of which counts only if the victim has not lost its memory by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kill records seen: each was counted at least once.
    pub kills: u64,
    /// How many of those may have been counted twice.
    pub twice: u64,
}
