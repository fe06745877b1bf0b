//! The arguments of `oomtrace list`, `show`, `top` and `report`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{CheckFormat, FilterArgs, OutputArgs};
use super::moment::Moment;
use crate::history::Pick;

/// Where a store is unless another is named.
const STORE: &str = "/var/lib/oomtrace";

/// Which events are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct SelectArgs {
    /// Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h
    /// (two hours ago) or @SECONDS; in local time where it names no zone
    #[arg(long, value_name = "TIME", value_parser = super::moment::parse)]
    pub since: Option<Moment>,
    /// Only events up to this time
    #[arg(long, value_name = "TIME", value_parser = super::moment::parse)]
    pub until: Option<Moment>,
    /// Which kills.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// Places that hold events; the default store where none is named.
#[must_use]
pub fn places(named: Vec<PathBuf>) -> Vec<PathBuf> {
    if named.is_empty() {
        vec![PathBuf::from(STORE)]
    } else {
        named
    }
}

/// Arguments of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct ListArgs {
    /// Stores (directories), files of NDJSON (also .gz), or `-` [default: /var/lib/oomtrace]
    #[arg(value_name = "PLACE")]
    pub places: Vec<PathBuf>,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N", visible_alias = "limit")]
    pub count: Option<NonZeroUsize>,
    /// Show times in UTC instead of how long ago they were
    #[arg(long)]
    pub utc: bool,
    /// One line a kill, or the events themselves, whole, as NDJSON
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: CheckFormat,
    /// Which events.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Arguments of `show`.
#[derive(Clone, Debug, PartialEq, Eq, ClapArgs)]
pub struct ShowArgs {
    /// Which kill: an event's id or its beginning (with or without the boot id), the victim's process
    /// id, `last`, or -N for the Nth from the end
    #[arg(
        value_name = "ID",
        default_value = "last",
        allow_negative_numbers = true
    )]
    pub id: Pick,
    /// Stores (directories), files of NDJSON (also .gz), or `-` [default: /var/lib/oomtrace]
    #[arg(value_name = "PLACE")]
    pub places: Vec<PathBuf>,
    /// Show times in UTC instead of local time
    #[arg(long)]
    pub utc: bool,
    /// Which events.
    #[command(flatten)]
    pub select: SelectArgs,
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `top` counts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TopBy {
    /// Container, pod, unit or user that the victim belonged to, else its cgroup.
    #[default]
    Owner,
    /// The container's image.
    Image,
    /// The systemd unit.
    Unit,
    /// Whose limit it was.
    Limit,
}

/// Arguments of `top`.
#[derive(Clone, Debug, PartialEq, Eq, ClapArgs)]
pub struct TopArgs {
    /// Stores (directories), files of NDJSON (also .gz), or `-` [default: /var/lib/oomtrace]
    #[arg(value_name = "PLACE")]
    pub places: Vec<PathBuf>,
    /// What to count by
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub by: TopBy,
    /// Show so many
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub count: NonZeroUsize,
    /// Show times in UTC instead of how long ago they were
    #[arg(long)]
    pub utc: bool,
    /// Text for people, or one line of JSON each
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: CheckFormat,
    /// Which events.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Arguments of `report`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct ReportArgs {
    /// Stores (directories), files of NDJSON (also .gz), or `-` [default: /var/lib/oomtrace]
    #[arg(value_name = "PLACE")]
    pub places: Vec<PathBuf>,
    /// Where to write the page; an existing file is replaced [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which events.
    #[command(flatten)]
    pub select: SelectArgs,
}
