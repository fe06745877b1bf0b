//! The daemon's threads behind the capture: the store's, and one for each sink.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::capture::patterns;
use super::protect;
use super::protect::confined;
use super::settings;
use super::shape::SinkShape;
use crate::cli::args::DaemonArgs;
use crate::config;
use crate::config::{Address, Config, Kind};
use crate::daemon::{Keeper, Kept, Spool};
use crate::sinks;
use crate::sinks::{
    Body, Figures, FileSink, Handle, HttpSink, JournaldSink, KubernetesSink, Progress, Receiver,
    Setup, StdoutSink, SyslogAddress, SyslogSink,
};
use crate::store::Writer;

/// How long the end waits for the store, and then for the sinks.
const STORE_WITHIN: Duration = Duration::from_secs(2);
const SINKS_WITHIN: Duration = Duration::from_secs(2);

/// How long a reload waits for a sink that is to end.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Everything that runs behind the capture.
pub(super) struct Delivery {
    spool: Spool,
    kept: Kept,
    keeper: JoinHandle<()>,
    sinks: Arc<Sinks>,
}

impl Delivery {
    /// Starts the store's thread and the sinks; with `is_confined`, by Landlock to their directories.
    ///
    /// # Errors
    ///
    /// A sink cannot be started.
    pub(super) fn start(
        args: &DaemonArgs,
        config: &Config,
        writer: Writer,
        spool: Spool,
        is_confined: bool,
    ) -> anyhow::Result<Self> {
        let progress = Arc::new(Progress::default());
        let is_synced = config.store.sync;
        let keeper = Keeper::new(spool.clone(), writer, Arc::clone(&progress), is_synced);
        let kept = keeper.kept();
        let sinks = Arc::new(Sinks {
            args: args.clone(),
            directory: config.store.path.clone(),
            progress,
            is_confined,
            running: Mutex::default(),
        });
        sinks.apply(config)?;
        let store = [config.store.path.clone()];
        let keeper = confined(is_confined, &store, || keeper.start());
        let keeper = keeper.context("cannot start a thread")?;
        Ok(Self {
            spool,
            kept,
            keeper,
            sinks,
        })
    }

    /// Reads the configuration and opens files again at each SIGHUP.
    ///
    /// # Errors
    ///
    /// The signal cannot be handled.
    pub(super) fn reload_on_hangup(&self, runtime: &Runtime) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
        let sinks = Arc::clone(&self.sinks);
        runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                let sinks = Arc::clone(&sinks);
                // Ending a sink can take seconds, for which the capture must not wait.
                let _ = tokio::task::spawn_blocking(move || sinks.reload()).await;
            }
        });
        Ok(())
    }

    /// What the store's thread and the sinks have achieved.
    pub(super) fn achieved(&self) -> (Kept, Arc<Sinks>) {
        (self.kept.clone(), Arc::clone(&self.sinks))
    }

    /// The capture is over: stores and delivers what there is. Returns whether everything was stored;
    /// what was not delivered is delivered after the next start.
    pub(super) fn ended(self) -> bool {
        self.spool.close(STORE_WITHIN);
        let is_stored = self.keeper.join().is_ok() && self.kept.figures().given_up == 0;
        self.sinks.progress.finish(SINKS_WITHIN);
        let deadline = Instant::now() + SINKS_WITHIN;
        let end = self.sinks.progress.view().end;
        for (_, sink) in self.sinks.running().drain(..) {
            let (name, status) = (sink.name.clone(), Arc::clone(&sink.status));
            let _ = sink.ended_by(deadline);
            let left = end.saturating_sub(status.figures().place);
            if left > 0 {
                log::warn!(
                    "sink {name}: {left} events are not delivered yet; they are kept for the next \
                     start"
                );
            }
        }
        if !is_stored {
            let lost = self.kept.figures().given_up;
            log::error!("{lost} events could not be stored");
        }
        is_stored
    }
}

/// The sinks that run, and how to start others.
pub(super) struct Sinks {
    args: DaemonArgs,
    directory: PathBuf,
    progress: Arc<Progress>,
    is_confined: bool,
    running: Mutex<Vec<(config::Sink, Handle)>>,
}

