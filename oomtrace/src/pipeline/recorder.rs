//! `--record`: the raw capture, in a file.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::model::Host;
use crate::recording::{Frame, Writer};

/// A raw capture being written.
pub(super) struct Recorder {
    writer: Writer<BufWriter<File>>,
    path: PathBuf,
}

impl Recorder {
    /// Creates the file and writes the capture's header.
    ///
    /// # Errors
    ///
    /// The file exists or cannot be created.
    pub(super) fn create(path: PathBuf, host: &Host) -> anyhow::Result<Self> {
        // It holds command lines and paths of every user.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot create the recording {}", path.display()))?;
        let writer = Writer::new(BufWriter::new(file), host)
            .with_context(|| format!("cannot write the recording {}", path.display()))?;
        Ok(Self { writer, path })
    }

    /// Adds a frame; after a failure, which is logged, nothing more is to be written.
    #[must_use]
    pub(super) fn write(&mut self, frame: &Frame) -> bool {
        let written = self.writer.write(frame);
        let Err(error) = written.and_then(|()| self.writer.flush()) else {
            return true;
        };
        log::error!(
            "cannot write the recording {} any more: {error}; tracing goes on without it",
            self.path.display()
        );
        false
    }
}
