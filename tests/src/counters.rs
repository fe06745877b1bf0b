//! The kernel's counters of kills, and of programs that it did not run.

use std::fs;

use anyhow::{Context as _, Result};

/// `oom_kill` of `/proc/vmstat`: kills on the whole host since boot.
///
/// # Errors
/// The file cannot be read or lacks the line.
pub fn host_kills() -> Result<u64> {
    let text = fs::read_to_string("/proc/vmstat").context("cannot read /proc/vmstat")?;
    value(&text, "oom_kill").context("/proc/vmstat has no oom_kill")
}

/// `recursion_misses` of every program that a process holds; kernels before 5.12 do not count them.
///
/// # Errors
/// The process is not there.
pub fn skipped_runs(pid: u32) -> Result<u64> {
    let folder = format!("/proc/{pid}/fdinfo");
    let mut skipped = 0;
    for entry in fs::read_dir(&folder).context(folder)? {
        // A descriptor may be closed meanwhile.
        let text = entry.and_then(|entry| fs::read_to_string(entry.path()));
        let lines = text.unwrap_or_default();
        let counts = lines
            .lines()
            .filter_map(|line| line.strip_prefix("recursion_misses:"));
        skipped += counts
            .filter_map(|count| count.trim().parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(skipped)
}

/// The value of the line `key value`.
#[must_use]
pub fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        if name == key {
            value.trim().parse().ok()
        } else {
            None
        }
    })
}
