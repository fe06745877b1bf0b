//! The thread of one sink: reads the store, shapes events, delivers them, moves the cursor.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::backoff::Backoff;
use super::cursor::Cursor;
use super::progress::{Progress, View};
use super::status::Status;
use crate::store::{Item, Reader};

/// Most events of a batch, and most bytes beyond which none is added.
const BATCH_EVENTS: usize = 100;
const BATCH_BYTES: usize = 256 * 1024;

/// An encoder of gzip is made on the stack and takes 300 KiB of it; what is not touched costs nothing.
const STACK_BYTES: usize = 1024 * 1024;

/// Turns a stored event into the line for one sink. May remember what it has let through.
pub trait Shape: Send {
    /// The line for this sink, without a newline; `None` if it is not to get this event.
    fn shape(&mut self, line: Vec<u8>) -> Option<Vec<u8>>;

    /// The line that reports removed events: `count` of them, from number `first` on.
    fn removed(&mut self, first: u64, count: u64) -> Option<Vec<u8>>;
}

/// Events to be delivered together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Number of the first stored event that it covers.
    pub first: u64,
    /// The lines, without newlines.
    pub lines: Vec<Vec<u8>>,
}

/// Why a batch was not taken.
#[derive(Debug)]
pub struct Refused {
    /// What failed, and on what.
    pub why: String,
    /// The receiver asked to be left alone for so long.
    pub retry_after: Option<Duration>,
    /// Trying again is of no use: the receiver refuses this very batch.
    pub is_final: bool,
    /// How many of the batch it did not take, where it did take others; all if absent.
    pub lost: Option<u64>,
}

impl Refused {
    /// A failure that may pass.
    #[must_use]
    pub fn passing(why: String) -> Self {
        Self {
            why,
            retry_after: None,
            is_final: false,
            lost: None,
        }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::passing(error.to_string())
    }
}

/// Where a sink's events go.
pub trait Receiver: Send {
    /// Hands a batch over as a whole. After a failure the same batch comes again.
    ///
    /// # Errors
    ///
    /// It was not taken.
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused>;

    /// Events of the batch just delivered that the receiver can never take, and that were left out.
    fn left_out(&self) -> u64 {
        0
    }

    /// Opens files again by their names.
    fn reopen(&mut self) {}
}

/// What a sink is made of.
pub struct Setup {
    /// Its name.
    pub name: String,
    /// The store's directory, where the cursor lies too.
    pub directory: PathBuf,
    /// What it gets.
    pub shape: Box<dyn Shape>,
    /// Where that goes.
    pub receiver: Box<dyn Receiver>,
}

/// A running sink.
#[derive(Debug)]
pub struct Handle {
    /// Its name.
    pub name: String,
    /// Its figures.
    pub status: Arc<Status>,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// Asks it to end after what it is doing. Returns whether it did so in time.
    #[must_use]
    pub fn stopped(self, within: Duration) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        self.progress.wake();
        self.ended_by(Instant::now() + within)
    }

    /// Waits until it has ended, at most until `deadline`.
    #[must_use]
    pub fn ended_by(self, deadline: Instant) -> bool {
        let status = &self.status;
        self.progress
            .wait(Some(deadline), |_| status.figures().has_ended);
        self.status.figures().has_ended && self.thread.join().is_ok()
    }
}

/// Starts a sink. A new one begins with the next event that is stored.
///
/// # Errors
///
/// Its cursor cannot be used, or there is no thread to be had.
pub fn start(setup: Setup, progress: &Arc<Progress>) -> io::Result<Handle> {
    let Setup {
        name,
        directory,
        shape,
        receiver,
    } = setup;
    let end = progress.view().end;
    let (cursor, place) = Cursor::open(&directory, &name, end, end)?;
    let status = Arc::new(Status::default());
    status.change(|figures| figures.place = place);
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker {
        name: name.clone(),
        reader: Reader::new(&directory, place),
        cursor,
        shape,
        receiver,
        progress: Arc::clone(progress),
        status: Arc::clone(&status),
        stop: Arc::clone(&stop),
        backoff: Backoff::default(),
        reopened: progress.view().reopened,
    };
    let thread = thread::Builder::new()
        .name(format!("sink-{name}"))
        .stack_size(STACK_BYTES)
        .spawn(move || worker.run(&directory))?;
    Ok(Handle {
        name,
        status,
        progress: Arc::clone(progress),
        stop,
        thread,
    })
}

struct Worker {
    name: String,
    reader: Reader,
    cursor: Cursor,
    shape: Box<dyn Shape>,
    receiver: Box<dyn Receiver>,
    progress: Arc<Progress>,
    status: Arc<Status>,
    stop: Arc<AtomicBool>,
    backoff: Backoff,
    reopened: u64,
}

