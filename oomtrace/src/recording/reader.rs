//! Reading a recording.

use std::io::{self, Read};

use super::frame::{self, kind};
use super::{
    FORMAT_VERSION, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, Frame, MAGIC, NATIVE_ORDER,
    RecordingError, START_BYTES,
};
use crate::model::Host;

/// Reads a recording frame by frame; holds one frame at a time.
#[derive(Debug)]
pub struct Reader<R: Read> {
    source: Source<R>,
    host: Host,
    skipped: u64,
    /// Nothing more is read after the end or an error.
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the start of a recording and the host it was made on.
    ///
    /// # Errors
    ///
    /// [`RecordingError`]: it is none, or of another version or byte order, or ends before the
    /// host is whole.
    pub fn new(input: R) -> Result<Self, RecordingError> {
        let mut source = Source {
            input,
            offset: 0,
            frame_start: 0,
            frames: 0,
        };
        source.start()?;
        let host = match source.next()? {
            Some((kind::HOST, body)) => frame::json(&body, "host"),
            Some((kind, _)) => Err(format!("the first frame is of kind {kind}, not the host")),
            None => return Err(source.truncated()),
        };
        let host = host.map_err(|what| source.damaged(what))?;
        Ok(Self {
            source,
            host,
            skipped: 0,
            done: false,
        })
    }

    /// The host that the capture was made on.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Frames of a kind that is not known here; a newer oomtrace wrote them.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next frame; nothing at the end.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Truncated`], [`RecordingError::Damaged`], [`RecordingError::Read`]; after
    /// any of them there is nothing more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, RecordingError> {
        if self.done {
            return Ok(None);
        }
        let frame = self.known();
        self.done = !matches!(frame, Ok(Some(_)));
        frame
    }

    fn known(&mut self) -> Result<Option<Frame>, RecordingError> {
        while let Some((kind, body)) = self.source.next()? {
            let frame = Frame::decode(kind, body).map_err(|what| self.source.damaged(what))?;
            self.source.frames += 1;
            if frame.is_some() {
                return Ok(frame);
            }
            self.skipped += 1;
        }
        Ok(None)
    }
}

/// The bytes, and how far they were read.
#[derive(Debug)]
struct Source<R: Read> {
    input: R,
    /// Bytes read so far.
    offset: u64,
    /// Where the frame that is being read starts.
    frame_start: u64,
    /// Whole frames read so far, without the host's.
    frames: u64,
}

impl<R: Read> Source<R> {
    fn start(&mut self) -> Result<(), RecordingError> {
        let start = self.up_to(START_BYTES)?;
        let magic = start.get(..MAGIC.len()).unwrap_or(&start);
        // The beginning of a recording that was cut is still the beginning of one.
        if start.is_empty() || !MAGIC.starts_with(magic) {
            return Err(RecordingError::NotARecording { start });
        }
        let Some(&[low, high, order, _]) = start.get(MAGIC.len()..) else {
            return Err(self.truncated());
        };
        let version = u16::from_le_bytes([low, high]);
        if version > FORMAT_VERSION {
            return Err(RecordingError::TooNew {
                found: version,
                known: FORMAT_VERSION,
            });
        }
        if version == 0 {
            return Err(self.damaged("there is no format version 0".to_owned()));
        }
        if order != NATIVE_ORDER {
            return Err(RecordingError::ByteOrder { found: order });
        }
        Ok(())
    }

    /// The next frame's kind and body; nothing if the file ends here.
    fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, RecordingError> {
        self.frame_start = self.offset;
        let header = self.up_to(FRAME_HEADER_BYTES)?;
        if header.is_empty() {
            return Ok(None);
        }
        let &[kind, zero_0, zero_1, zero_2, a, b, c, d] = &*header else {
            return Err(self.truncated());
        };
        let claimed = u32::from_le_bytes([a, b, c, d]);
        let len = usize::try_from(claimed).unwrap_or(usize::MAX);
        if [zero_0, zero_1, zero_2] != [0; 3] || len > FRAME_BYTES_MAX {
            return Err(self.damaged(format!("a frame of kind {kind} claims {claimed} bytes")));
        }
        let body = self.up_to(len)?;
        if body.len() < len {
            return Err(self.truncated());
        }
        Ok(Some((kind, body)))
    }

    /// Reads `len` bytes, or what there is. Memory grows with what there is, not with `len`.
    fn up_to(&mut self, len: usize) -> Result<Vec<u8>, RecordingError> {
        let limit = u64::try_from(len).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let read = io::Read::by_ref(&mut self.input)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(RecordingError::Read)?;
        self.offset += read as u64;
        Ok(bytes)
    }

    const fn truncated(&self) -> RecordingError {
        RecordingError::Truncated {
            offset: self.offset,
            frames: self.frames,
        }
    }

    const fn damaged(&self, what: String) -> RecordingError {
        RecordingError::Damaged {
            offset: self.frame_start,
            frames: self.frames,
            what,
        }
    }
}
