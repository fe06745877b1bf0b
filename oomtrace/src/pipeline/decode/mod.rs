//! `oomtrace decode`: kernel logs to events.

mod follow;
mod source;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use self::source::Source;
use super::{
    output::{Flow, Output},
    recurrence::Recurrences,
};
use crate::{
    cli::{Exit, args::DecodeArgs},
    diagnose,
    klog::{
        carrier::{Carrier, CarrierCounts, CarrierSettings},
        line::Line,
        report::{KlogHost, Reports},
    },
    model::Event,
};

/// Bytes read at once: large enough for searching at the speed of memory, small enough for a cache.
const BLOCK_BYTES: usize = 256 * 1024;

/// Decodes what the arguments name. Errors of single files are logged, and the others go on.
///
/// # Errors
///
/// Waiting is not possible here.
pub(super) fn decode(args: &DecodeArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let stdin = PathBuf::from("-");
    if args.follow {
        if args.files.contains(&stdin) {
            log::error!(
                "--follow waits for files to grow; standard input is read to its end without it"
            );
            return Ok(Exit::Usage);
        }
        return follow::follow(args, output);
    }
    let files = if args.files.is_empty() {
        std::slice::from_ref(&stdin)
    } else {
        args.files.as_slice()
    };
    let mut failed = false;
    let mut events = 0;
    for path in files {
        match one(path, args, output) {
            Ok((count, Flow::Continue)) => events += count,
            Ok((_, Flow::Stop)) => return Ok(exit(failed)),
            Err(error) => {
                failed = true;
                log::error!("{error:#}");
            }
        }
    }
    if events == 0 && !failed {
        log::warn!("no OOM report was found");
    }
    Ok(exit(failed))
}

fn exit(failed: bool) -> Exit {
    if failed { Exit::Runtime } else { Exit::Success }
}

/// Decodes one log; how many events it gave.
fn one(path: &Path, args: &DecodeArgs, output: &mut Output) -> anyhow::Result<(u64, Flow)> {
    let mut source = Source::open(path)?;
    let mut decoder = Decoder::new(args, source.host(args));
    let mut block = vec![0; BLOCK_BYTES];
    let result = loop {
        // Somebody who watches a pipe sees what has come so far.
        if !decoder.is_quiet() && !source.has_more()? && decoder.pause(output) == Flow::Stop {
            return Ok((decoder.events, Flow::Stop));
        }
        match source.read(&mut block) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                let bytes = block.get(..read).unwrap_or_default();
                if decoder.feed(bytes, output) == Flow::Stop {
                    return Ok((decoder.events, Flow::Stop));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(source.explained(error)),
        }
    };
    // What came before an error counts.
    let flow = decoder.finish(output);
    result?;
    decoder.remark(source.name());
    Ok((decoder.events, flow))
}

/// Bytes of one log to shown events.
struct Decoder {
    carrier: Carrier,
    reports: Reports,
    ready: Vec<Event>,
    recurrences: Recurrences,
    events: u64,
    /// Nothing has come since the last pause.
    quiet: bool,
}

impl Decoder {
    fn new(args: &DecodeArgs, host: KlogHost) -> Self {
        Self {
            carrier: Carrier::new(CarrierSettings {
                time_zone: args.time_zone.clone(),
                year: args.year,
                trust_user_lines: args.trust_user_lines,
                live: args.follow,
            }),
            reports: Reports::new(host),
            ready: Vec::new(),
            recurrences: Recurrences::default(),
            events: 0,
            quiet: true,
        }
    }

    fn feed(&mut self, bytes: &[u8], output: &mut Output) -> Flow {
        self.quiet = false;
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.carrier
            .push(bytes, |line: Line| reports.line(&line, ready));
        self.show(output)
    }

    /// Whether nothing waits to be shown.
    fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Nothing more comes for the moment.
    fn pause(&mut self, output: &mut Output) -> Flow {
        self.quiet = true;
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.carrier.pause(|line: Line| reports.line(&line, ready));
        self.reports.idle(&mut self.ready);
        self.show(output)
    }

    fn finish(&mut self, output: &mut Output) -> Flow {
        let (reports, ready) = (&mut self.reports, &mut self.ready);
        self.carrier.finish(|line: Line| reports.line(&line, ready));
        self.reports.finish(&mut self.ready);
        self.show(output)
    }

    fn show(&mut self, output: &mut Output) -> Flow {
        for mut event in self.ready.drain(..) {
            self.events = self.events.saturating_add(1);
            if let Event::OomKill(kill) = &mut event {
                self.recurrences.note(kill);
            }
            diagnose::explain(&mut event);
            if output.show(&event) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Says what the reader of an empty output should know.
    fn remark(&self, name: &str) {
        let CarrierCounts {
            bytes,
            nul_bytes,
            user_lines,
        } = self.carrier.counts();
        if bytes == 0 {
            log::warn!("{name} is empty");
        } else if self.events == 0 && nul_bytes > 0 {
            log::warn!("{name} looks like a binary file, not like a log");
        }
        if user_lines > 0 {
            log::warn!(
                "{name}: {user_lines} lines look like an OOM report and were written by another \
                 program than the kernel; they were left out (--trust-user-lines)"
            );
        }
    }
}
