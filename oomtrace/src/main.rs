//! The `oomtrace` command.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use oomtrace::{cli, pipeline};

fn main() -> ExitCode {
    if std::env::args_os()
        .next()
        .is_some_and(|name| name == pipeline::VICTIM_NAME)
    {
        return match pipeline::fill_memory() {
            Ok(()) => cli::Exit::Success,
            Err(_) => cli::Exit::Runtime,
        }
        .into();
    }
    match cli::parse(std::env::args_os()) {
        Ok(invocation) => {
            cli::messages::install(invocation.common.verbose, invocation.common.quiet);
            pipeline::run(invocation).into()
        }
        Err(stop) => {
            // Help that nobody reads any more is no failure.
            let _ = if stop.to_stdout {
                io::stdout().lock().write_all(stop.text.as_bytes())
            } else {
                io::stderr().lock().write_all(stop.text.as_bytes())
            };
            stop.exit.into()
        }
    }
}
