//! One file of a store: its name, its lines, and packing it once it is closed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::StoreError;

/// Only the owner reads command lines, masked or not.
pub(super) const FILE_MODE: u32 = 0o600;

const PREFIX: &str = "events-";
const OPEN: &str = ".ndjson";
const PACKED: &str = ".ndjson.gz";
const UNFINISHED: &str = ".ndjson.gz.tmp";

/// A segment that a directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of its first event.
    pub(super) first: u64,
    /// Its file.
    pub(super) path: PathBuf,
    /// Compressed by gzip, and so closed.
    pub(super) is_packed: bool,
}

impl Segment {
    /// The segment in `directory` that begins with event `first` and is open.
    pub(super) fn open_at(directory: &Path, first: u64) -> Self {
        Self {
            first,
            path: directory.join(format!("{PREFIX}{first:012}{OPEN}")),
            is_packed: false,
        }
    }

    fn from_name(directory: &Path, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (number, is_packed) = match rest.strip_suffix(PACKED) {
            Some(number) => (number, true),
            None => (rest.strip_suffix(OPEN)?, false),
        };
        let all_digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            first: number.parse().ok().filter(|_| all_digits)?,
            path: directory.join(name),
            is_packed,
        })
    }

    /// Reads its lines, unpacked; `None` if it was removed since the directory was listed.
    pub(super) fn lines(&self) -> Result<Option<Box<dyn BufRead + Send>>, StoreError> {
        if let Some(file) = open_if_there(&self.path)? {
            let file = BufReader::new(file);
            return Ok(Some(if self.is_packed {
                Box::new(BufReader::new(MultiGzDecoder::new(file)))
            } else {
                Box::new(file)
            }));
        }
        if self.is_packed {
            return Ok(None);
        }
        // It may have been packed meanwhile.
        let file = open_if_there(&self.path.with_extension("ndjson.gz"))?;
        Ok(file.map(|file| -> Box<dyn BufRead + Send> {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        }))
    }

    /// Number of whole lines.
    pub(super) fn count(&self) -> Result<u64, StoreError> {
        let Some(mut lines) = self.lines()? else {
            return Ok(0);
        };
        let mut buffer = vec![0; 64 * 1024];
        let mut count = 0_u64;
        loop {
            match lines.read(&mut buffer) {
                Ok(0) => return Ok(count),
                Ok(read) => {
                    let ends = memchr::memchr_iter(b'\n', buffer.get(..read).unwrap_or_default());
                    count += u64::try_from(ends.count()).unwrap_or(u64::MAX);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::io("read", &self.path)(error)),
            }
        }
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        let about = fs::metadata(&self.path).map_err(StoreError::io("look at", &self.path))?;
        Ok(about.len())
    }
}

fn open_if_there(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path)(error)),
    }
}

/// The segments of a store, oldest first; none where there is no such directory.
///
/// A segment that is there both open and packed (a crash between the two steps of packing) is given
/// once, packed: that file is complete before it gets its name.
pub(super) fn list(directory: &Path) -> Result<Vec<Segment>, StoreError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(StoreError::NotADirectory(directory.to_owned()));
        }
        Err(error) => return Err(StoreError::io("list", directory)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", directory))?;
        let name = entry.file_name();
        found.extend(
            name.to_str()
                .and_then(|name| Segment::from_name(directory, name)),
        );
    }
    found.sort_by_key(|segment| (segment.first, !segment.is_packed));
    found.dedup_by_key(|segment| segment.first);
    Ok(found)
}

/// Compresses a closed segment in place of its plain file. Takes some tens of milliseconds per MiB.
///
/// # Errors
///
/// A file cannot be read, written or removed; the plain segment is then still there.
pub fn pack(path: &Path) -> Result<(), StoreError> {
    let name = path.to_string_lossy();
    let Some(stem) = name.strip_suffix(OPEN) else {
        return Ok(());
    };
    let unfinished = PathBuf::from(format!("{stem}{UNFINISHED}"));
    let packed = PathBuf::from(format!("{stem}{PACKED}"));
    let mut plain = File::open(path).map_err(StoreError::io("open", path))?;
    let file = create(&unfinished)?;
    let mut encoder = GzEncoder::new(file, Compression::default());
    let copied = io::copy(&mut plain, &mut encoder)
        .and_then(|_| encoder.finish())
        .and_then(|mut file| file.flush().and_then(|()| file.sync_all()));
    if let Err(error) = copied {
        // What is left of it must not take the room that was lacking.
        let _ = fs::remove_file(&unfinished);
        return Err(StoreError::io("write", &unfinished)(error));
    }
    fs::rename(&unfinished, &packed).map_err(StoreError::io("rename", &unfinished))?;
    match fs::remove_file(path) {
        // The writer needed the room and has removed the segment meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::remove_file(&packed).map_err(StoreError::io("remove", &packed))
        }
        removed => removed.map_err(StoreError::io("remove", path)),
    }
}

/// Removes what a crash during packing left behind.
pub(super) fn tidy_up(directory: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(directory).map_err(StoreError::io("list", directory))?;
    for entry in entries {
        let path = entry.map_err(StoreError::io("list", directory))?.path();
        let name = path.to_string_lossy();
        let is_unfinished = name.ends_with(UNFINISHED);
        let is_packed_too = name
            .strip_suffix(OPEN)
            .is_some_and(|stem| Path::new(&format!("{stem}{PACKED}")).exists());
        if is_unfinished || is_packed_too {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Makes an empty file that only its owner may read.
pub(super) fn create(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(StoreError::io("create", path))
}
