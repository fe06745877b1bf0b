//! The figures as Markdown, and beside what is promised.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::report::{Promise, mib, promised};
use super::logs::Log;
use super::run::Spent;
use super::{Measured, Part};

/// Megabytes in a second of processor time that are promised, by log.
const PROMISED: [(Log, u64); 2] = [(Log::Quiet, 1000), (Log::Sparse, 200)];

/// Resident memory that is promised for a log of any length.
const RSS_BYTES_MAX: u64 = 16_000_000;

/// How much of it may come after the first tenth of a log.
const GROWTH_BYTES_MAX: u64 = 500_000;

/// Megabytes (10⁶ bytes) in a second.
fn rate(bytes: u64, took: Duration) -> u64 {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    bytes / microseconds.max(1)
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// All programs over all logs, side by side.
pub fn comparison(measured: &Measured) -> String {
    let mut text = String::from(
        "| log | | kills found | MB in a second of processor time | processor time | by the clock | peak resident memory |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for part in &measured.parts {
        let size = format!("{}, {} MB", part.log.name(), part.bytes / 1_000_000);
        for row in &part.rows {
            let _ = match &row.result {
                Ok((kills, spent)) => writeln!(
                    text,
                    "| {size} | {} | {kills} | {} |",
                    row.name,
                    figures(part.bytes, spent)
                ),
                Err(error) => writeln!(
                    text,
                    "| {size} | {} | cannot run here: {error:#} |||||",
                    row.name
                ),
            };
        }
    }
    let stream = &measured.stream;
    let _ = writeln!(
        text,
        "| {}, {} MB through a pipe | oomtrace decode | {} | {} |",
        Log::Sparse.name(),
        stream.bytes / 1_000_000,
        stream.kills,
        figures(stream.bytes, &stream.spent)
    );
    text
}

fn figures(bytes: u64, spent: &Spent) -> String {
    format!(
        "{} | {} | {} | {}",
        rate(bytes, spent.cpu),
        seconds(spent.cpu),
        seconds(spent.wall),
        mib(spent.peak_rss_bytes)
    )
}

/// What oomtrace took of a log.
fn ours(part: &Part) -> Option<Spent> {
    let row = part.rows.first()?;
    row.result.as_ref().ok().map(|(_, spent)| *spent)
}

/// What is promised against what was measured, and whether all of it is kept.
pub fn promises(measured: &Measured) -> (String, bool) {
    let mut rows: Vec<Promise> = PROMISED
        .iter()
        .map(|(log, least)| {
            let part = measured.parts.iter().find(|part| part.log == *log);
            let reached = part.and_then(|part| Some(rate(part.bytes, ours(part)?.cpu)));
            Promise {
                what: log.name(),
                promised: format!("≥ {least} MB in a second of processor time"),
                measured: reached.map_or_else(|| "nothing".to_owned(), |it| format!("{it} MB")),
                is_kept: reached.is_some_and(|reached| reached >= *least),
            }
        })
        .collect();
    let peak = measured.stream.spent.peak_rss_bytes;
    let growth = peak.saturating_sub(measured.stream.early_rss_bytes);
    rows.push(Promise {
        what: "resident memory, however long the log",
        promised: format!("≤ {RSS_BYTES_MAX} bytes"),
        measured: format!("{peak} bytes"),
        is_kept: peak <= RSS_BYTES_MAX && peak > 0,
    });
    rows.push(Promise {
        what: "of that, after the first tenth",
        promised: format!("≤ {GROWTH_BYTES_MAX} bytes"),
        measured: format!("{growth} bytes"),
        is_kept: growth <= GROWTH_BYTES_MAX,
    });
    promised(&rows)
}

#[cfg(test)]
mod tests {
    use super::super::Row;
    use super::super::run::Stream;
    use super::*;

    fn spent(milliseconds: u64) -> Spent {
        Spent {
            cpu: Duration::from_millis(milliseconds),
            wall: Duration::from_secs(1),
            peak_rss_bytes: 5_000_000,
        }
    }

    fn good() -> Measured {
        let part = |log, milliseconds| Part {
            log,
            bytes: 1_000_000_000,
            rows: vec![
                Row {
                    name: "oomtrace decode",
                    result: Ok((7, spent(milliseconds))),
                },
                Row {
                    name: "peer",
                    result: Err(anyhow::anyhow!("no compiler")),
                },
            ],
        };
        Measured {
            parts: vec![part(Log::Quiet, 1000), part(Log::Sparse, 5000)],
            stream: Stream {
                bytes: 10_000_000_000,
                kills: 7,
                early_rss_bytes: 4_900_000,
                spent: spent(1000),
            },
        }
    }

    #[test]
    fn each_promise_can_be_broken() {
        assert!(promises(&good()).1, "{}", promises(&good()).0);
        let broken: [fn(&mut Measured); 5] = [
            |measured| measured.parts.clear(),
            |measured| measured.parts[0].rows[0].result = Ok((7, spent(1002))),
            |measured| measured.parts[1].bytes = 999_000_000,
            |measured| measured.stream.spent.peak_rss_bytes = 16_000_001,
            |measured| measured.stream.early_rss_bytes = 4_000_000,
        ];
        for breaking in broken {
            let mut measured = good();
            breaking(&mut measured);
            let (text, is_kept) = promises(&measured);
            assert!(!is_kept && text.contains("**broken**"), "{text}");
        }
    }

    #[test]
    fn figures_stand_beside_those_who_cannot_run() {
        let text = comparison(&good());
        assert!(
            text.contains(
                "| no OOM report, 1000 MB | oomtrace decode | 7 | 1000 | 1.00 s | 1.00 s | 4.77 MiB |"
            ),
            "{text}"
        );
        assert!(
            text.contains("| peer | cannot run here: no compiler |"),
            "{text}"
        );
    }
}
