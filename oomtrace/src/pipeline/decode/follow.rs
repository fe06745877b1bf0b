//! Logs that are still being written: files that grow, are rotated or truncated, and /dev/kmsg.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::settings::{BLOCK_BYTES, decoder};
use crate::cli::args::DecodeArgs;
use crate::cli::{CommonArgs, Exit};
use crate::enrich::NamePlaces;
use crate::pipeline::decoder::Decoder;
use crate::pipeline::drain::{DRAIN_MAX, drained};
use crate::pipeline::kmsg::KernelLog;
use crate::pipeline::log_error::{KMSG, explained};
use crate::pipeline::output::{Flow, Output};
use crate::pipeline::setup::{Failure, finish_reading, output};
use crate::pipeline::trace::follow_log;
use crate::pipeline::wait::{Signals, at};

/// How often files are looked at.
const FILES_EVERY: Duration = Duration::from_millis(250);

/// A file that may grow.
struct GrowingFile {
    path: PathBuf,
    /// None while it is away between two rotations.
    file: Option<File>,
    decoder: Decoder,
}

/// Follows the logs that the arguments name, until a signal comes or enough was shown.
pub(in crate::pipeline) fn follow(
    runtime: &Runtime,
    common: &CommonArgs,
    args: &DecodeArgs,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    if args.files.iter().any(|file| file == Path::new("-")) {
        log::error!(
            "--follow waits for files to grow; standard input is read to its end without it"
        );
        return Ok(Exit::Usage);
    }
    let mut output = output(common, args.filter.clone(), &args.output, args.count)?;
    match args.files.as_slice() {
        [] => {}
        [file] if file == Path::new(KMSG) => {}
        files if files.iter().any(|file| file == Path::new(KMSG)) => {
            log::error!("--follow takes {KMSG} alone, or other files without it");
            return Ok(Exit::Usage);
        }
        files => {
            let exit = runtime.block_on(follow_files(files, args, &mut signals, &mut output))?;
            return finish_reading(&output, exit);
        }
    }
    let log = KernelLog::open(args.hostname.clone())?;
    let places = NamePlaces::default();
    follow_log(
        runtime,
        &mut signals,
        log,
        Box::new(output),
        places,
        None,
        true,
    )
}

async fn follow_files(
    paths: &[PathBuf],
    args: &DecodeArgs,
    signals: &mut Signals,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut failed = false;
    let mut logs = Vec::new();
    for path in paths {
        match GrowingFile::open(path, args) {
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
    let stdout = output.poll()?;
    let mut flow = Flow::Continue;
    let exit = loop {
        for log in &mut logs {
            if flow == Flow::Stop || output.is_congested() {
                break;
            }
            flow = log.read(output).unwrap_or_else(|error| {
                failed = true;
                log::error!("{error:#}");
                Flow::Continue
            });
        }
        if flow == Flow::Stop {
            break Exit::Success;
        }
        // A report whose end has not come is shown after a while.
        let shown_at = logs.iter().filter_map(|log| log.decoder.due()).min();
        let files_at = Instant::now() + FILES_EVERY;
        let wake_at = shown_at.map_or(files_at, |at| files_at.min(at.into()));
        tokio::select! {
            result = output.writable(stdout.as_ref()) => {
                result.context("waiting for standard output")?;
                flow = output.check_reader();
            }
            () = at(Some(wake_at)) => {}
            exit = signals.next() => if let Some(exit) = exit {
                break exit;
            },
        }
        for log in &mut logs {
            log.decoder.pause_if_due();
            if flow == Flow::Continue {
                flow = output.show_all(log.decoder.take());
            }
        }
    };
    for log in &mut logs {
        log.decoder.finish();
        output.show_all(log.decoder.take());
    }
    let limit = (flow == Flow::Continue).then_some(DRAIN_MAX);
    drained(output, stdout.as_ref(), signals, limit).await?;
    Ok(if failed && exit == Exit::Success {
        Exit::Runtime
    } else {
        exit
    })
}

impl GrowingFile {
    fn open(path: &Path, args: &DecodeArgs) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| explained(&name, &error))?;
        if file.metadata().is_ok_and(|about| about.is_dir()) {
            return Err(explained(&name, &rustix::io::Errno::ISDIR.into()));
        }
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            decoder: decoder(args),
        })
    }

    /// Reads what is there, as long as the output has room.
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
                if output.show_all(self.decoder.take()) == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                if output.is_congested() {
                    return Ok(Flow::Continue);
                }
            } else if !self.turn_over()? {
                return Ok(Flow::Continue);
            }
        }
    }

    /// At the end of a file: returns whether there is more to read, in a newer file of its name or
    /// because this one was truncated.
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
