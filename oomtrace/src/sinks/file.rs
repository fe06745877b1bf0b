//! A file of NDJSON that is rotated by size and by age, and opened again when it is asked to be.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::worker::{Batch, Receiver, Refused};

/// Part of a file that is looked at for its last newline.
const TAIL_BYTES: u64 = 64 * 1024;

/// A file.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    max_bytes: Option<u64>,
    max_age: Option<Duration>,
    keep: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    /// When the file was made; when it was opened, where the file system does not say.
    since: SystemTime,
}

impl FileSink {
    /// The file at `path`. It is renamed to `path.1` before it would grow beyond `max_bytes`, that to
    /// `path.2`, and so on; `keep` of them are kept.
    #[must_use]
    pub fn new(path: PathBuf, max_bytes: Option<u64>, keep: u32) -> Self {
        Self {
            path,
            max_bytes,
            max_age: None,
            keep,
            open: None,
        }
    }

    /// Renames it, too, before something is added to it after this time.
    #[must_use]
    pub fn rotated_after(self, max_age: Option<Duration>) -> Self {
        Self { max_age, ..self }
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open_at(&self.path)?,
        };
        for line in &batch.lines {
            let size = u64::try_from(line.len())
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            let is_full = |max: u64| open.length.saturating_add(size) > max;
            let is_old = |max: Duration| open.since.elapsed().is_ok_and(|age| age > max);
            let is_due = self.max_bytes.is_some_and(is_full) || self.max_age.is_some_and(is_old);
            if is_due && open.length > 0 {
                open.file.sync_data()?;
                rotate(&self.path, self.keep)?;
                open = open_at(&self.path)?;
            }
            let mut whole = line.clone();
            whole.push(b'\n');
            if let Err(error) = open.file.write_all(&whole) {
                // A part may be there: the line comes again as a whole.
                let _ = open.file.set_len(open.length);
                return Err(error);
            }
            open.length += size;
        }
        open.file.sync_data()?;
        self.open = Some(open);
        Ok(())
    }
}

impl Receiver for FileSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        self.write(batch).map_err(|error| {
            Refused::passing(format!("cannot write {}: {error}", self.path.display()))
        })
    }

    fn reopen(&mut self) {
        self.open = None;
    }
}

/// Opens the file to append to it. Half an event at its end, of a daemon that was killed, is cut off:
/// it comes again. Half a line of something else is ended.
fn open_at(path: &Path) -> io::Result<Open> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(Open {
            file,
            length: 0,
            since: SystemTime::now(),
        });
    }
    let from = about.len().saturating_sub(TAIL_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let whole = match memchr::memrchr(b'\n', &tail) {
        Some(at) => at + 1,
        // No newline at all in a long tail: this is no file of ours, so nothing is cut.
        None if from > 0 => tail.len(),
        None => 0,
    };
    let mut length = from + u64::try_from(whole).unwrap_or(u64::MAX);
    let torn = tail.get(whole..).unwrap_or_default();
    if torn.starts_with(b"{") {
        file.set_len(length)?;
    } else if !torn.is_empty() {
        file.write_all(b"\n")?;
        length = about.len() + 1;
    }
    let since = about.created().unwrap_or_else(|_| SystemTime::now());
    Ok(Open {
        file,
        length,
        since,
    })
}

/// Renames `path` to `path.1`, that to `path.2`, …; the last one is removed.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let is_there = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    if keep == 0 {
        return is_there(fs::remove_file(path));
    }
    for number in (1..keep).rev() {
        is_there(fs::rename(numbered(number), numbered(number + 1)))?;
    }
    is_there(fs::rename(path, numbered(1)))
}