impl Worker {
    fn run(mut self, directory: &Path) {
        while let Some(view) = self.next_view() {
            if let Err(why) = self.pass(&view) {
                self.failed(&why);
                self.pause(None);
                // What was read and not delivered is read again.
                let place = self.status.figures().place;
                self.reader = Reader::new(directory, place);
            }
        }
        self.status.change(|figures| figures.has_ended = true);
        self.progress.wake();
    }

    /// Waits until there is something to do; `None` if it is to end.
    fn next_view(&mut self) -> Option<View> {
        loop {
            let (place, reopened) = (self.reader.place(), self.reopened);
            let stop = Arc::clone(&self.stop);
            let view = self.progress.wait(None, |view| {
                view.end > place
                    || view.reopened > reopened
                    || view.finish_by.is_some()
                    || stop.load(Ordering::Relaxed)
            });
            if self.is_stopped() || view.finish_by.is_some() && view.end <= place {
                return None;
            }
            if view.reopened > self.reopened {
                self.reopened = view.reopened;
                self.receiver.reopen();
            }
            if view.end > place {
                return Some(view);
            }
        }
    }

    /// Delivers one batch of what is there.
    fn pass(&mut self, view: &View) -> Result<(), String> {
        let mut batch = Batch {
            first: self.reader.place(),
            lines: Vec::new(),
        };
        let (mut bytes, mut dropped) = (0, 0);
        while self.reader.place() < view.end
            && batch.lines.len() < BATCH_EVENTS
            && bytes < BATCH_BYTES
        {
            let line = match self.reader.next_item() {
                Ok(Some(Item::Event { line, .. })) => self.shape.shape(line),
                Ok(Some(Item::Removed { first, count })) => {
                    dropped += count;
                    self.shape.removed(first, count)
                }
                Ok(Some(Item::Unreadable { first, count, why })) => {
                    log::error!(
                        "sink {}: {why}: {count} events from number {first} on are skipped",
                        self.name
                    );
                    dropped += count;
                    self.shape.removed(first, count)
                }
                Ok(None) => break,
                Err(error) => return Err(error.to_string()),
            };
            if let Some(line) = line {
                bytes += line.len();
                batch.lines.push(line);
            }
        }
        let given_up = if batch.lines.is_empty() {
            0
        } else {
            match self.deliver(&batch) {
                Some(given_up) => given_up,
                None => return Ok(()),
            }
        };
        let place = self.reader.place();
        let lines = u64::try_from(batch.lines.len()).unwrap_or(u64::MAX);
        let delivered = lines.saturating_sub(given_up);
        dropped += given_up;
        self.status.change(|figures| {
            figures.place = place;
            figures.delivered += delivered;
            figures.dropped += dropped;
        });
        if let Err(error) = self.cursor.save(place) {
            log::warn!(
                "sink {}: cannot save its cursor: {error}; events may be repeated after a restart",
                self.name
            );
        }
        Ok(())
    }

    /// Tries until the batch is taken; returns how many of its events were given up, or `None` if the
    /// thread is to end before.
    fn deliver(&mut self, batch: &Batch) -> Option<u64> {
        loop {
            let refused = match self.receiver.deliver(batch) {
                Ok(()) => {
                    self.succeeded();
                    return Some(self.receiver.left_out());
                }
                Err(refused) => refused,
            };
            self.failed(&refused.why);
            if refused.is_final {
                let all = u64::try_from(batch.lines.len()).unwrap_or(u64::MAX);
                let lost = refused.lost.unwrap_or(all);
                log::error!(
                    "sink {}: {lost} of {all} events from number {} on are given up: {}",
                    self.name,
                    batch.first,
                    refused.why
                );
                return Some(lost);
            }
            if !self.pause(refused.retry_after) {
                return None;
            }
            let reopened = self.progress.view().reopened;
            if reopened > self.reopened {
                self.reopened = reopened;
                self.receiver.reopen();
            }
        }
    }

    /// Waits before the next attempt; false if it is to end instead.
    fn pause(&mut self, asked: Option<Duration>) -> bool {
        let until = Instant::now() + self.backoff.next(asked);
        let (stop, reopened) = (Arc::clone(&self.stop), self.reopened);
        let view = self.progress.wait(Some(until), |view| {
            stop.load(Ordering::Relaxed)
                || view.reopened > reopened
                || view.finish_by.is_some_and(|by| by < until)
        });
        // At the end there is one attempt more for each pause that fits.
        !self.is_stopped() && view.finish_by.is_none_or(|by| until <= by)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut failed_before = false;
        self.status.change(|figures| {
            failed_before = figures.failure.take().is_some();
            figures.last_success = now.ok().map(|now| now.as_secs());
        });
        if failed_before {
            log::warn!("sink {}: works again", self.name);
        }
    }

    /// Says so once for each run of failures: a log must not fill what is full.
    fn failed(&self, why: &str) {
        let mut is_new = false;
        self.status.change(|figures| {
            is_new = figures.failure.is_none();
            figures.errors += 1;
            figures.failure = Some(why.to_owned());
        });
        if is_new {
            log::error!("sink {}: {why}; its events stay in the store", self.name);
        }
    }
}
