//! Events of several places, one after the other.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::error::HistoryError;
use super::flaws::Flaws;
use super::lines::{Line, Lines};
use crate::model::Event;
use crate::render::json;

/// Events in the order of the places and of their lines.
pub struct Events {
    places: VecDeque<PathBuf>,
    current: Option<Lines>,
    /// Number of the current line in its place, from 1.
    line: u64,
    flaws: Flaws,
}

impl Events {
    /// The events of these places: directories of stores, files, or `-` for standard input.
    #[must_use]
    pub fn new(places: Vec<PathBuf>) -> Self {
        Self {
            places: places.into(),
            current: None,
            line: 0,
            flaws: Flaws::default(),
        }
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// A place is not there or cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Event>, HistoryError> {
        loop {
            let Some(lines) = &mut self.current else {
                let Some(place) = self.places.pop_front() else {
                    return Ok(None);
                };
                self.current = Some(Lines::open(&place)?);
                self.line = 0;
                continue;
            };
            let Some(line) = lines.next()? else {
                self.current = None;
                continue;
            };
            let name = lines.name().to_owned();
            self.line += 1;
            match line {
                Line::Whole(line) if line.trim_ascii().is_empty() => {}
                Line::Whole(line) => match json::parse(line.trim_ascii()) {
                    Ok(event) => return Ok(Some(event)),
                    Err(error) => self.skip(&name, &error.to_string()),
                },
                // Somebody may have joined lines with no newline at the end.
                Line::Unended(line) => match json::parse(line.trim_ascii()) {
                    Ok(event) => return Ok(Some(event)),
                    Err(_) => self.flaws.cut_lines.push(name),
                },
                Line::TooLong => self.skip(&name, "longer than any event"),
                Line::Removed {
                    oldest: true,
                    count,
                } => self.flaws.removed += count,
                Line::Removed { count, .. } => self.flaws.gone += count,
                Line::Damaged(what) => self.flaws.damaged.push(what),
            }
        }
    }

    /// What could not be read so far.
    #[must_use]
    pub fn flaws(&self) -> &Flaws {
        &self.flaws
    }

    fn skip(&mut self, name: &str, why: &str) {
        self.flaws.bad_lines += 1;
        if self.flaws.first_bad_line.is_none() {
            self.flaws.first_bad_line = Some(format!("{name}, line {}: {why}", self.line));
        }
    }
}
