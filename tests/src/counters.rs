//! The kernel's counters of kills.

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
