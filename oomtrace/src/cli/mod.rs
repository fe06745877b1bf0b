//! Arguments, filters, settings and exit codes: everything between a command line and the
//! [`Invocation`] that the pipeline carries out.

pub mod args;
pub mod exit;
pub mod filter;
pub mod messages;
pub mod settings;

mod duration;
mod glob;
mod zone;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

pub use args::{Action, Args, CommonArgs, Invocation};
pub use exit::Exit;

/// The JSON Schema of the events, as `oomtrace schema` prints it.
pub const SCHEMA: &str = include_str!("../../../docs/oomtrace.schema.json");

/// The command line as clap knows it; man pages and completions are made from it.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

/// A command line that ends here: help, the version, or a mistake.
#[derive(Debug)]
pub struct Stop {
    /// What to write, whole lines.
    pub text: String,
    /// Where to: `true` for standard output (what was asked for), `false` for standard error.
    pub to_stdout: bool,
    /// How to end.
    pub exit: Exit,
}

/// Reads a command line, its first element being the program's name.
///
/// # Errors
///
/// [`Stop`] if it asks for help or the version, or is wrong.
pub fn parse<I, T>(arguments: I) -> Result<Invocation, Stop>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Args::try_parse_from(arguments)
        .and_then(Args::invocation)
        .map_err(|error| {
            let text = error.render().to_string();
            if error.use_stderr() {
                Stop {
                    text: match text.strip_prefix("error: ") {
                        Some(rest) => format!("oomtrace: {rest}"),
                        None => text,
                    },
                    to_stdout: false,
                    exit: Exit::Usage,
                }
            } else {
                Stop {
                    text,
                    to_stdout: true,
                    exit: Exit::Success,
                }
            }
        })
}

#[cfg(test)]
mod tests;
