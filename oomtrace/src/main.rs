//! The `oomtrace` command.

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use oomtrace::program;

/// Keeps errors from capturing a backtrace, which no message shows: in a binary that is linked
/// statically and aborts on panic there are no tables to walk the stack by, and the attempt aborts.
#[expect(unsafe_code, reason = "the environment is the only switch there is")]
fn without_backtraces() {
    // SAFETY: the first statement of `main`: no other thread is there to read the environment.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
}

fn main() -> ExitCode {
    without_backtraces();
    if let Some(victim) = std::env::args_os()
        .next()
        .and_then(|name| program::demo_victim(&name))
    {
        return match victim() {
            Ok(()) => program::Exit::Success,
            Err(_) => program::Exit::Runtime,
        }
        .into();
    }
    match program::parse(std::env::args_os()) {
        Ok(invocation) => {
            program::install_messages(invocation.common.verbose, invocation.common.quiet);
            program::run(invocation).into()
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
