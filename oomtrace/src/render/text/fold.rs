//! Storms on a terminal: the first kill in full, then one line that is rewritten in place, and a
//! summary once it is quiet.

use std::collections::{BTreeMap, VecDeque};

use super::Text;
use super::look::{Look, TextSettings};
use crate::model::{Event, KillKind, OomKill, OomOutcome, OutcomeState};
use crate::render::Render;
use crate::render::escape::escape;
use crate::render::layout::{Page, shorten};
use crate::render::style::{Role, Style};
use crate::words::{self, grouped};

/// A kill of the same limit that comes so soon after the last one is part of a storm.
const CLOSE_US: u64 = 5_000_000;
/// Names that are counted apart; further ones are "others".
const NAMES_MAX: usize = 32;
/// Names that are shown.
const NAMES_SHOWN: usize = 4;
/// Incidents whose outcomes are still taken in.
const INCIDENTS_MAX: usize = 4096;
/// Bars of the pace.
const PACE_COLUMNS: u64 = 30;
/// Start of the line that is rewritten: to its first column, and clear it.
const REWRITE: &[u8] = b"\r\x1b[2K";

/// A compact [`Text`] that folds storms. For terminals only: it moves the cursor.
#[derive(Debug)]
pub struct Folding {
    text: Text,
    settings: TextSettings,
    /// Limit and time of the kill that was shown last.
    last: Option<(String, u64)>,
    storm: Option<Storm>,
}

/// The kills that are not shown one by one.
#[derive(Debug)]
struct Storm {
    limit: String,
    since_us: u64,
    last_us: u64,
    /// When each was, since the first one.
    times_us: Vec<u64>,
    kills: u64,
    names: BTreeMap<String, u64>,
    incidents: VecDeque<String>,
    gone_us: Vec<u64>,
    change: Option<String>,
}

impl Folding {
    /// A renderer that has shown nothing yet.
    #[must_use]
    pub fn new(settings: TextSettings) -> Self {
        Self {
            text: Text::new(settings.clone()),
            settings,
            last: None,
            storm: None,
        }
    }

    /// Whether the kill goes into a storm.
    fn takes(&mut self, kill: &OomKill) -> bool {
        let Some(now_us) = kill.header.since_boot_us else {
            return false;
        };
        let limit = limit(kill);
        let is_close =
            |known: &str, then: u64| known == limit && now_us.saturating_sub(then) < CLOSE_US;
        if let Some(storm) = &mut self.storm {
            if is_close(&storm.limit, storm.last_us) {
                storm.add(kill, now_us);
                return true;
            }
            return false;
        }
        let of_incident = matches!(
            kill.incident.kill_kind,
            Some(KillKind::Group | KillKind::SharedMm)
        );
        let started = self
            .last
            .as_ref()
            .filter(|(known, then)| is_close(known, *then) && !of_incident)
            .map(|(_, then)| *then);
        if let Some(since_us) = started {
            let mut storm = Storm::new(limit, since_us);
            storm.add(kill, now_us);
            self.storm = Some(storm);
            return true;
        }
        self.last = Some((limit, now_us));
        false
    }

    fn rewrite(&self, out: &mut Vec<u8>) {
        if let Some(storm) = &self.storm {
            out.extend_from_slice(REWRITE);
            let columns = self.settings.width.saturating_sub(1);
            let look = Look::new(&self.settings);
            out.extend_from_slice(
                shorten(&storm.line(&look, "here"), columns, look.dots()).as_bytes(),
            );
        }
    }
}

impl Render for Folding {
    fn render(&mut self, event: &Event, out: &mut Vec<u8>) {
        let folded = match event {
            Event::OomKill(kill) => self.takes(kill),
            Event::OomOutcome(outcome) => self
                .storm
                .as_mut()
                .is_some_and(|storm| storm.ended(outcome)),
            _ => false,
        };
        if folded {
            self.rewrite(out);
            return;
        }
        // The end of a kill that was shown before the storm has no place below the storm's line.
        let is_late =
            matches!(event, Event::OomOutcome(outcome) if outcome.state == OutcomeState::Exited);
        if is_late && self.storm.is_some() {
            return;
        }
        self.flush(out);
        if let Event::OomKill(kill) = event {
            self.last = kill.header.since_boot_us.map(|us| (limit(kill), us));
        }
        self.text.render(event, out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(storm) = self.storm.take() {
            out.extend_from_slice(REWRITE);
            let style = Style {
                color: self.settings.color,
            };
            let mut page = Page::new(self.settings.width, style);
            storm.summary(&mut page, &Look::new(&self.settings));
            out.extend_from_slice(page.finish().as_bytes());
            self.last = None;
        }
    }

    fn is_holding(&self) -> bool {
        self.storm.is_some()
    }
}

/// Whose limit it was, as a person knows it.
fn limit(kill: &OomKill) -> String {
    match &kill.limit {
        Some(limit) => words::limit_owner(kill, limit),
        None => "the node".to_owned(),
    }
}

impl Storm {
    fn new(limit: String, since_us: u64) -> Self {
        Self {
            limit,
            since_us,
            last_us: since_us,
            times_us: Vec::new(),
            kills: 0,
            names: BTreeMap::new(),
            incidents: VecDeque::new(),
            gone_us: Vec::new(),
            change: None,
        }
    }

