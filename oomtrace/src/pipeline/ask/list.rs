//! `oomtrace list`.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use super::select::{Selection, print, times};
use crate::answer::list::List;
use crate::cli::Exit;
use crate::cli::args::{CheckFormat, ListArgs};
use crate::cli::settings::Surroundings;
use crate::model::Event;
use crate::render::Render as _;
use crate::render::json::Json;

/// Bytes that are written together.
const CHUNK_BYTES: usize = 64 * 1024;

/// # Errors
///
/// Events cannot be read, or standard output not be written to.
pub(in super::super) fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let width = Surroundings::of_stdout().width();
    let list = List::new(times(args.utc), width);
    let mut selection = Selection::new(args.places, args.select);
    let mut lines = Lines::new(args.count);
    let is_text = args.output == CheckFormat::Text;
    while let Some(event) = selection.next_event()? {
        let line = if is_text {
            list.event(&event).map(String::into_bytes)
        } else {
            whole(&event)
        };
        let Some(line) = line else { continue };
        if lines.is_first() && is_text {
            lines.push(list.heading().into_bytes(), false);
        }
        lines.push(line, true);
        if lines.is_due() {
            selection.make_way();
        }
        if !lines.write()? {
            return Ok(Exit::Success);
        }
    }
    let found = !lines.is_first();
    lines.finish()?;
    Ok(selection.finish(found))
}

/// The event as the store has it; an outcome is no line of a list.
fn whole(event: &Event) -> Option<Vec<u8>> {
    if matches!(event, Event::OomOutcome(_)) {
        return None;
    }
    let mut line = Vec::new();
    Json::full().render(event, &mut line);
    Some(line)
}

/// Lines to be written: all, or the last so many.
struct Lines {
    last: Option<NonZeroUsize>,
    kept: VecDeque<Vec<u8>>,
    heading: Vec<u8>,
    out: Vec<u8>,
    is_first: bool,
}

impl Lines {
    fn new(last: Option<NonZeroUsize>) -> Self {
        Self {
            last,
            kept: VecDeque::new(),
            heading: Vec::new(),
            out: Vec::new(),
            is_first: true,
        }
    }

    /// Whether no line has come yet.
    fn is_first(&self) -> bool {
        self.is_first
    }

    fn push(&mut self, line: Vec<u8>, counts: bool) {
        self.is_first &= !counts;
        match self.last {
            Some(_) if !counts => self.heading = line,
            Some(last) => {
                if self.kept.len() == last.get() {
                    self.kept.pop_front();
                }
                self.kept.push_back(line);
            }
            None => self.out.extend_from_slice(&line),
        }
    }

    /// Whether there is enough to be written.
    fn is_due(&self) -> bool {
        self.out.len() >= CHUNK_BYTES
    }

    /// Writes what is due; `false` once nobody reads any more.
    fn write(&mut self) -> anyhow::Result<bool> {
        if !self.is_due() {
            return Ok(true);
        }
        let out = std::mem::take(&mut self.out);
        print(&out)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.out.append(&mut self.heading);
        for line in std::mem::take(&mut self.kept) {
            self.out.extend_from_slice(&line);
        }
        print(&self.out).map(|_| ())
    }
}
