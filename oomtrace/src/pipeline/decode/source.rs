//! Where a log comes from, and what to say if it cannot be had.

use std::fs::File;
use std::io;
use std::io::{Cursor, IsTerminal as _, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::klog::transport;
use crate::model::Bytes;
use crate::pipeline::log_error::explained;
use crate::render::escape::escape;
use crate::words;

/// Characters of a name, its last, that fit beside how far the read has come.
const NAME_CHARS_MAX: usize = 24;

/// First bytes of a journal file.
const JOURNAL_MAGIC: &[u8] = b"LPKSHHRH";

/// Bytes by which a journal or a compressed file is recognised.
const MAGIC_BYTES: usize = 8;

/// How long nothing may come before what is there is shown.
const PATIENCE: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// An open log.
pub(super) struct Source {
    name: String,
    input: Box<dyn Read + Send>,
    /// Where there may be more later: a pipe or a terminal, uncompressed.
    waits_on: Option<File>,
    /// Its length, where that is known: of a file that is not packed.
    total_bytes: Option<u64>,
}

impl Source {
    /// Opens a log; `-` is standard input.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is none; the message says what would help.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let file = if is_stdin {
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let file = file.map_err(|error| explained(&name, &error))?;
        if file.is_terminal() {
            log::warn!("reading what is typed or pasted here; end with Ctrl-D");
        }
        let about = file.metadata().map_err(|error| explained(&name, &error))?;
        if about.is_dir() {
            return Err(explained(&name, &Errno::ISDIR.into()));
        }
        let kind = about.file_type();
        let may_wait = kind.is_fifo() || kind.is_socket() || kind.is_char_device();
        let watched = may_wait
            .then(|| file.try_clone())
            .transpose()
            .map_err(|error| explained(&name, &error))?;
        let mut file = file;
        let mut start = Vec::new();
        let mut first = [0; MAGIC_BYTES];
        while start.len() < MAGIC_BYTES {
            let wanted = first.get_mut(start.len()..).unwrap_or_default();
            match file.read(wanted) {
                Ok(0) => break,
                Ok(read) => start.extend(wanted.iter().take(read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(explained(&name, &error)),
            }
        }
        if start == JOURNAL_MAGIC {
            anyhow::bail!(
                "{name} is a file of the journal, which only its own tools can read: \
                 journalctl --file {name} -k -o export | oomtrace decode"
            );
        }
        let is_packed = transport::is_packed(&start);
        let input = transport::unpacked(Cursor::new(start).chain(file))
            .map_err(|error| explained(&name, &error))?;
        Ok(Self {
            name,
            input,
            waits_on: watched.filter(|_| !is_packed),
            total_bytes: (kind.is_file() && !is_packed).then_some(about.len()),
        })
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `dmesg.log: 1.2 GiB of 3.4 GiB read, 12 events`.
    pub(super) fn progress(&self, read_bytes: u64, events: u64) -> String {
        let size = |bytes| words::size(Bytes(bytes));
        let of = match self.total_bytes.filter(|total| *total >= read_bytes) {
            Some(total) => format!(" of {}", size(total)),
            None => String::new(),
        };
        let name = escape(&self.name);
        let mut end = name.chars().rev().take(NAME_CHARS_MAX).collect::<Vec<_>>();
        end.reverse();
        let name: String = end.into_iter().collect();
        format!(
            "{name}: {}{of} read, {} events",
            size(read_bytes),
            words::grouped(events)
        )
    }

    /// Whether more is there, or comes before long.
    ///
    /// # Errors
    ///
    /// Waiting is not possible here.
    pub(super) fn has_more(&self) -> io::Result<bool> {
        let Some(file) = &self.waits_on else {
            return Ok(true);
        };
        let mut fds = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut fds, Some(&PATIENCE)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// `error` with the name of the log, and what helps.
    pub(super) fn explained(&self, error: io::Error) -> anyhow::Error {
        explained(&self.name, &error)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}
