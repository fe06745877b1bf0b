//! The end of a capture: what still waits for the reader of the output.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::outlet::Outlet;
use super::wait::{Signals, Writable, at};

/// How long the reader of the output has at the end to take what waits.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Gives the reader of the output time to take what waits: until a signal comes, and no longer
/// than `limit`.
pub(super) async fn drained(
    output: &mut dyn Outlet,
    stdout: Option<&Writable>,
    signals: &mut Signals,
    limit: Option<Duration>,
) -> anyhow::Result<()> {
    let end = limit.map(|limit| Instant::now() + limit);
    output.settle();
    output.write();
    while !output.is_drained() {
        tokio::select! {
            result = output.writable(stdout) => {
                result.context("waiting for the output")?;
                output.check_reader();
            }
            () = at(end) => break,
            exit = signals.next() => if exit.is_some() {
                break;
            },
        }
    }
    Ok(())
}
