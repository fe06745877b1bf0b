//! Standard output as a sink: waits for its reader as long as that takes.

use std::io;
use std::io::ErrorKind;
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, poll};

use super::worker::{Batch, Receiver, Refused};

/// This process's standard output.
#[derive(Debug, Default)]
pub struct StdoutSink {
    /// Half a line of before may be there: begin with a newline.
    torn: bool,
}

impl Receiver for StdoutSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        let mut text = Vec::new();
        if self.torn {
            text.push(b'\n');
        }
        for line in &batch.lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            match write(rest) {
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Refused::passing(format!("standard output: {error}")));
                }
            }
        }
        self.torn = false;
        Ok(())
    }
}

fn write(bytes: &[u8]) -> io::Result<usize> {
    let stdout = io::stdout();
    match rustix::io::write(&stdout, bytes) {
        // Somebody else who has the same pipe made it non-blocking.
        Err(rustix::io::Errno::AGAIN) => {
            let fd = stdout.as_fd();
            poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None)?;
            Ok(0)
        }
        written => Ok(written?),
    }
}
