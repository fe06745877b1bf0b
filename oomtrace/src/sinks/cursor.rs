//! The number of a sink's next event, in a file beside the store.
//!
//! It is written in place and always has the same length, so a full disk cannot keep it from moving
//! and a kill cannot tear it.

use std::fs::{File, OpenOptions};
use std::io;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Digits of a number.
const DIGITS: usize = 20;

/// A cursor, opened.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
}

impl Cursor {
    /// Opens the cursor of the sink `name` in `directory` and reads it; a new one is at `start`. One that
    /// is beyond `end`, the number that the next event gets, belongs to a store that is gone: it
    /// begins anew.
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub(super) fn open(
        directory: &Path,
        name: &str,
        start: u64,
        end: u64,
    ) -> io::Result<(Self, u64)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(format!("cursor-{name}")))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let place = text.trim_end().parse().ok().filter(|place| *place <= end);
        let cursor = Self { file };
        let place = match place {
            Some(place) => place,
            // What cannot be read says nothing of what was delivered: repeating is the safe side.
            None if bytes.is_empty() => start,
            None => 1,
        };
        cursor.save(place)?;
        Ok((cursor, place))
    }

    /// Writes it down.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn save(&self, place: u64) -> io::Result<()> {
        let text = format!("{place:0DIGITS$}\n");
        self.file.write_all_at(text.as_bytes(), 0)
    }
}
