//! The command line.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use super::ask_args::{ListArgs, ReportArgs, SelectArgs, ShowArgs, TopArgs, TopBy, places};
pub use super::daemon_args::{ConfigAction, ConfigArgs, DaemonArgs};
pub use super::decode_args::DecodeArgs;
use super::help::{
    CHECK_EXAMPLES, COMPLETIONS_EXAMPLES, CONFIG_EXAMPLES, DAEMON_EXAMPLES, DECODE_EXAMPLES,
    EXAMPLES, EXIT_CODES, LIST_EXAMPLES, MAN_EXAMPLES, REPLAY_EXAMPLES, REPORT_EXAMPLES,
    SHOW_EXAMPLES, STREAMS, TOP_EXAMPLES,
};
pub use super::manual::{CompletionsArgs, ManArgs};
use super::options::host_name;
pub use super::options::{CheckFormat, CommonArgs, FilterArgs, OutputArgs};
use crate::enrich::{CONTAINERD, DOCKER, NamePlaces, STORAGE};
use crate::redact::Pattern;

fn after_help() -> String {
    format!("Examples:\n{EXAMPLES}\n\nExit codes:\n{EXIT_CODES}\n\n{STREAMS}")
}

/// Explains every OOM kill on this node: who died, who asked for the memory, whose limit it was,
/// what filled it, and what to change.
///
/// Without a command it traces.
#[derive(Debug, Parser)]
#[command(
    name = "oomtrace",
    version,
    disable_help_subcommand = true,
    after_help = after_help(),
    max_term_width = 100
)]
pub struct Args {
    // The general options last: their heading would take in what follows them.
    #[command(flatten)]
    trace: TraceArgs,
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    action: Option<Action>,
}

impl Args {
    /// What is to be done; tracing if nothing else was asked for.
    ///
    /// # Errors
    ///
    /// If options of `trace` come before another command. (clap's own check for this would refuse
    /// the general options there, too.)
    pub fn invocation(self) -> Result<Invocation, clap::Error> {
        let action = match self.action {
            None => Action::Trace(self.trace),
            Some(action) if self.trace == TraceArgs::default() => action,
            Some(_) => {
                return Err(Self::command().error(
                    ErrorKind::ArgumentConflict,
                    "an option of `trace` cannot be used with another command; only -v, -q and \
                     --color may come before a command, its own options follow it",
                ));
            }
        };
        Ok(Invocation {
            common: self.common,
            action,
        })
    }
}

/// A command line, understood.
#[derive(Debug)]
pub struct Invocation {
    /// Options of every command.
    pub common: CommonArgs,
    /// The command.
    pub action: Action,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Explain OOM kills as they happen (the default command)
    ///
    /// Needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN on kernels without them), which root has. With
    /// --source klog it needs only to read the kernel log, and reports what is in it.
    Trace(TraceArgs),
    /// Explain the OOM kills in a kernel log: dmesg, journal, syslog, of this host or another
    ///
    /// Reads what dmesg, journalctl (short, json, export) and syslog daemons write, lines of
    /// container logs, /dev/kmsg, and what was pasted from any of these; also compressed by gzip, xz
    /// or zstd. Needs no privileges but those to read the file.
    #[command(after_help = format!("Examples:\n{DECODE_EXAMPLES}"))]
    Decode(DecodeArgs),
    /// Keep events in a store and deliver them: files, syslog, journal, HTTP, OpenTelemetry, metrics
    ///
    /// Every event is stored before it is delivered, and each receiver has a place of its own in the
    /// store: a restart goes on where it was, and a dead receiver delays nobody else. Needs what
    /// `trace` needs. SIGTERM ends it after a last delivery, SIGHUP reads the configuration and opens
    /// files again, SIGUSR1 compares the kernel's count of kills.
    #[command(after_help = format!("Examples:\n{DAEMON_EXAMPLES}"))]
    Daemon(DaemonArgs),
    /// Check the daemon's configuration
    #[command(after_help = format!("Examples:\n{CONFIG_EXAMPLES}"))]
    Config(ConfigArgs),
    /// Show a recorded capture (or NDJSON) again, in any output
    #[command(after_help = format!("Examples:\n{REPLAY_EXAMPLES}"))]
    Replay(ReplayArgs),
    /// List the kills that were kept, one line each, the newest last
    ///
    /// Reads what `oomtrace daemon` has stored, or files of `oomtrace -o json`. Ends with 4 if there is
    /// nothing to list, and with 1 if something could not be read; the rest is shown all the same.
    #[command(after_help = format!("Examples:\n{LIST_EXAMPLES}"))]
    List(ListArgs),
    /// Show one of the kills that were kept: the full report
    ///
    /// Ends with 4 if there is no such kill, with 2 if the id fits several.
    #[command(after_help = format!("Examples:\n{SHOW_EXAMPLES}"))]
    Show(ShowArgs),
    /// Show who is killed most, restart loops, and which limits are too small
    ///
    /// The limit that is needed comes from the events' own figures: what was charged and asked for at the
    /// last ten kills, and the caps that the victim's runtime was configured with.
    #[command(after_help = format!("Examples:\n{TOP_EXAMPLES}"))]
    Top(TopArgs),
    /// Write one HTML page about the kills that were kept, to send to a colleague
    ///
    /// A single static file without scripts, for screens (light and dark) and paper. It holds names and
    /// figures, no command lines. The same events give the same page.
    #[command(after_help = format!("Examples:\n{REPORT_EXAMPLES}"))]
    Report(ReportArgs),
    /// Show what this kernel offers, what would be missing and how to get it
    ///
    /// Ends with 0 if it can trace, even if some facts would be missing, and with 3 if it cannot.
    #[command(after_help = format!("Examples:\n{CHECK_EXAMPLES}"))]
    Check(CheckArgs),
    /// Cause one real OOM kill in a small throw-away cgroup, show it, and clean up
    ///
    /// A child of oomtrace fills a memory cgroup of its own with a limit of a few MiB. Nothing else
    /// on the node is touched.
    Demo(DemoArgs),
    /// Print the JSON Schema of the events
    Schema,
    /// Print the script that completes oomtrace's command line in a shell
    #[command(after_help = format!("Examples:\n{COMPLETIONS_EXAMPLES}"))]
    Completions(CompletionsArgs),
    /// Print a page of the manual, or write all of them
    #[command(after_help = format!("Examples:\n{MAN_EXAMPLES}"))]
    Man(ManArgs),
}

