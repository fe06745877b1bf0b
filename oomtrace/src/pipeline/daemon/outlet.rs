//! From the capture into the spool of the store.

use std::sync::Arc;

use tokio::sync::Notify;

use super::gap;
use crate::daemon::Spool;
use crate::metrics::Tally;
use crate::model::{Event, Header};
use crate::pipeline::outlet::{Outlet, Wait};
use crate::pipeline::output::Flow;
use crate::pipeline::wait::Writable;
use crate::render::Render as _;
use crate::render::json::Json;
use crate::sink::Loss;

/// Puts each event as a whole line of JSON into the spool.
pub(super) struct StoreOutlet {
    spool: Spool,
    has_room: Arc<Notify>,
    tally: Arc<Tally>,
    /// Lost since the store was last told so.
    lost: Loss,
    /// Events lost altogether.
    dropped: u64,
    /// The header of the last event, from which that of a `gap` is made.
    last: Option<Header>,
}

impl StoreOutlet {
    /// `has_room` is notified when the spool is no longer congested.
    pub(super) fn new(spool: Spool, has_room: Arc<Notify>, tally: Arc<Tally>) -> Self {
        Self {
            spool,
            has_room,
            tally,
            lost: Loss::default(),
            dropped: 0,
            last: None,
        }
    }

    fn push(&mut self, event: &Event) -> bool {
        let mut line = Vec::new();
        Json::full().render(event, &mut line);
        line.pop();
        self.spool.push(line).is_ok()
    }

    /// Says in the store what it lacks, once there is room.
    fn report_losses(&mut self) {
        let lost = self.lost;
        if lost == Loss::default() || self.spool.is_congested() {
            return;
        }
        if let Some(header) = &self.last {
            let event = gap::lost(header, lost);
            if self.push(&event) {
                self.lost = Loss::default();
            }
        }
    }
}

impl Outlet for StoreOutlet {
    fn show(&mut self, event: &Event) -> Flow {
        self.tally.add(event);
        self.report_losses();
        self.last = Some(event.header().clone());
        if !self.push(event) {
            let kills = match event {
                Event::OomKill(_) => (1, 1),
                Event::Gap(gap) => (gap.kills_missed_min, gap.kills_missed_max),
                Event::OomOutcome(_) | Event::OomNoVictim(_) | Event::UserspaceOomKill(_) => (0, 0),
            };
            self.dropped += 1;
            self.lost.add(Loss {
                events: 1,
                kills_min: kills.0,
                kills_max: kills.1,
            });
        }
        Flow::Continue
    }

    fn is_congested(&self) -> bool {
        self.spool.is_congested()
    }

    fn poll(&self) -> anyhow::Result<Option<Writable>> {
        Ok(None)
    }

    fn writable<'a>(&'a self, _: Option<&'a Writable>) -> Wait<'a> {
        Box::pin(async {
            self.has_room.notified().await;
            Ok(())
        })
    }

    fn check_reader(&mut self) -> Flow {
        self.report_losses();
        Flow::Continue
    }

    fn write(&mut self) {
        self.report_losses();
    }

    /// What waits is the spool's.
    fn is_drained(&self) -> bool {
        true
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn showed_enough(&self) -> bool {
        false
    }

    fn losses(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            let dropped = self.dropped;
            format!("{dropped} events were not stored; gap events say how many kills were lost")
        })
    }
}
