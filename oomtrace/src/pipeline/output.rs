//! The way out: filter, count, render, deliver.

use std::{collections::VecDeque, fs::File, num::NonZeroU64};

use crate::{
    cli::filter::{Filter, matches},
    model::{Event, KillKind},
    render::Render,
    sink::{Delivery, Sink},
};

/// Shown kills whose outcome may still come.
const SHOWN_KEPT: usize = 4096;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// More is wanted.
    Continue,
    /// Enough was shown, or nobody reads any more.
    Stop,
}

/// Shows events.
pub(super) struct Output {
    filter: Filter,
    renderer: Box<dyn Render>,
    sink: Sink<File>,
    remaining: Option<u64>,
    shown: VecDeque<String>,
    only_pid: Option<u32>,
    buffer: Vec<u8>,
}

impl Output {
    pub(super) fn new(
        filter: Filter,
        renderer: Box<dyn Render>,
        sink: Sink<File>,
        count: Option<NonZeroU64>,
    ) -> Self {
        Self {
            filter,
            renderer,
            sink,
            remaining: count.map(NonZeroU64::get),
            shown: VecDeque::new(),
            only_pid: None,
            buffer: Vec::new(),
        }
    }

    /// Shows `event`, if the filter wants it.
    pub(super) fn show(&mut self, event: &Event) -> Flow {
        if self.remaining == Some(0) {
            return Flow::Stop;
        }
        if !self.is_wanted(event) {
            return Flow::Continue;
        }
        self.buffer.clear();
        self.renderer.render(event, &mut self.buffer);
        if self.sink.deliver(&self.buffer) == Delivery::Closed {
            return Flow::Stop;
        }
        if let (Event::OomKill(_), Some(remaining)) = (event, &mut self.remaining) {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Shows nothing but the kill of this process.
    pub(super) fn only_victim(&mut self, pid: Option<u32>) {
        self.only_pid = pid;
    }

    /// Whether the number of kills that was asked for has been shown.
    pub(super) fn showed_enough(&self) -> bool {
        self.remaining == Some(0)
    }

    /// Events that could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.sink.dropped()
    }

    /// Words for events that could not be written.
    pub(super) fn losses(dropped: u64) -> Vec<String> {
        let words = format!("{dropped} events could not be written to standard output");
        (dropped > 0).then_some(words).into_iter().collect()
    }

    fn is_wanted(&mut self, event: &Event) -> bool {
        if self.only_pid.is_some() {
            return matches!(event, Event::OomKill(kill) if kill.victim.pid == self.only_pid);
        }
        match event {
            Event::OomKill(kill) => {
                // A process that died with a shown victim belongs to it, whatever its own name.
                let with_shown = kill.incident.kill_kind == Some(KillKind::SharedMm)
                    && self.shown.contains(&kill.incident.id);
                let wanted = self.filter.is_empty() || matches(kill, &self.filter) || with_shown;
                if wanted && !self.filter.is_empty() {
                    if self.shown.len() == SHOWN_KEPT {
                        self.shown.pop_front();
                    }
                    self.shown.push_back(kill.incident.id.clone());
                }
                wanted
            }
            Event::OomOutcome(outcome) => {
                self.filter.is_empty() || self.shown.contains(&outcome.incident_id)
            }
            // What was missed may have been what the filter wants.
            Event::Gap(_) | Event::OomNoVictim(_) | Event::UserspaceOomKill(_) => true,
        }
    }
}
