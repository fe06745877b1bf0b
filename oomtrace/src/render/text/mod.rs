//! Text for people: the verdict first, then who, how much, whose limit, what filled it, and why.

mod chain;
mod head;
mod kill;
mod limit;
mod look;
mod memory;
mod node;
mod notes;
mod others;
mod parts;
mod path;
mod who;

pub use self::look::TextSettings;

use self::look::{Look, Shown};
use super::Render;
use super::layout::Page;
use super::style::Style;
use crate::model::Event;

/// The text renderer. It remembers the day and the incident that it has shown last.
#[derive(Debug)]
pub struct Text {
    settings: TextSettings,
    shown: Shown,
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

#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod tests;
