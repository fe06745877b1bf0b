//! One line a kill.

pub use super::time::Times;
use crate::history::Kill;
use crate::model::{Event, Header};
use crate::render::escape::escape;
use crate::words::size;

const PID_COLUMNS: usize = 7;
const VICTIM_COLUMNS: usize = 15;
const LIMIT_COLUMNS: usize = 9;
const FILLED_COLUMNS: usize = 12;
const HOLDER_COLUMNS_MIN: usize = 8;

/// Lays out lines of a width.
#[derive(Clone, Copy, Debug)]
pub struct List {
    times: Times,
    width: usize,
    holder_columns: usize,
}

impl List {
    /// For lines of this width; narrower than 75 columns is not possible.
    #[must_use]
    pub fn new(times: Times, width: usize) -> Self {
        let fixed =
            times.columns() + PID_COLUMNS + VICTIM_COLUMNS + LIMIT_COLUMNS + FILLED_COLUMNS + 5;
        Self {
            times,
            width,
            holder_columns: width.saturating_sub(fixed).max(HOLDER_COLUMNS_MIN),
        }
    }

    /// The names of the columns.
    #[must_use]
    pub fn heading(&self) -> String {
        self.line("TIME", "PID", "VICTIM", "WHOSE LIMIT", "LIMIT", "FILLED BY")
    }

    /// The line of an event, its newline included; `None` for an event that has none, an outcome.
    #[must_use]
    pub fn event(&self, event: &Event) -> Option<String> {
        match event {
            Event::OomKill(event) => Some(self.kill(&Kill::of(event))),
            Event::OomOutcome(_) => None,
            Event::Gap(event) => Some(self.other("(gap)", &event.header)),
            Event::OomNoVictim(event) => Some(self.other("(no victim)", &event.header)),
            Event::UserspaceOomKill(event) => Some(self.other("(user space)", &event.header)),
        }
    }

    fn kill(&self, kill: &Kill) -> String {
        let pid = kill
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        self.line(
            &self
                .times
                .best(kill.time, kill.log_time.as_deref(), kill.since_boot_us),
            &pid,
            kill.comm.as_deref().unwrap_or("?"),
            &kill.short_holder,
            &kill.limit_bytes.map_or_else(|| "-".to_owned(), size),
            kill.filled_by.as_deref().unwrap_or("-"),
        )
    }

    /// An event that is no kill: what it is, and its sentence as far as it fits.
    fn other(&self, what: &str, header: &Header) -> String {
        let time = header.timestamp.as_deref();
        let time = self.times.best(
            time.and_then(|time| time.parse().ok()),
            header.log_time.as_deref(),
            header.since_boot_us,
        );
        let start = format!(
            "{:<time_columns$} {:>PID_COLUMNS$} {what:<VICTIM_COLUMNS$} ",
            fitted(&time, self.times.columns()),
            "-",
            time_columns = self.times.columns(),
        );
        let room = self.width.saturating_sub(start.chars().count()).max(1);
        let message: String = escape(&header.message).into_owned();
        let message = if message.chars().count() > room {
            let kept: String = message.chars().take(room - 1).collect();
            format!("{kept}…")
        } else {
            message
        };
        format!("{}\n", format!("{start}{message}").trim_end())
    }

    fn line(
        &self,
        time: &str,
        pid: &str,
        victim: &str,
        holder: &str,
        limit: &str,
        filled: &str,
    ) -> String {
        let line = format!(
            "{} {pid:>PID_COLUMNS$} {} {} {limit:>LIMIT_COLUMNS$} {filled}",
            fitted(time, self.times.columns()),
            fitted(victim, VICTIM_COLUMNS),
            fitted(holder, self.holder_columns),
        );
        format!("{}\n", line.trim_end())
    }
}

/// `text`, made harmless, in exactly so many columns: its middle replaced, or filled up.
fn fitted(text: &str, columns: usize) -> String {
    let text = escape(text);
    let length = text.chars().count();
    if length <= columns {
        return format!("{text:<columns$}");
    }
    let kept = columns.saturating_sub(1);
    let head = kept / 2;
    let mut out: String = text.chars().take(head).collect();
    out.push('…');
    out.extend(text.chars().skip(length - (kept - head)));
    out
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::OomKill;
    use crate::model::fixture;

    fn list(width: usize) -> [List; 2] {
        let now: Timestamp = "2026-11-23T18:45:00Z".parse().unwrap();
        [
            List::new(Times::Relative(now), width),
            List::new(Times::Utc, width),
        ]
    }

    fn line(list: List, kill: OomKill) -> String {
        list.event(&Event::OomKill(Box::new(kill))).unwrap()
    }

    #[test]
    fn a_kill_is_one_line() {
        let [relative, utc] = list(80);
        assert_eq!(
            line(relative, fixture::founding()),
            "3 h ago          10831 java            web                  256 MiB anon 99 %\n"
        );
        assert_eq!(
            line(utc, fixture::founding()),
            "2026-11-23 15:25:59   10831 java            web             256 MiB anon 99 %\n"
        );
        assert_eq!(
            relative.heading(),
            "TIME               PID VICTIM          WHOSE LIMIT            LIMIT FILLED BY\n"
        );
    }

    #[test]
    fn every_line_fits_and_is_harmless() {
        let mut events = fixture::all();
        for kill in [
            fixture::founding(),
            fixture::hostile(),
            fixture::huge(255, 32, 9),
            fixture::bare(),
        ] {
            events.push(Event::OomKill(Box::new(kill)));
        }
        for width in [80, 120] {
            for list in list(width) {
                for event in &events {
                    let Some(line) = list.event(event) else {
                        continue;
                    };
                    let text = line.strip_suffix('\n').unwrap();
                    assert!(text.chars().count() <= width, "{text}");
                    assert!(!text.contains(crate::render::escape::is_unsafe), "{text:?}");
                }
            }
        }
    }
}
