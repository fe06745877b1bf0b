//! The events that a question is about.

use std::io;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use super::super::progress::Progress;
use super::super::window::Window;
use crate::answer::list::Times;
use crate::cli::Exit;
use crate::cli::args::{SelectArgs, places};
use crate::cli::filter::{Filter, matches};
use crate::history::{Events, Flaws};
use crate::model::Event;
use crate::words;

/// Reads events, and passes on those that were asked for.
pub(super) struct Selection {
    events: Events,
    window: Window,
    filter: Filter,
    named: String,
    read: u64,
    progress: Progress,
}

impl Selection {
    pub(super) fn new(named: Vec<PathBuf>, args: SelectArgs) -> Self {
        let places = places(named);
        let names: Vec<String> = places
            .iter()
            .map(|place| match place.to_str() {
                Some("-") => "standard input".to_owned(),
                _ => place.display().to_string(),
            })
            .collect();
        Self {
            events: Events::new(places),
            window: Window::new(args.since, args.until, None),
            filter: args.filter.into(),
            named: names.join(", "),
            read: 0,
            progress: Progress::new(),
        }
    }

    /// The next event that was asked for. What is no kill passes every filter: what was missed may have
    /// been what the filter wants.
    pub(super) fn next_event(&mut self) -> anyhow::Result<Option<Event>> {
        while let Some(event) = self.events.next_event()? {
            self.read += 1;
            let read = self.read;
            self.progress
                .show(|| format!("{} events read", words::grouped(read)));
            let is_wanted = match &event {
                Event::OomKill(kill) => matches(kill, &self.filter),
                _ => true,
            };
            if is_wanted && self.window.holds(&event) {
                return Ok(Some(event));
            }
        }
        self.progress.clear();
        Ok(None)
    }

    /// Before lines are written: takes the one on progress away.
    pub(super) fn make_way(&mut self) {
        self.progress.make_way();
    }

    /// What could not be read.
    pub(super) fn flaws(&self) -> &Flaws {
        self.events.flaws()
    }

    /// Says what could not be read, and ends: with 4 where nothing was found.
    pub(super) fn finish(&self, found: bool) -> Exit {
        self.window.remark("");
        let flaws = self.flaws();
        let sentences = flaws.sentences();
        let is_any_lost = flaws.is_any_lost();
        for sentence in sentences {
            if is_any_lost {
                log::error!("{sentence}");
            } else {
                log::warn!("{sentence}");
            }
        }
        if flaws.removed > 0 {
            log::info!("{} older events were removed by the store", flaws.removed);
        }
        if !found {
            log::warn!("nothing found in {}", self.named);
        }
        match (is_any_lost, found) {
            (true, _) => Exit::Runtime,
            (false, true) => Exit::Success,
            (false, false) => Exit::Empty,
        }
    }
}

/// How times are to be written.
pub(super) fn times(utc: bool) -> Times {
    if utc {
        Times::Utc
    } else {
        Times::Relative(Timestamp::now())
    }
}

/// Writes to standard output; `false` once its reader has gone (`| head`).
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}
