//! The daemon's source of events: the probe, or the kernel log.

use super::outlet::StoreOutlet;
use crate::cli::{CommonArgs, settings};
use crate::config;
use crate::config::{Capture, Config, Names};
use crate::enrich::{CONTAINERD, DOCKER, NamePlaces, STORAGE};
use crate::pipeline::follow::Source;
use crate::pipeline::host;
use crate::pipeline::kmsg::{Backfill, KernelLog, LogLive};
use crate::pipeline::live::Live;
use crate::pipeline::setup::{Failure, Survey, attach, enricher, survey};
use crate::pipeline::stored::Stored;
use crate::pipeline::trace::{kernel_log, offer};
use crate::redact::{Pattern, Redactor};

/// A source, set up as the configuration asks for; its events go to `outlet`.
///
/// # Errors
///
/// Neither the probe nor, where that is allowed, the kernel log can be used.
pub(super) fn prepared(
    common: &CommonArgs,
    config: &Config,
    outlet: Box<StoreOutlet>,
) -> Result<Box<dyn Source>, Failure> {
    let capture = &config.capture;
    if capture.source == config::Source::Klog {
        return by_log(config, outlet);
    }
    let log = history(capture);
    // Before the probe is attached: what the log holds then, the probe has not seen.
    let backfill = match log {
        Some(log) => Some(Backfill::before_attaching(log, Some(stored(config)?))?),
        None => None,
    };
    match attached(common, capture) {
        Ok(Survey { attached, host, .. }) => {
            let redactor = Redactor::default()
                .and(patterns(capture).map_err(anyhow::Error::msg)?)
                .program_only(!capture.cmdline);
            let enricher = enricher(places(&config.capture.names));
            Ok(Box::new(Live::new(
                attached, host, enricher, redactor, None, outlet, backfill,
            )))
        }
        Err(Failure::Unable(why)) if capture.source == config::Source::Auto => {
            log::warn!("BPF unavailable ({why}); following the kernel log instead");
            by_log(config, outlet)
        }
        Err(Failure::Unable(why)) => Err(Failure::Unable(format!("{why}\noomtrace: {}", offer()))),
        Err(failure) => Err(failure),
    }
}

fn by_log(config: &Config, outlet: Box<StoreOutlet>) -> Result<Box<dyn Source>, Failure> {
    let log = kernel_log(config.capture.hostname.clone())?;
    let enricher = enricher(places(&config.capture.names));
    let stored = stored(config)?;
    let backfill = config.capture.backfill;
    Ok(Box::new(LogLive::new(
        log,
        enricher,
        outlet,
        backfill,
        Some(stored),
    )?))
}

/// The usual places, but for those that the configuration names.
fn places(names: &Names) -> NamePlaces {
    let mut places = NamePlaces::default();
    places.replace(&DOCKER, names.docker_roots.clone());
    places.replace(&CONTAINERD, names.containerd_states.clone());
    places.replace(&STORAGE, names.storage_roots.clone());
    let socket = names.docker_socket.clone();
    places.docker_socket = socket.or(places.docker_socket);
    places
}

fn attached(common: &CommonArgs, capture: &Capture) -> Result<Survey, Failure> {
    let (facts, mut plan) = survey()?;
    if capture.tracepoints_only {
        plan.functions.clear();
    }
    if let Some(bytes) = settings::essential_ring_bytes()? {
        plan.essential_ring_bytes = bytes;
    }
    attach(&facts, &plan, common, capture.hostname.clone())
}

/// The kernel log, where it is to be asked for what happened before.
fn history(capture: &Capture) -> Option<KernelLog> {
    if !capture.backfill {
        return None;
    }
    match KernelLog::open(capture.hostname.clone()) {
        Ok(log) => Some(log),
        Err(error) => {
            log::warn!(
                "kills while oomtrace was not running are not known: {error:#} (or set \
                 `capture.backfill = false`)"
            );
            None
        }
    }
}

fn stored(config: &Config) -> Result<Stored, Failure> {
    let stored = Stored::read(&config.store.path, host::boot_id()?);
    Ok(stored.map_err(anyhow::Error::from)?)
}

/// The patterns to mask.
///
/// # Errors
///
/// A sentence: one of them is none.
pub(super) fn patterns(capture: &Capture) -> Result<Vec<Pattern>, String> {
    let patterns = capture.redact.iter().map(|text| {
        text.parse()
            .map_err(|error| format!("capture.redact: {text:?}: {error}"))
    });
    patterns.collect()
}
