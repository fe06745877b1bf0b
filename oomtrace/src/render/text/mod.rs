//! Text for people: the verdict first, then who, how much, whose limit, what filled it, and why.

mod chain;
mod head;
mod kill;
mod limit;
mod memory;
mod node;
mod notes;
mod others;
mod parts;
mod path;
mod who;

use jiff::tz::TimeZone;

use super::Render;
use super::layout::Page;
use super::style::{Role, Style};
use crate::model::Event;
use crate::words::Figures;

/// How the text is to look. Where it goes to is not known here.
#[derive(Clone, Debug)]
pub struct TextSettings {
    /// Columns of the terminal; fewer than 60 count as 60.
    pub width: usize,
    /// Whether to colour.
    pub color: bool,
    /// Whether to keep to ASCII where oomtrace itself chooses the characters.
    pub ascii: bool,
    /// Exact bytes instead of KiB, MiB, GiB.
    pub exact_bytes: bool,
    /// Whole paths, command lines and ids, and how things are known.
    pub verbose: bool,
    /// Time zone of the times shown.
    pub time_zone: TimeZone,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            ascii: false,
            exact_bytes: false,
            verbose: false,
            time_zone: TimeZone::UTC,
        }
    }
}

/// The text renderer. It remembers the day and the incident that it has shown last.
#[derive(Debug)]
pub struct Text {
    settings: TextSettings,
    shown: Shown,
}

/// What the reader has already seen.
#[derive(Debug, Default)]
struct Shown {
    anything: bool,
    day: Option<String>,
    incident: Option<String>,
}

impl Text {
    /// A renderer that has shown nothing yet.
    #[must_use]
    pub fn new(settings: TextSettings) -> Self {
        Self {
            settings,
            shown: Shown::default(),
        }
    }
}

impl Render for Text {
    fn render(&mut self, event: &Event, out: &mut Vec<u8>) {
        let style = Style {
            color: self.settings.color,
        };
        let mut page = Page::new(self.settings.width, style);
        let look = Look::new(&self.settings);
        match event {
            Event::OomKill(kill) => {
                if self.shown.anything {
                    page.blank();
                }
                head::day(&mut page, &look, &mut self.shown, &kill.header);
                kill::render(&mut page, &look, &self.shown, kill);
                self.shown.incident = Some(kill.incident.id.clone());
            }
            other => others::render(&mut page, &look, &mut self.shown, other),
        }
        self.shown.anything = true;
        out.extend_from_slice(page.finish().as_bytes());
    }
}

/// The part of the settings that the blocks need.
#[derive(Debug)]
struct Look {
    figures: Figures,
    verbose: bool,
    ascii: bool,
    time_zone: TimeZone,
}

impl Look {
    fn new(settings: &TextSettings) -> Self {
        Self {
            figures: Figures {
                exact: settings.exact_bytes,
                ascii: settings.ascii,
            },
            verbose: settings.verbose,
            ascii: settings.ascii,
            time_zone: settings.time_zone.clone(),
        }
    }

    fn times(&self) -> &'static str {
        if self.ascii { "x" } else { "×" }
    }

    fn plus_minus(&self) -> &'static str {
        if self.ascii { "+-" } else { "±" }
    }

    fn dots(&self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    fn bullet(&self) -> &'static str {
        if self.ascii { "-" } else { "•" }
    }

    fn none(&self) -> &'static str {
        if self.ascii { "-" } else { "–" }
    }
}

#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod tests;
