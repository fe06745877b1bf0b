//! Where BTF bytes come from, a few kilobytes at a time.

use std::cell::RefCell;
use std::io;

use super::BtfError;

/// As much as the kernel gives in one read of a file of sysfs.
const WINDOW_BYTES: usize = 4096;

/// Bytes that can be read at any offset: the kernel's file, so that its 5 MB and more are never in
/// memory at once, or a slice.
pub trait Source {
    /// Reads at `offset` as much as there is and fits; 0 at the end.
    ///
    /// # Errors
    /// The bytes cannot be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl Source for [u8] {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(length)
    }
}

/// A part of a source, read through a window that moves with what is asked for.
pub(super) struct Section<'a, S: ?Sized> {
    source: &'a S,
    start: u64,
    length: usize,
    window: RefCell<Window>,
}

#[derive(Default)]
struct Window {
    start: usize,
    bytes: Vec<u8>,
}

impl<'a, S: Source + ?Sized> Section<'a, S> {
    pub(super) fn new(source: &'a S, start: u64, length: usize) -> Self {
        Self {
            source,
            start,
            length,
            window: RefCell::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The bytes from `at`; `what` names them in an error.
    pub(super) fn bytes<const N: usize>(
        &self,
        at: usize,
        what: &'static str,
    ) -> Result<[u8; N], BtfError> {
        let cut = BtfError::Truncated { what, at };
        if at.checked_add(N).is_none_or(|end| end > self.length) {
            return Err(cut);
        }
        let mut window = self.window.borrow_mut();
        if let Some(bytes) = window.get(at) {
            return Ok(bytes);
        }
        window.bytes.resize(WINDOW_BYTES.min(self.length - at), 0);
        window.start = at;
        let read = read_fully(self.source, self.start + at as u64, &mut window.bytes)?;
        window.bytes.truncate(read);
        window.get(at).ok_or(cut)
    }

    /// All of it. What the source claims to have is taken from it piece by piece, so that a false
    /// length costs no memory.
    pub(super) fn whole(&self, what: &'static str) -> Result<Vec<u8>, BtfError> {
        let mut all = Vec::new();
        while all.len() < self.length {
            let start = all.len();
            all.resize(start + WINDOW_BYTES.min(self.length - start), 0);
            let piece = all.get_mut(start..).unwrap_or_default();
            let wanted = piece.len();
            if read_fully(self.source, self.start + start as u64, piece)? < wanted {
                return Err(BtfError::Truncated { what, at: start });
            }
        }
        Ok(all)
    }
}

impl Window {
    fn get<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let rest = self.bytes.get(at.checked_sub(self.start)?..)?;
        rest.first_chunk().copied()
    }
}

/// Reads until `into` is full or the source at its end.
fn read_fully<S: Source + ?Sized>(
    source: &S,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, BtfError> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let offset = offset + done as u64;
        match source.read_at(offset, rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) => {
                return Err(BtfError::Read {
                    at: offset,
                    why: error.to_string(),
                });
            }
        }
    }
    Ok(done)
}
