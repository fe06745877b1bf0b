//! The arguments of `oomtrace decode`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::moment::Moment;
use super::options::{FilterArgs, OutputArgs, host_name};

/// Arguments of `decode`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct DecodeArgs {
    /// Logs; `-` is standard input [default: standard input; with --follow /dev/kmsg]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Wait for more: on /dev/kmsg, or on files that grow or are rotated
    #[arg(short, long)]
    pub follow: bool,
    /// Stop after this many kills were shown
    #[arg(short = 'n', long, value_name = "N")]
    pub count: Option<NonZeroU64>,
    /// Name of the host in the events, where the log does not name it
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub hostname: Option<String>,
    /// Year of the first date in a log whose dates have none (classic syslog)
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1970..=9999))]
    pub year: Option<i16>,
    /// Time zone of a log whose times show none: local, UTC, +02:00 or Europe/Berlin
    ///
    /// Without it, the events have no timestamp; times are shown as the log has them.
    #[arg(long, value_name = "ZONE", value_parser = super::zone::parse)]
    pub time_zone: Option<TimeZone>,
    /// Believe reports that another program than the kernel has written into the log
    ///
    /// Any program can write what looks like a kernel's report. Where the log shows who wrote a
    /// line, only the kernel's are believed.
    ///
    /// Plain `dmesg` output does not show who wrote a line: what a process with access to /dev/kmsg
    /// has written there cannot be told from the kernel's own words. `dmesg --decode`,
    /// `journalctl -k` and /dev/kmsg itself show it.
    #[arg(long)]
    pub trust_user_lines: bool,
    /// Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h
    /// (two hours ago) or @SECONDS
    ///
    /// Times without a zone are of --time-zone, else local. Events whose time of day is not known
    /// are left out.
    #[arg(long, value_name = "TIME", value_parser = super::moment::parse, conflicts_with = "follow")]
    pub since: Option<Moment>,
    /// Only events up to this time, written like --since
    #[arg(long, value_name = "TIME", value_parser = super::moment::parse, conflicts_with = "follow")]
    pub until: Option<Moment>,
    /// End with 4 if no event was shown
    #[arg(long, conflicts_with = "follow")]
    pub fail_if_empty: bool,
    /// What to show.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArgs,
}