    fn add(&mut self, kill: &OomKill, now_us: u64) {
        self.kills += 1;
        self.last_us = self.last_us.max(now_us);
        if self.times_us.len() < INCIDENTS_MAX {
            self.times_us.push(now_us.saturating_sub(self.since_us));
        }
        let name = words::victim_again(&kill.victim);
        let name = if self.names.contains_key(name) || self.names.len() < NAMES_MAX {
            name
        } else {
            "others"
        };
        *self.names.entry(name.to_owned()).or_default() += 1;
        if self.incidents.len() == INCIDENTS_MAX {
            self.incidents.pop_front();
        }
        self.incidents.push_back(kill.incident.id.clone());
        let change = kill.findings.iter().find_map(|one| one.change.clone());
        self.change = change.or(self.change.take());
    }

    /// Takes in how a kill of the storm ended.
    fn ended(&mut self, outcome: &OomOutcome) -> bool {
        let is_ours =
            outcome.state == OutcomeState::Exited && self.incidents.contains(&outcome.incident.id);
        if let Some(us) = outcome.exit_latency_us.filter(|_| is_ours)
            && self.gone_us.len() < INCIDENTS_MAX
        {
            self.gone_us.push(us);
        }
        is_ours
    }

    /// `49 more kills here in 12.3 s, 4.0 per second: java 40, worker 9`.
    fn line(&self, look: &Look, place: &str) -> String {
        let time_us = self.last_us.saturating_sub(self.since_us);
        let kills = if self.kills == 1 { "kill" } else { "kills" };
        let tenths = (self.kills * 10_000_000).checked_div(time_us);
        let rate = match tenths {
            Some(tenths) if self.kills > 1 => {
                format!(", {}.{} per second", tenths / 10, tenths % 10)
            }
            _ => String::new(),
        };
        format!(
            "  {} more {kills} {place} in {}{rate}: {}",
            grouped(self.kills),
            look.figures.duration(time_us),
            self.victims()
        )
    }

    fn victims(&self) -> String {
        let mut names: Vec<(&String, &u64)> = self.names.iter().collect();
        names.sort_by_key(|(_, kills)| std::cmp::Reverse(**kills));
        let rest: u64 = names
            .iter()
            .skip(NAMES_SHOWN)
            .map(|(_, kills)| **kills)
            .sum();
        let mut parts: Vec<String> = names
            .iter()
            .take(NAMES_SHOWN)
            .map(|(name, kills)| format!("{} {}", escape(name), grouped(**kills)))
            .collect();
        if rest > 0 {
            parts.push(format!("others {}", grouped(rest)));
        }
        parts.join(", ")
    }

    fn summary(mut self, page: &mut Page, look: &Look) {
        page.label("storm");
        let place = format!("by the limit of {}", escape(&self.limit));
        page.prose(Role::Plain, self.line(look, &place).trim_start(), 0);
        if let Some(pace) = self.pace(look) {
            page.label("pace");
            page.line(&pace);
        }
        self.gone_us.sort_unstable();
        if let [first, .., last] = self.gone_us.as_slice() {
            let median = self.gone_us.get(self.gone_us.len() / 2).unwrap_or(last);
            let text = format!(
                "after {} to {}, half of them within {}",
                look.figures.duration(*first),
                look.figures.duration(*last),
                look.figures.duration(*median)
            );
            page.label("gone");
            page.prose(Role::Plain, &text, 0);
        }
        if let Some(change) = &self.change {
            page.label("change");
            page.clipped(Role::Plain, &escape(change), 3, look.dots());
        }
    }

    /// Kills over time, as bars of equal time.
    fn pace(&self, look: &Look) -> Option<String> {
        let end_us = self.times_us.iter().max().filter(|us| **us > 0)?;
        let mut counts = [0_usize; PACE_COLUMNS as usize];
        for us in &self.times_us {
            let at = us * (PACE_COLUMNS - 1) / end_us;
            if let Some(count) = counts.get_mut(usize::try_from(at).unwrap_or(0)) {
                *count += 1;
            }
        }
        let most = counts.iter().max().copied().filter(|most| *most > 0)?;
        let bars: &[&str] = if look.ascii {
            &[" ", ".", "-", "=", "#"]
        } else {
            &[" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        };
        let line: String = counts
            .iter()
            .map(|count| {
                let height = (count * (bars.len() - 1)).div_ceil(most);
                bars.get(height).copied().unwrap_or(" ")
            })
            .collect();
        let step = look.figures.duration(end_us / PACE_COLUMNS);
        Some(format!("{line}  {step} each, at most {most}"))
    }
}
