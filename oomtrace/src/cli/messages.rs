//! Messages on standard error: `oomtrace: …`, one line each.

use std::io::{self, Write as _};

use log::{LevelFilter, Log, Metadata, Record};

/// Writes log records to standard error.
struct Messages;

impl Log for Messages {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("oomtrace: {}\n", record.args());
            // Standard error is the last resort: if it fails, there is nobody to report it to.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Sends messages to standard error from now on: errors and warnings, with `verbose` more, with
/// `quiet` errors alone.
pub fn install(verbose: u8, quiet: bool) {
    log::set_max_level(match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Warn,
        (false, 1) => LevelFilter::Info,
        (false, 2) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    });
    // Only fails where it was installed before, which is just as well.
    let _ = log::set_logger(&Messages);
}
