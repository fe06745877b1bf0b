//! `cargo xtask codegen`: a placeholder that fails until there is something to generate.

/// Writes or checks the generated files.
///
/// # Errors
/// Always, for now.
pub fn run(_check: bool) -> anyhow::Result<()> {
    anyhow::bail!("codegen is not there yet")
}
