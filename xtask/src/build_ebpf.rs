//! `cargo xtask build-ebpf`: a placeholder that fails until the kernel side is built here.
use std::fmt;

/// What a build came to.
pub struct Outcome;

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("built")
    }
}

/// Builds the object, or compares a fresh one with the committed one.
///
/// # Errors
/// Always, for now.
pub fn run(_check: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!("build-ebpf is not there yet")
}
