//! `cargo xtask bench`: what oomtrace costs, measured, beside what people use today.

mod choices;
mod cost;
mod decode;
mod hooks;
mod peers;
mod process;
mod report;
mod tracer;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use oomtrace_tests::lock::Lock;
use report::Row;

use crate::{packages, test, workspace};

/// What to measure, and with what.
#[derive(Args)]
pub struct Arguments {
    /// What the hooks cost everything else: per signal, per exit, per kill
    #[arg(long)]
    hooks: bool,
    /// How fast kernel logs are decoded, and in how much memory
    #[arg(long, conflicts_with = "hooks")]
    decode: bool,
    /// Write the results into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// Seconds to watch each program while nothing is killed
    #[arg(long, default_value_t = 60, value_name = "N")]
    idle_seconds: u64,
    /// Starts of each program, of which the median counts
    #[arg(long, default_value_t = 20, value_name = "N")]
    starts: usize,
    /// Measure this binary [default: the release build]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// Measures, prints and, if asked to, writes the page.
///
/// # Errors
/// oomtrace cannot be measured, or a promise is broken.
pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = if let Some(binary) = &arguments.binary {
        binary.clone()
    } else {
        test::release()?;
        workspace::release_binary()
    };
    if arguments.decode {
        let (text, is_kept) = decode::measure(&binary)?;
        let text = format!("{}\n\n{text}", report::machine());
        println!("{text}");
        if arguments.write {
            report::write("decode", &text)?;
        }
        anyhow::ensure!(is_kept, "a promise is broken");
        return Ok(());
    }
    // No live test kills meanwhile, and none is disturbed.
    let _lock = Lock::take()?;
    let machine = report::machine();
    let oomtrace = peers::oomtrace(&binary);
    if arguments.hooks {
        let text = format!("{machine}\n\n{}", hooks::measure(&oomtrace)?);
        println!("{text}");
        return if arguments.write {
            report::write("hooks", &text)
        } else {
            Ok(())
        };
    }
    packages::install_peers();
    let binary_bytes = fs::metadata(&binary)
        .with_context(|| format!("looking at {}", binary.display()))?
        .len();
    let mut rows = Vec::new();
    for recipe in [oomtrace, peers::bpftrace(), peers::oomkill()] {
        println!(
            "-- {}: {} starts, then {} s",
            recipe.name, arguments.starts, arguments.idle_seconds
        );
        let idle = Duration::from_secs(arguments.idle_seconds);
        let cost = cost::measure(&recipe, arguments.starts, idle);
        rows.push(Row {
            name: recipe.name,
            cost,
        });
    }
    let mut text = format!("{machine}\n\n{}", report::comparison(&rows));
    let mut is_kept = false;
    if let Some(Row { cost: Ok(cost), .. }) = rows.first() {
        let (promises, kept) = report::promises(cost, binary_bytes);
        is_kept = kept;
        text = format!("{text}\n{promises}");
    }
    println!("\n{text}");
    if let Some(Row {
        cost: Err(error), ..
    }) = rows.first()
    {
        anyhow::bail!("oomtrace cannot be measured: {error:#}");
    }
    if arguments.write {
        report::write("measured", &text)?;
    }
    anyhow::ensure!(is_kept, "a promise is broken");
    Ok(())
}
