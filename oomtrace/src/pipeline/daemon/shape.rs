//! What a sink gets of an event: whether it wants it, which fields, how long a line.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::{Map, Value};

use super::gap;
use crate::cli::filter::{Filter, matches};
use crate::config;
use crate::model::{Event, KillKind};
use crate::render::Render as _;
use crate::render::json::{Json, parse};
use crate::sinks::Shape;
use crate::store;
use crate::store::StoreError;

/// Shown incidents whose later events may still come.
const INCIDENTS_KEPT: usize = 4096;

/// Newest stored events that are looked at for such incidents at the start.
const EVENTS_RECALLED: usize = 512;

/// The shape of one sink's events.
pub(super) struct SinkShape {
    events: Vec<String>,
    filter: Filter,
    include: Vec<String>,
    exclude: Vec<String>,
    max_line_bytes: Option<usize>,
    /// Incidents whose kills passed the filter.
    incidents: VecDeque<String>,
}

impl SinkShape {
    /// Of a sink as it is configured.
    ///
    /// # Errors
    ///
    /// A pattern is none.
    pub(super) fn new(sink: &config::Sink) -> anyhow::Result<Self> {
        let globs = |texts: &[String]| {
            let globs = texts.iter().map(|text| text.parse());
            globs.collect::<Result<Vec<_>, String>>()
        };
        let filter = || -> Result<Filter, String> {
            Ok(Filter {
                cgroup: globs(&sink.filter.cgroup)?,
                container: globs(&sink.filter.container)?,
                pod: globs(&sink.filter.pod)?,
                unit: globs(&sink.filter.unit)?,
                comm: globs(&sink.filter.comm)?,
            })
        };
        Ok(Self {
            events: sink.events.clone(),
            filter: filter()
                .map_err(|error| anyhow::anyhow!("sink {}: where: {error}", sink.name))?,
            include: sink.include.clone(),
            exclude: sink.exclude.clone(),
            max_line_bytes: sink.max_line_bytes,
            incidents: VecDeque::new(),
        })
    }

    /// Learns from stored events which incidents have passed the filter: what follows of them is wanted
    /// after a restart too.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) fn recall(&mut self, directory: &Path) -> Result<(), StoreError> {
        if self.filter.is_empty() {
            return Ok(());
        }
        let mut recent = Vec::new();
        store::newest_first(directory, |line| {
            recent.extend(parse(line));
            recent.len() < EVENTS_RECALLED
        })?;
        for event in recent.iter().rev() {
            self.fits(event);
        }
        Ok(())
    }

    fn changes_nothing(&self) -> bool {
        self.events.is_empty()
            && self.filter.is_empty()
            && self.include.is_empty()
            && self.exclude.is_empty()
            && self.max_line_bytes.is_none()
    }

    fn wants(&mut self, event: &Event) -> bool {
        let kind = match event {
            Event::OomKill(_) => "oom_kill",
            Event::OomOutcome(_) => "oom_outcome",
            Event::OomNoVictim(_) => "oom_no_victim",
            Event::Gap(_) => "gap",
            Event::UserspaceOomKill(_) => "userspace_oom_kill",
        };
        // The filter first: it has to know every kill, also for a sink of outcomes alone.
        let fits = self.fits(event);
        fits && (self.events.is_empty() || self.events.iter().any(|wanted| wanted == kind))
    }

    fn fits(&mut self, event: &Event) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        match event {
            Event::OomKill(kill) => {
                let with_shown = kill.incident.kill_kind == Some(KillKind::SharedMm)
                    && self.incidents.contains(&kill.incident.id);
                let fits = matches(kill, &self.filter) || with_shown;
                if fits {
                    if self.incidents.len() == INCIDENTS_KEPT {
                        self.incidents.pop_front();
                    }
                    self.incidents.push_back(kill.incident.id.clone());
                }
                fits
            }
            Event::OomOutcome(outcome) => self.incidents.contains(&outcome.incident.id),
            // What was missed may have been what the filter wants.
            Event::Gap(_) | Event::OomNoVictim(_) | Event::UserspaceOomKill(_) => true,
        }
    }

    /// The line of an event that is wanted.
    fn line(&self, event: &Event) -> Vec<u8> {
        let mut line = Vec::new();
        match self.max_line_bytes {
            Some(bytes) => Json::at_most(bytes).render(event, &mut line),
            None => Json::full().render(event, &mut line),
        }
        line.pop();
        if self.include.is_empty() && self.exclude.is_empty() {
            return line;
        }
        match serde_json::from_slice(&line) {
            Ok(Value::Object(whole)) => {
                let fields = selected(whole, &self.include, &self.exclude);
                serde_json::to_vec(&fields).unwrap_or(line)
            }
            _ => line,
        }
    }
}

impl Shape for SinkShape {
    fn shape(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        if self.changes_nothing() {
            return Some(line);
        }
        match parse(&line) {
            Ok(event) => self.wants(&event).then(|| self.line(&event)),
            // Of another version of oomtrace: passed on as it is rather than lost.
            Err(_) => Some(line),
        }
    }

    fn removed(&mut self, first: u64, count: u64) -> Option<Vec<u8>> {
        let event = gap::removed(first, count);
        let wanted = self.events.is_empty() || self.events.iter().any(|wanted| wanted == "gap");
        wanted.then(|| self.line(&event))
    }
}

