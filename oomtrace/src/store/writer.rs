//! Appending events, and keeping the store within its bounds.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::StoreError;
use super::segment::{self, FILE_MODE, Segment};

const LOCK: &str = "lock";
const DIRECTORY_MODE: u32 = 0o700;

/// The store is made of about so many segments when it is full, so that removing the oldest takes
/// away little.
const SEGMENTS: u64 = 16;

/// Bounds of one segment's size. The upper one bounds what a crash during packing can delay.
const SEGMENT_BYTES_MIN: u64 = 64 * 1024;
const SEGMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A segment takes no event that is this much younger than its first one, so that old events can be
/// removed by their age.
const SEGMENT_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How large a store may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes on disk; the oldest segments are removed beyond.
    pub max_bytes: u64,
    /// Segments whose last event is older are removed.
    pub max_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_bytes: 256 * 1024 * 1024,
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// The one writer of a store.
#[derive(Debug)]
pub struct Writer {
    directory: PathBuf,
    settings: Settings,
    segment: Segment,
    file: File,
    /// Bytes of whole lines in `file`.
    length: u64,
    /// When the open segment got its first event.
    since: Option<SystemTime>,
    /// Number that the next event gets.
    next: u64,
    /// Held open: dropping it releases the lock.
    _lock: File,
}

/// A writer, and what it found.
#[derive(Debug)]
pub struct Opened {
    /// The writer.
    pub writer: Writer,
    /// Bytes of a half-written last line that were cut off.
    pub cut_bytes: u64,
}

/// What appending an event led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Number of the event.
    pub number: u64,
    /// A segment that was closed: to be given to [`super::pack`], outside of the capture's way.
    pub closed: Option<PathBuf>,
    /// Events that were removed because the store was full or they were too old.
    pub removed: u64,
}