impl Sinks {
    /// Makes the running sinks those of the configuration: a changed one is replaced.
    fn apply(&self, config: &Config) -> anyhow::Result<()> {
        let mut running = self.running();
        let (kept, ended): (Vec<_>, Vec<_>) = running
            .drain(..)
            .partition(|(sink, _)| config.sinks.contains(sink));
        *running = kept;
        let mut busy = Vec::new();
        for (sink, handle) in ended {
            if !handle.stopped(STOP_WITHIN) {
                log::error!(
                    "sink {}: its receiver does not let it go; it ends with this process",
                    sink.name
                );
                busy.push(sink.name);
            }
        }
        for sink in &config.sinks {
            let is_running = running.iter().any(|(other, _)| other == sink);
            // Two with one cursor would deliver twice.
            if is_running || busy.contains(&sink.name) {
                continue;
            }
            let handle = self.start(sink)?;
            running.push((sink.clone(), handle));
        }
        Ok(())
    }

    fn start(&self, sink: &config::Sink) -> anyhow::Result<Handle> {
        let mut shape = SinkShape::new(sink)?;
        shape.recall(&self.directory)?;
        let setup = Setup {
            name: sink.name.clone(),
            directory: self.directory.clone(),
            shape: Box::new(shape),
            receiver: receiver(&sink.kind),
        };
        let mut directories = protect::directories(&sink.kind);
        directories.push(self.directory.clone());
        let start = || sinks::start(setup, &self.progress);
        let started = confined(self.is_confined, &directories, start);
        started.with_context(|| format!("cannot start sink {}", sink.name))
    }

    fn reload(&self) {
        let config = settings::read(&self.args);
        let applied = config.and_then(|config| {
            checked(&config)?;
            self.apply(&config).map_err(|error| format!("{error:#}"))
        });
        match applied {
            Ok(()) => log::warn!(
                "configuration read again: {} sinks (changes of [capture], [store] and [metrics] \
                 need a restart)",
                self.running().len()
            ),
            Err(error) => log::error!("the configuration stays as it was: {error}"),
        }
        self.progress.reopen();
    }

    /// For each sink its name, the number of events that wait for it, and its figures.
    pub(super) fn figures<T>(&self, make: impl Fn(String, u64, Figures) -> T) -> Vec<T> {
        let end = self.progress.view().end;
        let figures = |(_, sink): &(config::Sink, Handle)| {
            let figures = sink.status.figures();
            make(
                sink.name.clone(),
                end.saturating_sub(figures.place),
                figures,
            )
        };
        self.running().iter().map(figures).collect()
    }

    fn running(&self) -> MutexGuard<'_, Vec<(config::Sink, Handle)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a sink of this kind delivers.
fn receiver(kind: &Kind) -> Box<dyn Receiver> {
    match kind {
        Kind::Stdout => Box::new(StdoutSink::default()),
        Kind::File {
            path,
            max_bytes,
            max_age,
            keep,
        } => Box::new(FileSink::new(path.clone(), *max_bytes, *keep).rotated_after(*max_age)),
        Kind::Syslog { address } => Box::new(SyslogSink::new(match address {
            Address::Unixgram(path) => SyslogAddress::Unixgram(path.clone()),
            Address::Tcp(host) => SyslogAddress::Tcp(host.clone()),
        })),
        Kind::Journald { socket } => Box::new(JournaldSink::new(socket.clone())),
        Kind::Http { url, gzip, timeout } => Box::new(HttpSink {
            authority: url.authority.clone(),
            path: url.path.clone(),
            gzip: *gzip,
            timeout: *timeout,
            body: Body::Ndjson,
        }),
        Kind::Otlp { url, gzip, timeout } => Box::new(HttpSink {
            authority: url.authority.clone(),
            path: url.path.clone(),
            gzip: *gzip,
            timeout: *timeout,
            body: Body::Otlp,
        }),
        Kind::Kubernetes {
            url,
            token_file,
            timeout,
        } => Box::new(KubernetesSink::new(
            url.authority.clone(),
            &url.path,
            *timeout,
            token_file.clone(),
        )),
    }
}

/// Checks what only the daemon can: patterns, and that each sink can be set up.
pub(super) fn checked(config: &Config) -> Result<(), String> {
    patterns(&config.capture)?;
    for sink in &config.sinks {
        SinkShape::new(sink).map_err(|error| format!("{error:#}"))?;
    }
    Ok(())
}
