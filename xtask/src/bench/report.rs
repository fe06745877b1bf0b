//! The figures as Markdown, beside what is promised, and into the page.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::cost::Cost;
use crate::workspace;

/// The page that holds the figures between markers.
const PAGE: &str = "docs/benchmarks.md";

/// Figures of one program, or why it cannot run here.
pub struct Row {
    /// The program.
    pub name: &'static str,
    /// What was measured.
    pub cost: Result<Cost>,
}

/// One promise and what was measured.
pub struct Promise {
    /// Of what.
    pub what: &'static str,
    /// The bound.
    pub promised: String,
    /// The figure.
    pub measured: String,
    /// It is within the bound.
    pub is_kept: bool,
}

/// Binary megabytes with two digits.
pub fn mib(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let value = bytes as f64 / 1_048_576.0;
    format!("{value:.2} MiB")
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// All programs side by side.
pub fn comparison(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | start to attached, median (smallest–largest) | anonymous memory | resident memory | peak | BPF rings | BPF maps in all | wake-ups while idle | processor time while idle |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = match &row.cost {
            Err(error) => writeln!(
                text,
                "| {} | cannot run here: {error:#} |||||||| |",
                row.name
            ),
            Ok(cost) => {
                let [least, median, most] = cost.start;
                writeln!(
                    text,
                    "| {} | {} ({}–{}) | {} | {} | {} | {} | {} | {} in {} s{} | {:.3} ms |",
                    row.name,
                    ms(median),
                    ms(least),
                    ms(most),
                    mib(cost.memory.rss_anon_bytes),
                    mib(cost.memory.rss_bytes),
                    mib(cost.memory.peak_rss_bytes),
                    mib(cost.bpf.ring_bytes),
                    mib(cost.bpf.map_bytes),
                    cost.idle.switches,
                    cost.idle.lasting.as_secs(),
                    by_perf(cost),
                    Duration::from_nanos(cost.idle.on_cpu_ns).as_secs_f64() * 1e3,
                )
            }
        };
    }
    for row in rows {
        if let Ok(cost) = &row.cost
            && cost.idle.kills > 0
        {
            let _ = writeln!(
                text,
                "\n{}: the machine had {} OOM kills meanwhile, so it was not idle.",
                row.name, cost.idle.kills
            );
        }
    }
    text
}

/// What perf counted, where it could.
fn by_perf(cost: &Cost) -> String {
    match &cost.idle.switches_by_perf {
        Ok(count) => format!(" (perf: {count})"),
        Err(_) => " (no perf here)".to_owned(),
    }
}

/// What is promised of oomtrace against what was measured, and whether all of it is kept.
pub fn promises(cost: &Cost, binary_bytes: u64) -> (String, bool) {
    const MB: u64 = 1_000_000;
    let [_, start, _] = cost.start;
    let resident_max = 3 * MB + 2 * cost.bpf.ring_bytes;
    let rows = [
        Promise {
            what: "wake-ups while idle",
            promised: "none".to_owned(),
            measured: format!(
                "{} in {} s",
                cost.idle.switches,
                cost.idle.lasting.as_secs()
            ),
            is_kept: cost.idle.switches == 0
                && cost
                    .idle
                    .switches_by_perf
                    .as_ref()
                    .map_or(true, |count| *count == 0),
        },
        Promise {
            what: "anonymous memory after start",
            promised: "≤ 1,500,000 bytes".to_owned(),
            measured: format!("{} bytes", cost.memory.rss_anon_bytes),
            is_kept: cost.memory.rss_anon_bytes <= 3 * MB / 2,
        },
        Promise {
            what: "resident memory after start",
            promised: format!("≤ 3,000,000 bytes + twice the rings = {resident_max}"),
            measured: format!("{} bytes", cost.memory.rss_bytes),
            is_kept: cost.memory.rss_bytes <= resident_max,
        },
        Promise {
            what: "start to attached, median",
            promised: "≤ 60 ms".to_owned(),
            measured: ms(start),
            is_kept: start <= Duration::from_millis(60),
        },
        Promise {
            what: "size of the binary",
            promised: "≤ 4,194,304 bytes".to_owned(),
            measured: format!("{binary_bytes} bytes"),
            is_kept: binary_bytes <= 4 * 1_048_576,
        },
    ];
    promised(&rows)
}

/// Promises as a table, and whether all are kept.
pub fn promised(rows: &[Promise]) -> (String, bool) {
    let mut text = String::from("| | promised | measured | |\n|---|---|---|---|\n");
    for row in rows {
        let verdict = if row.is_kept { "kept" } else { "**broken**" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {verdict} |",
            row.what, row.promised, row.measured
        );
    }
    (text, rows.iter().all(|row| row.is_kept))
}

/// The machine, in one line: figures mean nothing without it.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let count = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let hypervisor = if cpu.contains(" hypervisor") {
        ", virtual machine"
    } else {
        ""
    };
    format!(
        "Linux {}, {count} × {model}{hypervisor}, load {} when the run began.",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg")
            .split_whitespace()
            .next()
            .unwrap_or("unknown"),
    )
}

/// Puts text between the page's markers of this name.
///
/// # Errors
/// The page cannot be read or written, or lacks the markers.
pub fn write(name: &str, text: &str) -> Result<()> {
    let page = workspace::root().join(PAGE);
    let before = fs::read_to_string(&page).with_context(|| format!("reading {PAGE}"))?;
    let after = replaced(&before, name, text)
        .with_context(|| format!("{PAGE} lacks the markers <!-- {name}:begin --> and :end"))?;
    fs::write(&page, after).with_context(|| format!("writing {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {name}:begin -->");
    let end = format!("<!-- {name}:end -->");
    let (head, rest) = page.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some(format!("{head}{begin}\n{}\n{end}{tail}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::cost::Idle;
    use super::super::process::{BpfObjects, Memory};
    use super::*;

    fn good() -> Cost {
        Cost {
            start: [10, 20, 30].map(Duration::from_millis),
            memory: Memory {
                rss_anon_bytes: 1_000_000,
                rss_bytes: 2_500_000,
                peak_rss_bytes: 3_000_000,
            },
            bpf: BpfObjects::default(),
            idle: Idle {
                switches: 0,
                switches_by_perf: Ok(0),
                on_cpu_ns: 0,
                lasting: Duration::from_secs(60),
                kills: 0,
            },
        }
    }

    #[test]
    fn each_promise_can_be_broken() {
        assert!(promises(&good(), 2_000_000).1);
        assert!(!promises(&good(), 5_000_000).1);
        let broken: [fn(&mut Cost); 5] = [
            |cost| cost.idle.switches = 1,
            |cost| cost.idle.switches_by_perf = Ok(1),
            |cost| cost.memory.rss_anon_bytes = 1_500_001,
            |cost| cost.memory.rss_bytes = 3_000_001,
            |cost| cost.start = [61, 61, 61].map(Duration::from_millis),
        ];
        for breaking in broken {
            let mut cost = good();
            breaking(&mut cost);
            let (text, is_kept) = promises(&cost, 2_000_000);
            assert!(!is_kept && text.contains("**broken**"), "{text}");
        }
    }

    #[test]
    fn who_cannot_run_is_named_with_the_reason() {
        let rows = [Row {
            name: "peer",
            cost: Err(anyhow::anyhow!("no kprobes")),
        }];
        assert!(comparison(&rows).contains("| peer | cannot run here: no kprobes |"));
    }

    #[test]
    fn only_text_between_markers_is_replaced() {
        let page = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n";
        let new = replaced(page, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n");
        assert_eq!(replaced(page, "y", "new"), None);
    }
}