impl Writer {
    /// Opens the store in `directory`, making it if need be.
    ///
    /// # Errors
    ///
    /// Another process writes it, or it cannot be made, read or written.
    pub fn open(directory: &Path, settings: Settings) -> Result<Opened, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(|error| {
                if directory.exists() && !directory.is_dir() {
                    StoreError::NotADirectory(directory.to_owned())
                } else {
                    StoreError::io("make", directory)(error)
                }
            })?;
        let lock = lock(directory)?;
        segment::tidy_up(directory)?;
        let segments = segment::list(directory)?;
        let (segment, cut_bytes) = match segments.last() {
            Some(last) if !last.is_packed => (last.clone(), cut_torn_tail(&last.path)?),
            Some(last) => (Segment::open_at(directory, last.first + last.count()?), 0),
            None => (Segment::open_at(directory, 1), 0),
        };
        let file = append_to(&segment.path)?;
        let length = segment.bytes()?;
        let next = segment.first + segment.count()?;
        let since = (length > 0).then(SystemTime::now);
        let writer = Self {
            directory: directory.to_owned(),
            settings,
            segment,
            file,
            length,
            since,
            next,
            _lock: lock,
        };
        writer.sync_directory()?;
        Ok(Opened { writer, cut_bytes })
    }

    /// Number that the next event gets.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Appends one event: a line of JSON with or without its newline.
    ///
    /// # Errors
    ///
    /// It cannot be written; nothing of it is then left in the store, and the same event may be
    /// appended again.
    pub fn append(&mut self, event: &[u8], now: SystemTime) -> Result<Appended, StoreError> {
        let mut done = Appended::default();
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        let size = u64::try_from(line.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        if self.is_full_for(size, now) {
            let closed = self.roll()?;
            done.removed = self.remove_old(now)?;
            done.closed = Some(closed).filter(|path| path.exists());
        }
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        if let Err(error) = self.file.write_all(&whole) {
            // A part may be there: the next line must not continue it.
            let _ = self.file.set_len(self.length);
            return Err(StoreError::io("write", &self.segment.path)(error));
        }
        self.length += size;
        self.since.get_or_insert(now);
        done.number = self.next;
        self.next += 1;
        Ok(done)
    }

    /// Forces what was appended to the disk. Until then a power cut can lose it.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync_data()
            .map_err(StoreError::io("sync", &self.segment.path))
    }

    /// Makes room on a full disk: removes the oldest closed segment. Returns how many events went
    /// with it; `None` if there is no closed segment.
    ///
    /// # Errors
    ///
    /// The directory cannot be read or the segment not removed.
    pub fn make_room(&self) -> Result<Option<u64>, StoreError> {
        let segments = segment::list(&self.directory)?;
        let [oldest, next, ..] = segments.as_slice() else {
            return Ok(None);
        };
        fs::remove_file(&oldest.path).map_err(StoreError::io("remove", &oldest.path))?;
        Ok(Some(next.first.saturating_sub(oldest.first)))
    }

    /// Closed segments that are not packed yet, oldest first: those of a writer that was killed.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn unpacked(&self) -> Result<Vec<PathBuf>, StoreError> {
        let segments = segment::list(&self.directory)?;
        let closed = segments
            .into_iter()
            .filter(|segment| !segment.is_packed && segment.first < self.segment.first);
        Ok(closed.map(|segment| segment.path).collect())
    }

    fn is_full_for(&self, size: u64, now: SystemTime) -> bool {
        let segment_bytes =
            (self.settings.max_bytes / SEGMENTS).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let age = self.since.and_then(|since| now.duration_since(since).ok());
        self.length > 0
            && (self.length.saturating_add(size) > segment_bytes
                || age.is_some_and(|age| age > SEGMENT_AGE_MAX))
    }

    /// Closes the open segment and begins the next.
    fn roll(&mut self) -> Result<PathBuf, StoreError> {
        let segment = Segment::open_at(&self.directory, self.next);
        let file = append_to(&segment.path)?;
        self.sync_directory()?;
        self.file = file;
        self.length = 0;
        self.since = None;
        Ok(std::mem::replace(&mut self.segment, segment).path)
    }

    /// Removes closed segments while the store is too large or they are too old; the number of events
    /// that went with them.
    fn remove_old(&self, now: SystemTime) -> Result<u64, StoreError> {
        let segments = segment::list(&self.directory)?;
        let mut sizes = Vec::new();
        for segment in &segments {
            sizes.push(segment.bytes()?);
        }
        let mut total: u64 = sizes.iter().sum();
        let mut removed = 0;
        let next_firsts = segments.iter().skip(1).map(|segment| segment.first);
        for ((segment, size), next_first) in segments.iter().zip(&sizes).zip(next_firsts) {
            let last_write = fs::metadata(&segment.path).and_then(|about| about.modified());
            let is_old = last_write
                .ok()
                .and_then(|at| now.duration_since(at).ok())
                .is_some_and(|age| age > self.settings.max_age);
            if total <= self.settings.max_bytes && !is_old {
                break;
            }
            fs::remove_file(&segment.path).map_err(StoreError::io("remove", &segment.path))?;
            total -= size;
            removed += next_first.saturating_sub(segment.first);
        }
        Ok(removed)
    }

    fn sync_directory(&self) -> Result<(), StoreError> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(StoreError::io("sync", &self.directory))
    }
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
    }
}

fn append_to(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(StoreError::io("open", path))
}

/// Cuts off what follows the last whole line. After a power cut that can be half a line, or zeros
/// where the file's length reached the disk and its data did not.
fn cut_torn_tail(path: &Path) -> Result<u64, StoreError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(StoreError::io("open", path))?;
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut text))
        .map_err(StoreError::io("read", path))?;
    let mut keep = text.as_slice();
    while let Some((head, last)) = split_last_line(keep) {
        if last.ends_with(b"}\n") && last.starts_with(b"{") && !last.contains(&0) {
            break;
        }
        keep = head;
    }
    let cut = text.len() - keep.len();
    if cut > 0 {
        let length = u64::try_from(keep.len()).unwrap_or(u64::MAX);
        file.set_len(length)
            .and_then(|()| file.sync_all())
            .map_err(StoreError::io("cut", path))?;
    }
    Ok(u64::try_from(cut).unwrap_or(u64::MAX))
}

/// What precedes the last line, and that line with its newline if it has one.
fn split_last_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    (!text.is_empty()).then(|| text.split_at(start))
}
