//! `oomtrace decode`: kernel logs to events.

mod follow;
mod once;
mod settings;
mod source;

use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(super) use self::follow::follow;
use self::once::Once;
use self::settings::{BLOCK_BYTES, decoder};
use self::source::Source;
use super::kmsg::KernelLog;
use super::log_error::KMSG;
use super::output::{Flow, Output};
use super::progress::Progress;
use super::window::Window;
use crate::cli::Exit;
use crate::cli::args::DecodeArgs;
use crate::model::Event;

/// Decodes what the arguments name. Errors of single files are logged, and the others go on.
pub(super) fn decode(args: &DecodeArgs, output: &mut Output) -> Exit {
    let stdin = PathBuf::from("-");
    let files = if args.files.is_empty() {
        std::slice::from_ref(&stdin)
    } else {
        args.files.as_slice()
    };
    let mut failed = false;
    let mut events = 0;
    let mut once = Once::default();
    let mut window = Window::new(args.since, args.until, args.time_zone.clone());
    for path in files {
        match one(path, args, &mut once, &mut window, output) {
            Ok((count, Flow::Continue)) => events += count,
            Ok((_, Flow::Stop)) => return exit(failed),
            Err(error) => {
                failed = true;
                log::error!("{error:#}");
            }
        }
    }
    window.remark(" (--time-zone and --year may tell it)");
    if once.repeated() > 0 {
        log::warn!(
            "{} events are in the logs more than once and were shown once",
            once.repeated()
        );
    }
    if events == 0 && !failed {
        log::warn!("no OOM report was found");
    }
    if args.fail_if_empty && !failed && !output.has_shown() {
        return Exit::Empty;
    }
    exit(failed)
}

fn exit(failed: bool) -> Exit {
    if failed { Exit::Runtime } else { Exit::Success }
}

/// Decodes one log; how many events it gave.
fn one(
    path: &Path,
    args: &DecodeArgs,
    once: &mut Once,
    window: &mut Window,
    output: &mut Output,
) -> anyhow::Result<(u64, Flow)> {
    if path == Path::new(KMSG) {
        return kernel_log(args, once, window, output);
    }
    let mut source = Source::open(path)?;
    let mut decoder = decoder(args);
    let mut block = vec![0; BLOCK_BYTES];
    let mut progress = Progress::new();
    let mut read_bytes = 0_u64;
    let result = loop {
        // Somebody who watches a pipe sees what has come so far.
        if !decoder.is_quiet() && !source.has_more()? {
            decoder.pause();
            progress.make_way();
            if show(decoder.take(), once, window, output) == Flow::Stop {
                return Ok((decoder.events(), Flow::Stop));
            }
        }
        match source.read(&mut block) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                decoder.feed(block.get(..read).unwrap_or_default());
                read_bytes = read_bytes.saturating_add(read as u64);
                progress.show(|| source.progress(read_bytes, decoder.events()));
                let events = decoder.take();
                if !events.is_empty() {
                    progress.make_way();
                }
                if show(events, once, window, output) == Flow::Stop {
                    return Ok((decoder.events(), Flow::Stop));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(source.explained(error)),
        }
    };
    drop(progress);
    // What came before an error counts.
    decoder.finish();
    let flow = show(decoder.take(), once, window, output);
    result?;
    decoder.remark(source.name());
    Ok((decoder.events(), flow))
}

/// The same for this host's own log, as far as it goes now.
fn kernel_log(
    args: &DecodeArgs,
    once: &mut Once,
    window: &mut Window,
    output: &mut Output,
) -> anyhow::Result<(u64, Flow)> {
    let mut log = KernelLog::open(args.hostname.clone())?;
    let mut events = log.read()?;
    events.extend(log.finished());
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let flow = show(events, once, window, output);
    if flow == Flow::Continue {
        log.remark();
    }
    Ok((count, flow))
}

/// Shows what has not been shown yet.
fn show(events: Vec<Event>, once: &mut Once, window: &mut Window, output: &mut Output) -> Flow {
    output.show_waiting(
        events
            .into_iter()
            .filter(|event| window.holds(event) && once.is_new(event)),
    )
}
