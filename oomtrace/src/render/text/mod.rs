//! Text for people: the verdict first, then who, how much, whose limit, what filled it, and why.

mod chain;
mod compact;
mod fold;
mod head;
mod kill;
mod limit;
mod look;
mod memory;
mod node;
mod notes;
mod oneline;
mod others;
mod parts;
mod path;
mod who;

pub use self::fold::Folding;
pub use self::look::{TextSettings, View};

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
            event if self.settings.view == View::Oneline => {
                oneline::render(&mut page, &look, event)
            }
            Event::OomKill(kill) => {
                if self.shown.anything {
                    page.blank();
                }
                head::day(&mut page, &look, &mut self.shown, &kill.header);
                if self.settings.view == View::Compact {
                    compact::kill(&mut page, &look, &self.shown, kill);
                } else {
                    kill::render(&mut page, &look, &mut self.shown, kill);
                }
                self.shown.incident = Some(kill.incident.id.clone());
            }
            Event::OomNoVictim(none) if self.settings.view == View::Compact => {
                let message = others::message(&look, event);
                head::day(&mut page, &look, &mut self.shown, &none.header);
                compact::no_victim(&mut page, &look, none, &message);
                self.shown.incident = None;
            }
            other => others::render(&mut page, &look, &mut self.shown, other),
        }
        self.shown.anything = true;
        out.extend_from_slice(page.finish().as_bytes());
    }
}

#[cfg(test)]
mod fold_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod short_tests;
#[cfg(test)]
mod tests;
