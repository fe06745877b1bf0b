//! Arguments, filters, settings and exit codes: everything between a command line and the
//! [`Invocation`] that the pipeline carries out.

pub mod args;
pub mod exit;
pub mod filter;
pub mod help;
pub mod manual;
pub mod messages;
pub mod settings;

mod ask_args;
mod daemon_args;
mod decode_args;
mod duration;
mod glob;
mod moment;
mod options;
mod zone;

use std::ffi::OsString;
use std::io::Read as _;

pub use args::{Action, Args, CommonArgs, Invocation};
use clap::{CommandFactory, Parser};
pub use daemon_args::CONFIG_DEFAULT;
pub use exit::Exit;
pub use moment::Moment;

/// The JSON Schema of the events, packed: a tenth of its size in every copy of the binary.
const SCHEMA_PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/schema.json.gz"));

/// The JSON Schema of the events, as `oomtrace schema` prints it.
///
/// # Errors
///
/// The embedded bytes do not unpack, which a test rules out.
pub fn schema() -> std::io::Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(SCHEMA_PACKED).read_to_string(&mut text)?;
    Ok(text)
}

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
