//! The way round: what NDJSON keeps of an event reads, in every form, like the event itself.

use std::path::Path;

use anyhow::{Result, bail};
use oomtrace::model::Event;
use oomtrace::render::Render;
use oomtrace::render::json::{self, Json, LINE_BYTES_MAX};
use oomtrace::render::text::{Text, TextSettings};

/// What was read back so far.
#[derive(Debug, Default)]
pub struct Round {
    events: u64,
    differing: Vec<String>,
}

impl Round {
    /// Writes the events of a log as NDJSON, reads them back, and compares all that is shown.
    pub fn trip(&mut self, log: &Path, events: &[Event]) {
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        let mut differs = |what: &str| self.differing.push(format!("{name}: {what}"));
        let mut back = Vec::with_capacity(events.len());
        for event in events {
            let line = rendered(&mut Json::full(), std::slice::from_ref(event));
            match json::parse(line.trim_ascii_end()) {
                Ok(read) => back.push(read),
                Err(error) => differs(&format!("an event that cannot be read back: {error}")),
            }
            let short = rendered(&mut Json::bounded(), std::slice::from_ref(event));
            if short.len() > LINE_BYTES_MAX {
                differs(&format!("a line of {} bytes", short.len()));
            }
            if let Err(error) = json::parse(short.trim_ascii_end()) {
                differs(&format!(
                    "a trimmed event that cannot be read back: {error}"
                ));
            }
        }
        if back != events {
            differs("other events come back");
        }
        for (verbose, exact_bytes, width) in [
            (false, false, 80),
            (true, false, 80),
            (false, true, 132),
            (true, true, 60),
        ] {
            let text = || {
                Text::new(TextSettings {
                    verbose,
                    exact_bytes,
                    width,
                    ..TextSettings::default()
                })
            };
            if rendered(&mut text(), events) != rendered(&mut text(), &back) {
                differs(&format!(
                    "other text comes back (verbose: {verbose}, exact bytes: {exact_bytes})"
                ));
            }
        }
        self.events += events.len() as u64;
    }

    /// How many came back the same.
    ///
    /// # Errors
    /// Not every one did.
    pub fn verdict(&self) -> Result<()> {
        if !self.differing.is_empty() {
            bail!(
                "through NDJSON and back:\n  {}",
                self.differing.join("\n  ")
            );
        }
        println!("{} events the same through NDJSON and back", self.events);
        Ok(())
    }
}

fn rendered(renderer: &mut dyn Render, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        renderer.render(event, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use oomtrace::klog::carrier::{Carrier, CarrierSettings};
    use oomtrace::klog::report::{KlogHost, Reports};

    fn event(tracer_version: &str) -> Event {
        let line = b"[    1.000000] Out of memory: Killed process 7 (a) total-vm:8kB, \
            anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";
        let mut reports = Reports::new(KlogHost {
            tracer_version: tracer_version.to_owned(),
            ..KlogHost::default()
        });
        let mut carrier = Carrier::new(CarrierSettings::default());
        let mut events = Vec::new();
        carrier.push(line, |line| reports.line(&line, &mut events));
        carrier.finish(|line| reports.line(&line, &mut events));
        reports.finish(&mut events);
        events.remove(0)
    }

    #[test]
    fn what_is_lost_on_the_way_is_told() {
        let mut round = Round::default();
        round.trip(Path::new("a"), &[event("1")]);
        assert!(round.verdict().is_ok());
        assert_eq!(round.events, 1);
        // JSON cannot hold what is no exact number in every reader: it is left out, and that shows.
        let mut odd = event("1");
        if let Event::OomKill(kill) = &mut odd {
            kill.lost_records = u64::MAX;
        }
        round.trip(Path::new("b"), &[odd]);
        let error = round.verdict().map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("b: other events come back")));
    }
}
