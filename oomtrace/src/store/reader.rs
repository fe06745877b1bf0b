//! Reading events in their order, from any place, while the writer goes on.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::segment::{self, Segment};

/// What a reader comes to next.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event {
        /// Its number.
        number: u64,
        /// Its line of JSON, without the newline.
        line: Vec<u8>,
    },
    /// Events that were removed before they were read: the store was full, or they were too old.
    Removed {
        /// Number of the first one that is gone.
        first: u64,
        /// How many are gone.
        count: u64,
    },
    /// Events of a damaged segment, from the first one that cannot be read to the end of it.
    Unreadable {
        /// Number of the first one.
        first: u64,
        /// How many.
        count: u64,
        /// The file, and what is wrong with it.
        why: String,
    },
}

/// A place in a store that moves forward.
pub struct Reader {
    directory: PathBuf,
    next: u64,
    current: Option<Current>,
}

/// A segment that is being read. The file stays readable when it is packed or removed meanwhile.
struct Current {
    segment: Segment,
    lines: Box<dyn BufRead + Send>,
    /// Number of the next line that `lines` gives.
    next: u64,
    /// A beginning without its newline yet.
    partial: Vec<u8>,
}

impl Reader {
    /// A reader whose next event is number `place`; 0 or 1 is the oldest one ever.
    #[must_use]
    pub fn new(directory: &Path, place: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            next: place.max(1),
            current: None,
        }
    }

    /// Number of the next event: what a sink keeps to go on from here.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.next
    }

    /// The next event; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// The newest file of the store, or its directory, cannot be read.
    pub fn next_item(&mut self) -> Result<Option<Item>, StoreError> {
        loop {
            if self.current.is_none() {
                match self.enter() {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(error) => return self.skip_unreadable(error).map(Some),
                }
            }
            if let Some(removed) = self.skip_to_current() {
                return Ok(Some(removed));
            }
            let Some(current) = &mut self.current else {
                return Ok(None);
            };
            let line = match current.next_line() {
                Ok(line) => line,
                Err(error) => return self.skip_unreadable(error).map(Some),
            };
            match line {
                Some(line) => {
                    let number = current.next - 1;
                    if number < self.next {
                        continue;
                    }
                    self.next = number + 1;
                    return Ok(Some(Item::Event { number, line }));
                }
                // The end of this file: of the store, unless the writer has begun another segment.
                None if !self.has_successor()? => return Ok(None),
                None => {
                    // The writer may have added lines before it closed the segment.
                    if let Some(line) = self.last_line()? {
                        return Ok(Some(line));
                    }
                    self.current = None;
                }
            }
        }
    }

    /// A line that came between the end of the file and the look at its successor.
    fn last_line(&mut self) -> Result<Option<Item>, StoreError> {
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        let line = current.next_line()?;
        let number = current.next - 1;
        Ok(line.map(|line| {
            self.next = number + 1;
            Item::Event { number, line }
        }))
    }

    /// Opens the segment that holds the next event, or the oldest one after it.
    fn enter(&mut self) -> Result<bool, StoreError> {
        loop {
            let segments = segment::list(&self.directory)?;
            let holds = segments
                .iter()
                .rposition(|segment| segment.first <= self.next);
            let Some(segment) = segments.get(holds.unwrap_or(0)) else {
                return Ok(false);
            };
            // The writer may have removed it since the directory was listed: look again.
            let Some(lines) = segment.lines()? else {
                continue;
            };
            self.current = Some(Current {
                next: segment.first,
                segment: segment.clone(),
                lines,
                partial: Vec::new(),
            });
            return Ok(true);
        }
    }

    /// Reports the events before the current segment that are gone.
    fn skip_to_current(&mut self) -> Option<Item> {
        let first = self.current.as_ref()?.segment.first;
        let missed = first.checked_sub(self.next).filter(|count| *count > 0)?;
        let removed = Item::Removed {
            first: self.next,
            count: missed,
        };
        self.next = first;
        Some(removed)
    }

    /// Goes on with the next segment.
    ///
    /// # Errors
    ///
    /// `error`, if there is none.
    fn skip_unreadable(&mut self, error: StoreError) -> Result<Item, StoreError> {
        let segments = segment::list(&self.directory)?;
        let Some(next) = segments.iter().find(|segment| segment.first > self.next) else {
            return Err(error);
        };
        let skipped = Item::Unreadable {
            first: self.next,
            count: next.first - self.next,
            why: error.to_string(),
        };
        self.next = next.first;
        self.current = None;
        Ok(skipped)
    }

    fn has_successor(&self) -> Result<bool, StoreError> {
        let Some(current) = &self.current else {
            return Ok(false);
        };
        let newest = segment::list(&self.directory)?.pop();
        Ok(newest.is_some_and(|newest| newest.first > current.segment.first))
    }
}

impl Current {
    /// The next whole line, without its newline.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            match self.lines.read_until(b'\n', &mut self.partial) {
                Ok(_) if self.partial.ends_with(b"\n") => {
                    self.partial.pop();
                    self.next += 1;
                    return Ok(Some(std::mem::take(&mut self.partial)));
                }
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::io("read", &self.segment.path)(error)),
            }
        }
    }
}

/// Gives the lines of a store to `visit`, newest first, until it returns `false`. Returns what is wrong
/// with segments that could not be read to their ends.
///
/// # Errors
///
/// The directory cannot be read.
pub fn newest_first(
    directory: &Path,
    mut visit: impl FnMut(&[u8]) -> bool,
) -> Result<Vec<StoreError>, StoreError> {
    let mut damaged = Vec::new();
    for segment in segment::list(directory)?.iter().rev() {
        let mut text = Vec::new();
        let read = segment.lines().and_then(|lines| {
            let Some(mut lines) = lines else {
                return Ok(false);
            };
            lines
                .read_to_end(&mut text)
                .map_err(StoreError::io("read", &segment.path))?;
            Ok(true)
        });
        match read {
            Ok(true) => {}
            // Removed meanwhile: so are all before it.
            Ok(false) => break,
            // What precedes the damage is there.
            Err(error) => damaged.push(error),
        }
        // The last line may still be in the making.
        let whole = memchr::memrchr(b'\n', &text).unwrap_or(0);
        let lines = text
            .get(..whole)
            .unwrap_or_default()
            .rsplit(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            if !visit(line) {
                return Ok(damaged);
            }
        }
    }
    Ok(damaged)
}
