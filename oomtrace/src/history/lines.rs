//! Lines of one place: a store, a file, or standard input.

use std::fs::{self, File};
use std::io;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::HistoryError;
use crate::recording;
use crate::store::{Item, Reader};

/// Longest line that is read; the longest that oomtrace writes without `--full` has 7,680 bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its newline.
    Whole(Vec<u8>),
    /// The last line, which has no newline.
    Unended(Vec<u8>),
    /// A line longer than any event; it was skipped.
    TooLong,
    /// Events that the store no longer has.
    Removed {
        /// Whether they were the oldest of all.
        oldest: bool,
        /// How many.
        count: u64,
    },
    /// The file cannot be read any further.
    Damaged(String),
}

/// The lines of one place, in their order.
pub(super) struct Lines {
    name: String,
    source: Source,
}

enum Source {
    Store(Reader),
    Text(Box<dyn BufRead>),
    Ended,
}

impl Lines {
    /// Opens a place; `-` is standard input.
    ///
    /// # Errors
    ///
    /// It is not there, cannot be read, or holds something else.
    pub(super) fn open(path: &Path) -> Result<Self, HistoryError> {
        if path == Path::new("-") {
            let input = BufReader::new(io::stdin());
            return Self::of_text(Box::new(input), "standard input".to_owned());
        }
        let name = path.display().to_string();
        let about = match fs::metadata(path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HistoryError::NotThere(path.to_owned()));
            }
            Err(source) => return Err(HistoryError::Io { name, source }),
        };
        if about.is_dir() {
            return Self::of_store(path, name);
        }
        match File::open(path) {
            Ok(file) => Self::of_text(Box::new(BufReader::new(file)), name),
            Err(source) => Err(HistoryError::Io { name, source }),
        }
    }

    fn of_store(path: &Path, name: String) -> Result<Self, HistoryError> {
        let mut entries = fs::read_dir(path).map_err(|source| HistoryError::Io {
            name: name.clone(),
            source,
        })?;
        let is_segment = |entry: io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("events-"))
        };
        if !entries.any(is_segment) {
            return Err(HistoryError::NoSegments(path.to_owned()));
        }
        Ok(Self {
            name,
            source: Source::Store(Reader::new(path, 1)),
        })
    }

    fn of_text(mut input: Box<dyn BufRead>, name: String) -> Result<Self, HistoryError> {
        let start = input.fill_buf().map_err(|source| HistoryError::Io {
            name: name.clone(),
            source,
        })?;
        if recording::is_recording(start) {
            return Err(HistoryError::Recording(name));
        }
        let is_packed = start.starts_with(GZIP_MAGIC);
        let text: Box<dyn BufRead> = if is_packed {
            Box::new(BufReader::new(MultiGzDecoder::new(input)))
        } else {
            input
        };
        Ok(Self {
            name,
            source: Source::Text(text),
        })
    }

    /// What messages call this place.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What comes next; `None` at the end.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<Line>, HistoryError> {
        let line = match &mut self.source {
            Source::Ended => return Ok(None),
            Source::Store(reader) => return Ok(reader.next_item()?.map(of_item)),
            Source::Text(text) => read_line(text.as_mut()),
        };
        Ok(match line {
            Ok(line) => line,
            Err(error) => {
                self.source = Source::Ended;
                Some(Line::Damaged(match error.kind() {
                    io::ErrorKind::UnexpectedEof => format!("{} is cut short", self.name),
                    _ => format!("{} cannot be read to its end: {error}", self.name),
                }))
            }
        })
    }
}

fn of_item(item: Item) -> Line {
    match item {
        Item::Event { line, .. } => Line::Whole(line),
        Item::Removed { first, count } => Line::Removed {
            oldest: first <= 1,
            count,
        },
        Item::Unreadable { first, count, why } => Line::Damaged(format!(
            "{why}: {count} events from number {first} on are skipped"
        )),
    }
}

fn read_line(text: &mut dyn BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    io::Read::take(&mut *text, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Some(Line::Whole(line)));
    }
    if line.is_empty() {
        return Ok(None);
    }
    if u64::try_from(line.len()).is_ok_and(|length| length < LINE_BYTES_MAX) {
        return Ok(Some(Line::Unended(line)));
    }
    text.skip_until(b'\n')?;
    Ok(Some(Line::TooLong))
}
