//! Logs that are still being written: /dev/kmsg, and files that grow, are rotated or cut short.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use tokio::time::{Instant, sleep_until};

use super::{
    BLOCK_BYTES, Decoder,
    source::{KMSG, Kmsg, explained, open_file, this_host},
};
use crate::{
    cli::{Exit, args::DecodeArgs},
    pipeline::{
        live::Signals,
        output::{Flow, Output},
        wait::{self, Readable},
    },
};

/// How often files are looked at. /dev/kmsg says by itself when there is more.
const FILES_EVERY: Duration = Duration::from_millis(250);

/// How long nothing may come before what is there is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// A log that is followed.
struct Followed {
    path: PathBuf,
    input: Input,
    decoder: Decoder,
    heard: Instant,
}

enum Input {
    Kmsg(Kmsg),
    /// A file; none while it is away between two rotations.
    File(Option<File>),
}

/// Follows the logs that the arguments name, until a signal comes or enough was shown.
///
/// # Errors
///
/// Waiting is not possible here.
pub(super) fn follow(args: &DecodeArgs, output: &mut Output) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up waiting")?
        .block_on(run(args, output))
}

async fn run(args: &DecodeArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let kmsg = PathBuf::from(KMSG);
    let paths = if args.files.is_empty() {
        std::slice::from_ref(&kmsg)
    } else {
        args.files.as_slice()
    };
    let mut failed = false;
    let mut logs = Vec::new();
    for path in paths {
        match Followed::open(path, args) {
            Ok(log) => logs.push(log),
            Err(error) => {
                failed = true;
                log::error!("{error:#}");
            }
        }
    }
    if logs.is_empty() {
        return Ok(Exit::Runtime);
    }
    let readable = logs
        .iter()
        .filter_map(|log| match &log.input {
            Input::Kmsg(kmsg) => Some(Readable::new(kmsg.0.as_fd())),
            Input::File(_) => None,
        })
        .collect::<Result<Vec<_>, _>>()
        .context("cannot wait for /dev/kmsg")?;
    let any_file = readable.len() < logs.len();
    let exit = 'following: loop {
        for log in &mut logs {
            match log.read(output) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => break 'following Exit::Success,
                Err(error) => {
                    failed = true;
                    log::error!("{error:#}");
                }
            }
        }
        // A report whose end has not come is shown after a while; then no timer runs.
        let shown_at = logs
            .iter()
            .filter(|log| !log.decoder.is_quiet())
            .map(|log| log.heard + PATIENCE)
            .min();
        let files_at = any_file.then(|| Instant::now() + FILES_EVERY);
        let wake_at = [shown_at, files_at].into_iter().flatten().min();
        tokio::select! {
            result = wait::any(&readable) => result.context("waiting for /dev/kmsg")?,
            () = at(wake_at) => {}
            exit = signals.next() => if let Some(exit) = exit {
                break exit;
            },
        }
        for log in &mut logs {
            let waited = !log.decoder.is_quiet() && log.heard.elapsed() >= PATIENCE;
            if waited && log.decoder.pause(output) == Flow::Stop {
                break 'following Exit::Success;
            }
        }
    };
    for log in &mut logs {
        if log.decoder.finish(output) == Flow::Stop {
            break;
        }
    }
    Ok(if failed && exit == Exit::Success {
        Exit::Runtime
    } else {
        exit
    })
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Followed {
    fn open(path: &Path, args: &DecodeArgs) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let is_kmsg = path == Path::new(KMSG);
        let file = open_file(path, is_kmsg).map_err(|error| explained(&name, &error))?;
        if file.metadata().is_ok_and(|about| about.is_dir()) {
            return Err(explained(&name, &rustix::io::Errno::ISDIR.into()));
        }
        let host = if is_kmsg {
            this_host(args)
        } else {
            crate::klog::report::KlogHost {
                hostname: args.hostname.clone(),
                tracer_version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Default::default()
            }
        };
        Ok(Self {
            path: path.to_owned(),
            input: if is_kmsg {
                Input::Kmsg(Kmsg(file))
            } else {
                Input::File(Some(file))
            },
            decoder: Decoder::new(args, host),
            heard: Instant::now(),
        })
    }

    /// Reads what is there.
    fn read(&mut self, output: &mut Output) -> anyhow::Result<Flow> {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let read = match &mut self.input {
                Input::Kmsg(kmsg) => kmsg.read(&mut block),
                Input::File(Some(file)) => file.read(&mut block),
                Input::File(None) => Ok(0),
            };
            let read = match read {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(explained(&self.path.display().to_string(), &error)),
            };
            if read > 0 {
                self.heard = Instant::now();
                let bytes = block.get(..read).unwrap_or_default();
                if self.decoder.feed(bytes, output) == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            } else if !self.turn_over()? {
                return Ok(Flow::Continue);
            }
        }
    }

    /// At the end of a file: whether there is a newer one under its name, or it was cut short, so
    /// that there is more to read.
    fn turn_over(&mut self) -> anyhow::Result<bool> {
        let Input::File(file) = &mut self.input else {
            return Ok(false);
        };
        // Away for the moment: rotation is in the middle of its work.
        let Ok(now) = fs::metadata(&self.path) else {
            return Ok(false);
        };
        let failed = |error: io::Error| explained(&self.path.display().to_string(), &error);
        if let Some(open) = file {
            let before = open.metadata().map_err(failed)?;
            if (before.dev(), before.ino()) == (now.dev(), now.ino()) {
                let position = open.stream_position().map_err(failed)?;
                if before.len() >= position {
                    return Ok(false);
                }
                open.rewind().map_err(failed)?;
                return Ok(true);
            }
        }
        *file = Some(open_file(&self.path, false).map_err(failed)?);
        Ok(true)
    }
}
