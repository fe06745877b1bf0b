//! Options that several commands share.

use clap::{Args as ClapArgs, ValueEnum};

use super::glob::Glob;

/// Arguments of every command.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
#[command(next_help_heading = "General options")]
pub struct CommonArgs {
    /// Show more: whole paths, progress; twice: the probe's diagnostics; thrice: the verifier's log
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// No messages on standard error, except for errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub color: ColorChoice,
}

/// How events are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Text for people, one short line per kill, or one line of JSON per event
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: OutputFormat,
    /// The same as `-o json`
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Everything that is known in the text, instead of a dozen lines per kill; -v implies it
    #[arg(long)]
    pub long: bool,
    /// Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)
    #[arg(long)]
    pub full: bool,
    /// Exact bytes in the text instead of KiB, MiB and GiB
    #[arg(long)]
    pub bytes: bool,
}

impl OutputArgs {
    /// The format that was asked for, either way.
    #[must_use]
    pub const fn format(&self) -> OutputFormat {
        if self.json {
            OutputFormat::Json
        } else {
            self.output
        }
    }
}

/// Which kills are shown. Repeat an option for alternatives; different options must all agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
#[command(next_help_heading = "Filters (* and ? are wildcards; repeat for alternatives)")]
pub struct FilterArgs {
    /// Only kills in (or by the limit of) this cgroup and those below it
    #[arg(long, value_name = "GLOB")]
    pub cgroup: Vec<Glob>,
    /// Only kills in the container of this name or id (or its first digits)
    #[arg(long, value_name = "GLOB")]
    pub container: Vec<Glob>,
    /// Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid
    #[arg(long, value_name = "GLOB")]
    pub pod: Vec<Glob>,
    /// Only kills in this systemd unit: nginx.service, or nginx
    #[arg(long, value_name = "GLOB")]
    pub unit: Vec<Glob>,
    /// Only kills of processes of this name (the kernel keeps 15 bytes)
    #[arg(long, value_name = "GLOB")]
    pub comm: Vec<Glob>,
}

/// The forms of what is no event: the report of `check`, lists and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object, or one a line.
    Json,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and
    /// which time it is.
    Oneline,
    /// NDJSON: one object per line.
    #[value(alias = "ndjson", alias = "jsonl")]
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A host name is repeated in every event: it must be short and printable.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 253 {
        return Err("a host name has 1 to 253 bytes".to_owned());
    }
    if text.contains(|c: char| c.is_whitespace() || crate::render::escape::is_unsafe(c)) {
        return Err("a host name has no spaces and no control characters".to_owned());
    }
    Ok(text.to_owned())
}
