//! `cargo xtask bench`: what oomtrace costs, measured.
use clap::Args;

/// What to measure.
#[derive(Args)]
pub struct Arguments {
    /// Write the results into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// Measures.
///
/// # Errors
/// Always, for now.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::bail!("bench is not there yet (write: {})", arguments.write)
}
