//! The table of what each module of oomtrace may use: data for [`super::dependencies`], and the same
//! as the table in `docs/ARCHITECTURE.md`, where the reasons stand.

/// Ways out of the process that a module may need permission for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// `std::fs`, `std::os::unix::fs`.
    Files,
    /// `Instant`, `SystemTime`, `rustix::time`.
    Clock,
    /// `std::env`.
    Environment,
    /// `std::process`, `std::thread`, `std::net`, `rustix::net`.
    World,
    /// `std::io::{stdin, stdout, stderr}`.
    Stdio,
}

/// A row of the table.
pub struct Row {
    /// Its name.
    pub module: &'static str,
    /// Modules of the same crate it may name.
    pub modules: &'static [&'static str],
    /// Crates it may name, besides `std` and those of [`EVERYWHERE`].
    pub crates: &'static [&'static str],
    /// Doors it may go through.
    pub doors: &'static [Door],
}

/// Crates without reach: error types and byte search.
pub const EVERYWHERE: &[&str] = &["thiserror", "memchr"];

/// Modules of `oomtrace` that wire the others together and may use anything but aya.
pub const WIRING: &[&str] = &["pipeline", "cli"];

/// A row for each module that is no wiring.
pub const TABLE: &[Row] = &[
    Row {
        module: "model",
        modules: &[],
        crates: &["serde", "serde_json", "schemars", "jiff"],
        doors: &[],
    },
    Row {
        module: "btf",
        modules: &[],
        crates: &["oomtrace_common"],
        doors: &[],
    },
    Row {
        module: "kernel",
        modules: &["btf", "model"],
        crates: &["oomtrace_common", "rustix", "log"],
        doors: &[Door::Files],
    },
    Row {
        module: "loader",
        modules: &["kernel", "btf", "model"],
        crates: &[
            "oomtrace_common",
            "aya",
            "aya_log",
            "log",
            "libc",
            "flate2",
            "zerocopy",
        ],
        doors: &[Door::Files],
    },
    Row {
        module: "process",
        modules: &[],
        crates: &["rustix", "libc", "log"],
        doors: &[Door::Files, Door::Clock],
    },
    Row {
        module: "decode",
        modules: &["model"],
        crates: &["oomtrace_common", "zerocopy"],
        doors: &[],
    },
    Row {
        module: "cgroup",
        modules: &["model"],
        crates: &[],
        doors: &[],
    },
    Row {
        module: "words",
        modules: &["model"],
        crates: &[],
        doors: &[],
    },
    Row {
        module: "assemble",
        modules: &["decode", "model", "cgroup"],
        crates: &["oomtrace_common", "jiff"],
        doors: &[],
    },
    Row {
        module: "klog",
        modules: &["model", "cgroup"],
        crates: &[
            "aho_corasick",
            "flate2",
            "jiff",
            "lzma_rust2",
            "ruzstd",
            "serde_json",
        ],
        doors: &[],
    },
    Row {
        module: "redact",
        modules: &["model"],
        crates: &["oomtrace_common", "zerocopy"],
        doors: &[],
    },
    Row {
        module: "enrich",
        modules: &["redact", "model", "cgroup"],
        crates: &["serde", "serde_json", "rustix", "libc", "log"],
        // World: the socket of Docker's daemon.
        doors: &[Door::Files, Door::World],
    },
    Row {
        module: "diagnose",
        modules: &["model", "words", "cgroup"],
        crates: &[],
        doors: &[],
    },
    Row {
        module: "render",
        modules: &["model", "words"],
        crates: &[
            "serde",
            "serde_json",
            "jiff",
            "schemars",
            "unicode_width",
            "log",
        ],
        doors: &[],
    },
    Row {
        module: "sink",
        modules: &[],
        crates: &["rustix"],
        doors: &[Door::Files, Door::World, Door::Stdio],
    },
    Row {
        module: "store",
        modules: &[],
        crates: &["flate2"],
        // Clock: the age of a segment. The time of an event is its caller's.
        doors: &[Door::Files, Door::Clock],
    },
    Row {
        module: "config",
        modules: &[],
        crates: &["toml"],
        // World: the type of an address to listen on.
        doors: &[Door::World],
    },
    Row {
        module: "sinks",
        modules: &["store"],
        crates: &["rustix", "log", "serde_json", "jiff", "flate2"],
        doors: &[Door::Files, Door::World, Door::Clock, Door::Stdio],
    },
    Row {
        module: "metrics",
        modules: &["model"],
        crates: &["serde_json", "tokio"],
        doors: &[Door::World],
    },
    Row {
        module: "daemon",
        modules: &["store", "sinks"],
        crates: &["log"],
        doors: &[Door::World, Door::Clock],
    },
    Row {
        module: "history",
        modules: &["model", "words", "render", "recording", "store"],
        crates: &["flate2", "jiff"],
        doors: &[Door::Files, Door::Stdio],
    },
    Row {
        module: "answer",
        modules: &["model", "words", "render", "history"],
        crates: &["jiff", "serde", "serde_json"],
        doors: &[],
    },
    Row {
        module: "recording",
        modules: &["model"],
        crates: &["oomtrace_common", "serde", "serde_json", "zerocopy"],
        doors: &[],
    },
    Row {
        module: "demo",
        modules: &[],
        crates: &["anyhow", "log", "rustix"],
        // Stdio: the victim waits on it for its go-ahead.
        doors: &[Door::Files, Door::World, Door::Stdio],
    },
];

/// Crates that the rule knows about; a word that is none of these is no crate.
pub const CRATES: &[&str] = &[
    "aho_corasick",
    "anyhow",
    "aya",
    "aya_log",
    "clap",
    "flate2",
    "jiff",
    "libc",
    "log",
    "lzma_rust2",
    "memchr",
    "oomtrace_common",
    "rustix",
    "ruzstd",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
    "toml",
    "zerocopy",
];
