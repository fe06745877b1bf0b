//! The thread that stores events, and tells the sinks once they are safe.

use std::io;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::spool::Spool;
use crate::sinks::Progress;
use crate::store;
use crate::store::Writer;

/// How long after a failure the store is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Most events that are forced to the disk, and shown to the sinks, together.
const TOGETHER: usize = 64;

/// An encoder of gzip is made on the stack and takes 300 KiB of it; what is not touched costs nothing.
const STACK_BYTES: usize = 1024 * 1024;

/// What the store has been through since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeeperFigures {
    /// Events stored.
    pub stored: u64,
    /// Events removed because the store was full, too old, or the disk was full.
    pub removed: u64,
    /// Failures to store.
    pub errors: u64,
    /// Events given up at the end.
    pub given_up: u64,
    /// Why the last attempt failed; none if it did not.
    pub failure: Option<String>,
}

/// The figures, shared.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<KeeperFigures>>);

impl Kept {
    /// The figures now.
    #[must_use]
    pub fn figures(&self) -> KeeperFigures {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, KeeperFigures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores what is in the spool.
pub struct Keeper {
    spool: Spool,
    writer: Writer,
    progress: Arc<Progress>,
    kept: Kept,
    is_synced: bool,
}

impl Keeper {
    /// One for this store. With `is_synced`, sinks get an event only once it is on the disk.
    #[must_use]
    pub fn new(spool: Spool, writer: Writer, progress: Arc<Progress>, is_synced: bool) -> Self {
        progress.stored(writer.next_number());
        Self {
            spool,
            writer,
            progress,
            kept: Kept::default(),
            is_synced,
        }
    }

    /// The figures.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Starts its thread, which ends once the spool is closed and empty.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub fn start(self) -> io::Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("store".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || self.run())
    }

    fn run(mut self) {
        match self.writer.unpacked() {
            Ok(closed) => closed.iter().for_each(|path| pack(path)),
            Err(error) => log::warn!("{error}"),
        }
        while self.spool.wait() {
            let mut closed = Vec::new();
            let mut stored = 0;
            while stored < TOGETHER
                && let Some(line) = self.spool.take()
            {
                let bytes = line.len();
                self.append(&line, &mut closed);
                self.spool.done(bytes);
                stored += 1;
            }
            self.publish();
            closed.iter().for_each(|path| pack(path));
        }
    }

    /// Appends an event, however long that takes, unless the end has come.
    fn append(&mut self, line: &[u8], closed: &mut Vec<PathBuf>) {
        loop {
            match self.writer.append(line, SystemTime::now()) {
                Ok(done) => {
                    closed.extend(done.closed);
                    let mut kept = self.kept.lock();
                    kept.stored += 1;
                    kept.removed += done.removed;
                    if kept.failure.take().is_some() {
                        log::warn!("the store can be written again");
                    }
                    return;
                }
                Err(error) => {
                    // What is there already goes to the sinks meanwhile.
                    self.publish();
                    if is_full(&error) && self.made_room() {
                        continue;
                    }
                    self.failed(&error.to_string());
                    if !self.spool.pause(RETRY) {
                        self.kept.lock().given_up += 1;
                        return;
                    }
                }
            }
        }
    }

    /// Removes the oldest events for the newest.
    fn made_room(&self) -> bool {
        match self.writer.make_room() {
            Ok(Some(removed)) => {
                log::warn!(
                    "the disk of the store is full: its oldest {removed} events were removed for \
                     new ones"
                );
                self.kept.lock().removed += removed;
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.failed(&error.to_string());
                false
            }
        }
    }

    fn publish(&self) {
        if self.is_synced
            && let Err(error) = self.writer.sync()
        {
            self.failed(&error.to_string());
        }
        self.progress.stored(self.writer.next_number());
    }

    fn failed(&self, why: &str) {
        let mut kept = self.kept.lock();
        kept.errors += 1;
        if kept.failure.replace(why.to_owned()).is_none() {
            log::error!("{why}; events wait in memory, 8 MiB at most");
        }
    }
}

fn is_full(error: &store::StoreError) -> bool {
    matches!(
        error.kind(),
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    )
}

fn pack(closed: &Path) {
    if let Err(error) = store::pack(closed) {
        log::warn!("a segment of the store stays unpacked: {error}");
    }
}
