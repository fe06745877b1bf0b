//! Logs that are still being written: /dev/kmsg, and files that grow, are rotated or cut short.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::{BLOCK_BYTES, decoder, source::explained};
use crate::{
    cli::{Exit, args::DecodeArgs},
    model::Event,
    pipeline::{
        decoder::Decoder,
        kmsg::{KMSG, KernelLog},
        output::{Flow, Output},
        wait::{self, Readable, Signals, at},
    },
};

/// How often files are looked at. /dev/kmsg says by itself when there is more.
const FILES_EVERY: Duration = Duration::from_millis(250);

/// A log that is followed.
enum Followed {
    Kmsg(Box<KernelLog>),
    File(Box<GrowingFile>),
}

struct GrowingFile {
    path: PathBuf,
    /// None while it is away between two rotations.
    file: Option<File>,
    decoder: Decoder,
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
        .filter_map(|log| match log {
            Followed::Kmsg(log) => Some(Readable::new(log.fd())),
            Followed::File(_) => None,
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
        let shown_at = logs.iter().filter_map(Followed::due).min();
        let files_at = any_file.then(|| Instant::now() + FILES_EVERY);
        let wake_at = shown_at.into_iter().chain(files_at).min();
        tokio::select! {
            result = wait::any(&readable) => result.context("waiting for /dev/kmsg")?,
            () = at(wake_at.map(Into::into)) => {}
            exit = signals.next() => if let Some(exit) = exit {
                break exit;
            },
        }
        for log in &mut logs {
            if show(&log.settled(), output) == Flow::Stop {
                break 'following Exit::Success;
            }
        }
    };
    for log in &mut logs {
        if show(&log.finished(), output) == Flow::Stop {
            break;
        }
    }
    Ok(if failed && exit == Exit::Success {
        Exit::Runtime
    } else {
        exit
    })
}

fn show(events: &[Event], output: &mut Output) -> Flow {
    for event in events {
        if output.show(event) == Flow::Stop {
            return Flow::Stop;
        }
    }
    Flow::Continue
}

impl Followed {
    fn open(path: &Path, args: &DecodeArgs) -> anyhow::Result<Self> {
        if path == Path::new(KMSG) {
            let log = KernelLog::open(args.hostname.clone())?;
            return Ok(Self::Kmsg(Box::new(log)));
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| explained(&name, &error))?;
        if file.metadata().is_ok_and(|about| about.is_dir()) {
            return Err(explained(&name, &rustix::io::Errno::ISDIR.into()));
        }
        Ok(Self::File(Box::new(GrowingFile {
            path: path.to_owned(),
            file: Some(file),
            decoder: decoder(args),
        })))
    }

    /// Reads what is there.
    fn read(&mut self, output: &mut Output) -> anyhow::Result<Flow> {
        match self {
            Self::Kmsg(log) => Ok(show(&log.read()?, output)),
            Self::File(log) => log.read(output),
        }
    }

    fn due(&self) -> Option<Instant> {
        match self {
            Self::Kmsg(log) => log.due(),
            Self::File(log) => log.decoder.due(),
        }
    }

    fn settled(&mut self) -> Vec<Event> {
        match self {
            Self::Kmsg(log) => log.settled(),
            Self::File(log) => {
                log.decoder.pause_if_due();
                log.decoder.take()
            }
        }
    }

    fn finished(&mut self) -> Vec<Event> {
        match self {
            Self::Kmsg(log) => log.finished(),
            Self::File(log) => {
                log.decoder.finish();
                log.decoder.take()
            }
        }
    }
}

impl GrowingFile {
    fn read(&mut self, output: &mut Output) -> anyhow::Result<Flow> {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let read = match &mut self.file {
                Some(file) => file.read(&mut block),
                None => Ok(0),
            };
            let read = match read {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(explained(&self.path.display().to_string(), &error)),
            };
            if read > 0 {
                self.decoder.feed(block.get(..read).unwrap_or_default());
                if self.decoder.show(output) == Flow::Stop {
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
        // Away for the moment: rotation is in the middle of its work.
        let Ok(now) = fs::metadata(&self.path) else {
            return Ok(false);
        };
        let failed = |error: io::Error| explained(&self.path.display().to_string(), &error);
        if let Some(open) = &mut self.file {
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
        self.file = Some(File::open(&self.path).map_err(failed)?);
        Ok(true)
    }
}