/// The fields of an event that `include` names (all if it names none), without those of `exclude`.
fn selected(
    whole: Map<String, Value>,
    include: &[String],
    exclude: &[String],
) -> Map<String, Value> {
    let mut fields = if include.is_empty() {
        whole
    } else {
        let mut fields = Map::new();
        for path in include {
            copy(&whole, path, &mut fields);
        }
        fields
    };
    for path in exclude {
        remove(&mut fields, path);
    }
    fields
}

fn copy(from: &Map<String, Value>, path: &str, to: &mut Map<String, Value>) {
    match path.split_once('.') {
        None => {
            if let Some(value) = from.get(path) {
                to.insert(path.to_owned(), value.clone());
            }
        }
        Some((key, rest)) => {
            let Some(Value::Object(inner)) = from.get(key) else {
                return;
            };
            let mut fields = match to.get(key) {
                Some(Value::Object(fields)) => fields.clone(),
                Some(_) => return,
                None => Map::new(),
            };
            copy(inner, rest, &mut fields);
            if !fields.is_empty() {
                to.insert(key.to_owned(), Value::Object(fields));
            }
        }
    }
}

/// Removes the field at `path`; in a list, from each of its objects.
fn remove(fields: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            fields.remove(path);
        }
        Some((key, rest)) => match fields.get_mut(key) {
            Some(Value::Object(inner)) => remove(inner, rest),
            Some(Value::Array(values)) => {
                for value in values {
                    if let Value::Object(inner) = value {
                        remove(inner, rest);
                    }
                }
            }
            _ => {}
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GapReason;
    use crate::model::fixture;

    fn sink(text: &str) -> config::Sink {
        let text = format!("[[sink]]\ntype = \"stdout\"\n{text}");
        config::parse(&text).unwrap().sinks.remove(0)
    }

    fn shape(text: &str) -> SinkShape {
        SinkShape::new(&sink(text)).unwrap()
    }

    fn founding() -> Vec<u8> {
        let mut line = Vec::new();
        Json::full().render(&Event::OomKill(Box::new(fixture::founding())), &mut line);
        line.pop();
        line
    }

    fn shaped(text: &str) -> Option<Value> {
        let line = shape(text).shape(founding())?;
        Some(serde_json::from_slice(&line).unwrap())
    }

    #[test]
    fn without_conditions_a_line_is_not_touched() {
        assert_eq!(shape("").shape(founding()), Some(founding()));
        assert_eq!(shape("").shape(b"foreign".to_vec()).unwrap(), b"foreign");
    }

    #[test]
    fn kinds_and_filters_choose() {
        assert!(shaped("events = [\"oom_kill\"]").is_some());
        assert!(shaped("events = [\"gap\"]").is_none());
        assert!(shaped("where.comm = [\"j*\"]").is_some());
        assert!(shaped("where.comm = [\"python\"]").is_none());
    }

    /// After a restart the outcome of a kill that passed the filter is still wanted, that of another not.
    #[test]
    fn a_filter_remembers_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events-000000000001.ndjson"), {
            let mut lines = founding();
            lines.push(b'\n');
            lines
        })
        .unwrap();
        let mut outcome = fixture::outcome();
        outcome.incident.id = fixture::founding().incident.id;
        let mut line = Vec::new();
        Json::full().render(&Event::OomOutcome(Box::new(outcome)), &mut line);
        line.pop();
        for (filter, is_wanted) in [("j*", true), ("python", false)] {
            let mut shape = shape(&format!("where.comm = [\"{filter}\"]"));
            assert_eq!(shape.shape(line.clone()), None);
            shape.recall(folder.path()).unwrap();
            assert_eq!(shape.shape(line.clone()).is_some(), is_wanted, "{filter}");
        }
    }

    #[test]
    fn fields_are_chosen_and_left_out() {
        let event = shaped(
            "fields.include = [\"event_id\", \"victim.comm\", \"victim.memory\"]\n\
             fields.exclude = [\"victim.memory.rss_bytes\"]",
        )
        .unwrap();
        let keys: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["event_id", "victim"]);
        assert_eq!(event["victim"]["comm"], "java");
        assert!(event["victim"]["memory"]["anon_bytes"].is_u64());
        assert!(event["victim"]["memory"].get("rss_bytes").is_none());
        let event = shaped("fields.exclude = [\"victim.cmdline\", \"findings.text\"]").unwrap();
        assert!(event["victim"].get("cmdline").is_none());
        assert!(event["findings"][0].get("text").is_none());
        assert!(event["findings"][0].get("code").is_some());
    }

    #[test]
    fn lines_are_bounded() {
        let mut kill = fixture::founding();
        kill.victim.cmdline = Some(vec!["-Dargument=value".to_owned(); 1000]);
        let mut whole = Vec::new();
        Json::full().render(&Event::OomKill(Box::new(kill)), &mut whole);
        assert!(whole.len() > 4096);
        let line = shape("max_line_bytes = 4096").shape(whole).unwrap();
        assert!(line.len() < 4096, "{}", line.len());
        let event: Value = serde_json::from_slice(&line).unwrap();
        assert!(event["truncated"].is_array());
    }

    #[test]
    fn removed_events_are_a_gap() {
        let line = shape("").removed(7, 3).unwrap();
        let event = parse(&line).unwrap();
        let Event::Gap(gap) = event else {
            panic!("{event:?}");
        };
        assert_eq!((gap.kills_missed_min, gap.kills_missed_max), (0, 3));
        assert_eq!(gap.reason, GapReason::StoreRemoved);
        assert!(shape("events = [\"oom_kill\"]").removed(7, 3).is_none());
    }
}
