//! The text formats of Prometheus and OpenMetrics.

use std::fmt::Write as _;

use super::tally::{Counts, Kills};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0, which has exemplars.
    OpenMetrics,
}

impl Format {
    /// What an `Accept` header asks for.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Everything that is offered.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Captured events.
    pub counts: Counts,
    /// Every kill is being seen.
    pub is_capturing: bool,
    /// The kernel's own count of kills since boot.
    pub kernel_kills: Option<u64>,
    /// Events stored, removed, and failures to store.
    pub stored: u64,
    /// Events that the store removed.
    pub removed: u64,
    /// Failures to store.
    pub store_errors: u64,
    /// The sinks.
    pub sinks: Vec<SinkFigures>,
}

/// The figures of one sink.
#[derive(Clone, Debug, Default)]
pub struct SinkFigures {
    /// Its name.
    pub name: String,
    /// Events that wait for it.
    pub queue: u64,
    /// Events delivered.
    pub delivered: u64,
    /// Events that it will not get.
    pub dropped: u64,
    /// Failed attempts.
    pub errors: u64,
    /// Last success, seconds since 1970.
    pub last_success: Option<u64>,
}

/// Writes all figures.
#[must_use]
pub fn write(figures: &Figures, format: Format) -> String {
    let mut out = Out {
        text: String::new(),
        format,
    };
    out.family("oomtrace_build_info", "gauge", "Version of oomtrace.");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    out.sample("oomtrace_build_info", &version, 1);
    out.family(
        "oomtrace_capturing",
        "gauge",
        "1 while every kill is being seen.",
    );
    out.sample("oomtrace_capturing", &[], u64::from(figures.is_capturing));
    if let Some(kills) = figures.kernel_kills {
        let help = "Kills by the OOM killer since boot, by the kernel's own count.";
        out.family("oomtrace_kernel_oom_kills", "gauge", help);
        out.sample("oomtrace_kernel_oom_kills", &[], kills);
    }
    let counts = &figures.counts;
    out.counter(
        "oomtrace_oom_kills",
        "Kills by the OOM killer that were captured.",
    );
    for (scope, kills) in [
        ("memcg", &counts.memcg),
        ("global", &counts.global),
        ("unknown", &counts.unknown),
    ] {
        out.kills(scope, kills);
    }
    out.counter(
        "oomtrace_owner_oom_kills",
        "Captured kills by the victim's owner.",
    );
    for ((kind, owner), kills) in &counts.owners {
        let labels = [("kind", kind.as_str()), ("owner", owner.as_str())];
        out.sample("oomtrace_owner_oom_kills_total", &labels, *kills);
    }
    out.counter(
        "oomtrace_missed_kills",
        "Kills known to be missed, as a lower and an upper bound.",
    );
    for (bound, kills) in [("lower", counts.missed.0), ("upper", counts.missed.1)] {
        out.sample("oomtrace_missed_kills_total", &[("bound", bound)], kills);
    }
    for (name, help, value) in [
        ("oomtrace_store_events", "Events stored.", figures.stored),
        (
            "oomtrace_store_removed_events",
            "Events removed from the store.",
            figures.removed,
        ),
        (
            "oomtrace_store_errors",
            "Failures to store an event.",
            figures.store_errors,
        ),
    ] {
        out.counter(name, help);
        out.sample(&format!("{name}_total"), &[], value);
    }
    sinks(&figures.sinks, &mut out);
    if format == Format::OpenMetrics {
        out.text.push_str("# EOF\n");
    }
    out.text
}

type Column = (&'static str, &'static str, fn(&SinkFigures) -> u64);

fn sinks(sinks: &[SinkFigures], out: &mut Out) {
    out.family(
        "oomtrace_sink_queue_events",
        "gauge",
        "Stored events that wait for the sink.",
    );
    for sink in sinks {
        out.sample(
            "oomtrace_sink_queue_events",
            &[("sink", &sink.name)],
            sink.queue,
        );
    }
    let columns: [Column; 3] = [
        (
            "oomtrace_sink_delivered_events",
            "Events that the receiver took.",
            |sink| sink.delivered,
        ),
        (
            "oomtrace_sink_dropped_events",
            "Events that the sink will not get.",
            |sink| sink.dropped,
        ),
        (
            "oomtrace_sink_errors",
            "Failed attempts to deliver.",
            |sink| sink.errors,
        ),
    ];
    for (name, help, value) in columns {
        out.counter(name, help);
        for sink in sinks {
            out.sample(
                &format!("{name}_total"),
                &[("sink", &sink.name)],
                value(sink),
            );
        }
    }
    let name = "oomtrace_sink_last_success_timestamp_seconds";
    out.family(
        name,
        "gauge",
        "When the receiver last took something; absent if never.",
    );
    for sink in sinks {
        if let Some(seconds) = sink.last_success {
            out.sample(name, &[("sink", &sink.name)], seconds);
        }
    }
}

struct Out {
    text: String,
    format: Format,
}

impl Out {
    fn counter(&mut self, name: &str, help: &str) {
        // OpenMetrics names the family, Prometheus the sample.
        match self.format {
            Format::OpenMetrics => self.family(name, "counter", help),
            Format::Prometheus => self.family(&format!("{name}_total"), "counter", help),
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn kills(&mut self, scope: &str, kills: &Kills) {
        self.sample("oomtrace_oom_kills_total", &[("scope", scope)], kills.count);
        if let (Format::OpenMetrics, Some(id)) = (self.format, &kills.last) {
            self.text.pop();
            let _ = writeln!(self.text, " # {{event_id=\"{}\"}} 1", escaped(id));
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(name);
        if !labels.is_empty() {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let _ = write!(self.text, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
