//! Writing a recording.

use std::io::Write;

use super::frame::kind;
use super::{
    FORMAT_VERSION, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, Frame, MAGIC, NATIVE_ORDER, RecordingError,
};
use crate::model::Host;

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W: Write> {
    output: W,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a recording of a capture on `host`.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Write`].
    pub fn new(output: W, host: &Host) -> Result<Self, RecordingError> {
        let mut writer = Self {
            output,
            buffer: Vec::new(),
        };
        let host = serde_json::to_vec(host).map_err(RecordingError::Encode)?;
        writer.buffer.extend_from_slice(&MAGIC);
        writer
            .buffer
            .extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        writer.buffer.extend_from_slice(&[NATIVE_ORDER, 0]);
        writer.put(kind::HOST, &host)?;
        Ok(writer)
    }

    /// Adds a frame. It reaches the output in one call, so that a tracer that is killed seldom
    /// leaves a part of one.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Write`]; the file then ends in the middle of a frame, and nothing more
    /// should be written. [`RecordingError::TooLong`]: nothing was written.
    pub fn write(&mut self, frame: &Frame) -> Result<(), RecordingError> {
        let (kind, body) = frame.encode().map_err(RecordingError::Encode)?;
        self.put(kind, &body)
    }

    /// Hands everything on to the file.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Write`].
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.output.flush().map_err(RecordingError::Write)
    }

    /// Flushes, and gives the output back.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Write`].
    pub fn finish(mut self) -> Result<W, RecordingError> {
        self.flush()?;
        Ok(self.output)
    }

    fn put(&mut self, kind: u8, body: &[u8]) -> Result<(), RecordingError> {
        let too_long = || RecordingError::TooLong {
            bytes: body.len(),
            max: FRAME_BYTES_MAX,
        };
        let len = u32::try_from(body.len()).map_err(|_| too_long())?;
        if body.len() > FRAME_BYTES_MAX {
            self.buffer.clear();
            return Err(too_long());
        }
        self.buffer.reserve(FRAME_HEADER_BYTES + body.len());
        self.buffer.extend_from_slice(&[kind, 0, 0, 0]);
        self.buffer.extend_from_slice(&len.to_le_bytes());
        self.buffer.extend_from_slice(body);
        let written = self.output.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(RecordingError::Write)
    }
}