/// Arguments of `trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct TraceArgs {
    /// Stop after this many kills were shown
    #[arg(short = 'n', long, value_name = "N")]
    pub count: Option<NonZeroU64>,
    /// Stop after this long: 30s, 5m, 1h, 1h30m
    #[arg(long, value_name = "TIME", value_parser = super::duration::parse)]
    pub duration: Option<Duration>,
    /// Start with the kills that the kernel log still holds, then go on live; each kill once
    ///
    /// Kills that are no longer in the log are reported as a gap. Needs CAP_SYSLOG where the kernel
    /// restricts its log.
    #[arg(long)]
    pub backfill: bool,
    /// Where kills are seen: by a BPF probe, or in the kernel log
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t)]
    pub source: TraceSource,
    /// Put hooks on tracepoints only, none on the kernel's own functions
    ///
    /// The OOM killer's arguments are then found on the trigger's kernel stack, and of the candidates
    /// only those that survived are listed. Kernels that allow neither kprobes nor fentry are always
    /// traced in this way.
    #[arg(long)]
    pub tracepoints_only: bool,
    /// Also keep the raw capture in FILE, for `oomtrace replay`
    ///
    /// The file must not exist. It holds every kill that the probe sees, none of --backfill, secrets masked.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Also mask what fits this in command lines; `*` and `?` are wildcards; repeat for more
    ///
    /// Masked in the output and in what --record writes, in addition to known secrets. `*` is any text up to the end of the argument, `?` any one character, a space
    /// also the border between two arguments: 'tenant=*', '*.corp.example', '--tenant *'.
    #[arg(long, value_name = "PATTERN")]
    pub redact: Vec<Pattern>,
    /// Show the program only, none of its arguments; in --record, too
    #[arg(long)]
    pub no_cmdline: bool,
    /// Name of this host in the events [default: the kernel's]
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub hostname: Option<String>,
    /// Where to look for the names of containers.
    #[command(flatten)]
    pub names: NamesArgs,
    /// What to show.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Where to look for the names of containers. What does not exist is no error.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
#[command(next_help_heading = "Names of containers (repeat for several directories)")]
pub struct NamesArgs {
    /// Docker's data directory [default: /var/lib/docker]
    #[arg(long, value_name = "DIR")]
    pub docker_root: Vec<PathBuf>,
    /// Socket of Docker's daemon, asked where its files say nothing [default: /run/docker.sock]
    #[arg(long, value_name = "SOCKET")]
    pub docker_socket: Option<PathBuf>,
    /// containerd's state directory [default: /run/containerd, and those of k3s, k0s, MicroK8s]
    #[arg(long, value_name = "DIR")]
    pub containerd_state: Vec<PathBuf>,
    /// Storage of Podman and CRI-O
    /// [default: /var/lib/containers/storage and /run/containers/storage]
    #[arg(long, value_name = "DIR")]
    pub storage_root: Vec<PathBuf>,
}

impl From<NamesArgs> for NamePlaces {
    fn from(args: NamesArgs) -> Self {
        let mut places = Self::default();
        places.replace(&DOCKER, args.docker_root);
        places.replace(&CONTAINERD, args.containerd_state);
        places.replace(&STORAGE, args.storage_root);
        places.docker_socket = args.docker_socket.or(places.docker_socket);
        places
    }
}

/// Arguments of `replay`.
#[derive(Clone, Debug, PartialEq, Eq, ClapArgs)]
pub struct ReplayArgs {
    /// A file from `--record`, or NDJSON from `-o json`; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also mask what fits this in command lines
    #[arg(long, value_name = "PATTERN")]
    pub redact: Vec<Pattern>,
    /// Show the program only, none of its arguments
    #[arg(long)]
    pub no_cmdline: bool,
    /// What to show.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct CheckArgs {
    /// End with 3 also if it can trace but some facts would be missing
    #[arg(long)]
    pub strict: bool,
    /// Text for people, or one JSON object
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: CheckFormat,
    /// List what this host offers, one fact a line, and try nothing; good in a bug report
    #[arg(long, conflicts_with_all = ["strict", "output"])]
    pub facts: bool,
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct DemoArgs {
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How `trace` sees kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TraceSource {
    /// The BPF probe; where it cannot be loaded, end with 3.
    #[default]
    Bpf,
    /// /dev/kmsg, followed: no BPF, fewer facts (`missing` names them).
    Klog,
    /// The BPF probe if it can be loaded, else /dev/kmsg.
    Auto,
}
