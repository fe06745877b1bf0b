//! Where a live capture puts its events: standard output, or the daemon's store.

use std::future::Future;
use std::io;
use std::pin::Pin;

use super::output::{Flow, Output};
use super::wait::Writable;
use crate::model::Event;

/// A wait that may never end.
pub(super) type Wait<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Takes events without ever waiting; says when the capture should pause.
pub(super) trait Outlet {
    /// Takes an event.
    fn show(&mut self, event: &Event) -> Flow;

    /// Whether so much waits that the source of events should pause.
    fn is_congested(&self) -> bool;

    /// A descriptor to wait for with [`Self::writable`].
    ///
    /// # Errors
    ///
    /// It cannot be polled.
    fn poll(&self) -> anyhow::Result<Option<Writable>>;

    /// Waits until [`Self::check_reader`] has something to do; for ever if nothing can be.
    fn writable<'a>(&'a self, fd: Option<&'a Writable>) -> Wait<'a>;

    /// Goes on after [`Self::writable`].
    fn check_reader(&mut self) -> Flow;

    /// Queues what was held back until it is quiet.
    fn settle(&mut self) {}

    /// Passes on what waits, as far as there is room.
    fn write(&mut self);

    /// Whether nothing waits that could still be passed on.
    fn is_drained(&self) -> bool;

    /// Whether whoever takes the events has gone.
    fn is_closed(&self) -> bool;

    /// Whether the number of kills that was asked for has been shown.
    fn showed_enough(&self) -> bool;

    /// A sentence for events that were lost here.
    fn losses(&self) -> Option<String>;
}

impl Outlet for Output {
    fn show(&mut self, event: &Event) -> Flow {
        self.show(event)
    }

    fn is_congested(&self) -> bool {
        self.is_congested()
    }

    fn poll(&self) -> anyhow::Result<Option<Writable>> {
        self.poll()
    }

    fn writable<'a>(&'a self, fd: Option<&'a Writable>) -> Wait<'a> {
        Box::pin(self.writable(fd))
    }

    fn check_reader(&mut self) -> Flow {
        self.check_reader()
    }

    fn settle(&mut self) {
        self.settle();
    }

    fn write(&mut self) {
        self.write();
    }

    fn is_drained(&self) -> bool {
        self.is_drained()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn showed_enough(&self) -> bool {
        self.showed_enough()
    }

    fn losses(&self) -> Option<String> {
        self.losses()
    }
}
