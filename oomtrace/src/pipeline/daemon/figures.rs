//! The daemon's figures: gathered when they are asked for, offered to Prometheus.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::delivery::Sinks;
use super::protect::confined;
use crate::config;
use crate::daemon::Kept;
use crate::metrics;
use crate::metrics::{Figures, Format, SinkFigures, Source, Tally};
use crate::model::ReadingMoment;
use crate::pipeline::counters;
use crate::process::privileges::{InForce, directories_of};

/// How often a textfile is written.
const TEXTFILE_EVERY: Duration = Duration::from_secs(15);

/// Opens the listener, if there is to be one: before privileges are given up, which a low port takes.
///
/// # Errors
///
/// The address cannot be listened on.
pub(super) fn listen(settings: &config::Metrics) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = settings.listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for metrics"))?;
    Ok(Some(listener))
}

/// Offers what these say, as the configuration asks for.
///
/// # Errors
///
/// There is no thread to be had.
pub(super) fn offer(
    listener: Option<TcpListener>,
    settings: &config::Metrics,
    in_force: &InForce,
    tally: Arc<Tally>,
    kept: Kept,
    sinks: Arc<Sinks>,
    is_capturing: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let source: Source = Arc::new(move || gather(&tally, &kept, &sinks, &is_capturing));
    if let Some(listener) = listener {
        let source = Arc::clone(&source);
        let health = format!("healthy\n{in_force}\n");
        let serve = move || {
            if let Err(error) = metrics::serve(listener, source, health) {
                log::error!("metrics are no longer offered: {error}");
            }
        };
        confined(in_force.landlock, &[], || thread("metrics", serve))?;
    }
    if let Some(path) = settings.textfile.clone() {
        let directories = directories_of(&path);
        let write = move || {
            loop {
                let text = metrics::write(&source(), Format::Prometheus);
                if let Err(error) = replace(&path, &text) {
                    log::warn!("cannot write {}: {error}", path.display());
                }
                thread::sleep(TEXTFILE_EVERY);
            }
        };
        confined(in_force.landlock, &directories, || {
            thread("textfile", write)
        })?;
    }
    Ok(())
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(256 * 1024)
        .spawn(run)
        .context("cannot start a thread")?;
    Ok(())
}

/// Readers see the old text or the new one, never a part.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

fn gather(tally: &Tally, kept: &Kept, sinks: &Sinks, is_capturing: &AtomicBool) -> Figures {
    let kept = kept.figures();
    let counters = counters::read(ReadingMoment::Drain, None).ok();
    Figures {
        counts: tally.counts(),
        is_capturing: is_capturing.load(Ordering::Relaxed),
        kernel_kills: counters.and_then(|counters| counters.vmstat_oom_kill),
        stored: kept.stored,
        removed: kept.removed,
        store_errors: kept.errors,
        sinks: sinks.figures(|name, queue, figures| SinkFigures {
            name,
            queue,
            delivered: figures.delivered,
            dropped: figures.dropped,
            errors: figures.errors,
            last_success: figures.last_success,
        }),
    }
}
