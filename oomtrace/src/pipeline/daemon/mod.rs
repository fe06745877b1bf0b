//! `oomtrace daemon`: rings → bounded memory → store → sinks.

mod capture;
mod delivery;
mod figures;
mod gap;
mod notify;
mod outlet;
mod protect;
mod settings;
mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use self::delivery::{Delivery, checked};
use self::outlet::StoreOutlet;
use self::protect::protect;
use super::follow::follow;
use super::setup::{Failure, print};
use super::trace::exempt_from_oom_killer;
use super::wait::Signals;
use crate::cli::args::{ConfigAction, ConfigArgs, DaemonArgs};
use crate::cli::{CommonArgs, Exit};
use crate::config::Config;
use crate::daemon::Spool;
use crate::metrics::Tally;
use crate::process;
use crate::store;
use crate::store::{Opened, Writer};

/// `oomtrace config check`.
pub(super) fn config(args: &ConfigArgs) -> Exit {
    let ConfigAction::Check { file } = &args.action;
    match settings::from_file(file).and_then(|config| checked(&config)) {
        Ok(()) => {
            log::warn!("{} can be used", file.display());
            Exit::Success
        }
        Err(error) => {
            log::error!("{error}");
            Exit::Usage
        }
    }
}

/// Captures into the store and delivers until a signal comes.
pub(super) fn daemon(
    runtime: &Runtime,
    common: &CommonArgs,
    args: &DaemonArgs,
) -> Result<Exit, Failure> {
    let config = settings::read(args).and_then(|config| checked(&config).map(|()| config));
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            log::error!("{error}");
            return Ok(Exit::Usage);
        }
    };
    if args.print_config {
        return print(crate::config::print(&config).as_bytes());
    }
    // From here on a signal is kept until it is waited for, however long attaching takes.
    let mut signals = Signals::new()?;
    let writer = open_store(&config)?;
    let tally = Arc::new(Tally::new(config.metrics.owners_max));
    let has_room = Arc::new(Notify::new());
    let notified = Arc::clone(&has_room);
    let spool = Spool::new(move || notified.notify_one());
    let outlet = Box::new(StoreOutlet::new(
        spool.clone(),
        has_room,
        Arc::clone(&tally),
    ));
    let mut source = capture::prepared(common, &config, outlet)?;
    let listener = figures::listen(&config.metrics)?;
    exempt_from_oom_killer();
    let in_force = protect(&config, &*source);
    let delivery = Delivery::start(args, &config, writer, spool, in_force.landlock)?;
    delivery.reload_on_hangup(runtime)?;
    let is_capturing = Arc::new(AtomicBool::new(false));
    let (kept, sinks) = delivery.achieved();
    figures::offer(
        listener,
        &config.metrics,
        &in_force,
        tally,
        kept,
        sinks,
        Arc::clone(&is_capturing),
    )?;
    notify::feed_watchdog(runtime);
    let exit = runtime.block_on(follow(&mut *source, &mut signals, None, || {
        log::warn!(
            "tracing OOM kills into {}, sinks: {}; {in_force}; end with SIGTERM",
            config.store.path.display(),
            config.sinks.len()
        );
        is_capturing.store(true, Ordering::Relaxed);
        notify::notify("READY=1\nSTATUS=tracing OOM kills");
        process::release_startup_memory();
    }))?;
    log::warn!("{}", source.summary());
    notify::notify("STOPPING=1\nSTATUS=delivering what is left");
    for loss in source.losses() {
        log::error!("{loss}");
    }
    Ok(if delivery.ended() {
        exit
    } else {
        Exit::Runtime
    })
}

fn open_store(config: &Config) -> anyhow::Result<Writer> {
    let settings = store::Settings {
        max_bytes: config.store.max_bytes,
        max_age: config.store.max_age,
    };
    let Opened { writer, cut_bytes } = Writer::open(&config.store.path, settings)?;
    if cut_bytes > 0 {
        log::warn!(
            "the last event of the store was cut off in the middle of being written ({cut_bytes} \
             bytes); the kernel log is asked for it"
        );
    }
    Ok(writer)
}
