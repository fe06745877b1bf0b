//! Delivery: whole events to a writer that may have no room, fail, or lose its reader.
//!
//! Nothing here waits. An event that cannot be written now stays in a bounded queue; one that was
//! torn by an error is given back, so that its loss can be reported in the stream itself.

mod stdout;

use std::collections::VecDeque;
use std::io;
use std::io::{ErrorKind, Write};

pub use self::stdout::Stdout;

/// With so many bytes waiting, the source of events should pause.
pub const CONGESTED_BYTES: usize = 1024 * 1024;

/// Most bytes that wait; what comes beyond is refused.
pub const QUEUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is lost if something is not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Events of any kind.
    pub events: u64,
    /// Kills: at least so many (a `gap` event covers several).
    pub kills_min: u64,
    /// Kills: at most so many.
    pub kills_max: u64,
}

impl Loss {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.kills_min = self.kills_min.saturating_add(other.kills_min);
        self.kills_max = self.kills_max.saturating_add(other.kills_max);
    }
}

/// Something to be written as a whole.
#[derive(Debug)]
pub struct Item {
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// What is lost without it.
    pub loss: Loss,
    /// It says what the stream lacks.
    pub is_gap: bool,
}

/// How far [`Sink::write`] came.
#[derive(Debug)]
pub enum Progress {
    /// Everything was written.
    Done,
    /// There is no room at the moment.
    Blocked,
    /// The reader is gone: nothing can be written any more.
    Closed,
    /// Writing failed. Other items may still be waiting.
    Failed {
        /// The item that was written in part; none if nothing of it was, and it still waits.
        torn: Option<Item>,
        /// Why.
        error: io::Error,
    },
}

/// Writes items in their order.
#[derive(Debug)]
pub struct Sink<W> {
    writer: W,
    queue: VecDeque<Item>,
    queued_bytes: usize,
    /// Bytes of the first item that have been written.
    written: usize,
    /// The last line in the output has no end.
    torn: bool,
    closed: bool,
}

impl<W: Write> Sink<W> {
    /// A sink to `writer`.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            queue: VecDeque::new(),
            queued_bytes: 0,
            written: 0,
            torn: false,
            closed: false,
        }
    }

    /// Puts an item at the end of the queue; gives it back if the queue is full.
    ///
    /// # Errors
    ///
    /// The item, if there is no room for it.
    pub fn push(&mut self, item: Item) -> Result<(), Item> {
        // A short form has no line of its own for some events, and a write of nothing is an error.
        if item.bytes.is_empty() {
            return Ok(());
        }
        if self.queued_bytes.saturating_add(item.bytes.len()) > QUEUE_BYTES_MAX {
            return Err(item);
        }
        self.queued_bytes += item.bytes.len();
        self.queue.push_back(item);
        Ok(())
    }

    /// Puts an item before all others that were not begun.
    pub fn push_first(&mut self, item: Item) {
        self.queued_bytes += item.bytes.len();
        let at = usize::from(self.written > 0).min(self.queue.len());
        self.queue.insert(at, item);
    }

    /// Bytes that wait.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Whether an item waits that says what the stream lacks.
    #[must_use]
    pub fn holds_gap(&self) -> bool {
        self.queue.iter().any(|item| item.is_gap)
    }

    /// What would be lost if nothing more could be written.
    #[must_use]
    pub fn waiting(&self) -> Loss {
        let mut loss = Loss::default();
        for item in &self.queue {
            loss.add(item.loss);
        }
        loss
    }

    /// Writes as much as there is room for.
    pub fn write(&mut self) -> Progress {
        if self.closed {
            return Progress::Closed;
        }
        while let Some(item) = self.queue.front() {
            // Half an item was written before: the next must not be glued to it.
            let bytes = if self.torn {
                b"\n"
            } else {
                item.bytes.get(self.written..).unwrap_or_default()
            };
            let result = match self.writer.write(bytes) {
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                other => other,
            };
            match result {
                Ok(_) if self.torn => self.torn = false,
                Ok(written) => {
                    self.written += written;
                    if self.written >= item.bytes.len() {
                        self.pop();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Blocked,
                Err(error) if is_closed(&error) => {
                    self.closed = true;
                    return Progress::Closed;
                }
                Err(error) => {
                    let torn = (self.written > 0).then(|| self.pop()).flatten();
                    self.torn |= torn.is_some();
                    return Progress::Failed { torn, error };
                }
            }
        }
        Progress::Done
    }

    /// Where it writes to.
    #[must_use]
    pub fn writer(&self) -> &W {
        &self.writer
    }

    fn pop(&mut self) -> Option<Item> {
        self.written = 0;
        let item = self.queue.pop_front()?;
        self.queued_bytes -= item.bytes.len();
        Some(item)
    }
}

/// Whether an error says that nobody will ever read what is written.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests;
