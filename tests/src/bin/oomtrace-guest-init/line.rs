//! The line to the outside: one JSON object a line on a serial port that is not the console's.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use oomtrace_tests::frames::Frame;

/// Next to a PC's console; the console of other machines is no port of that kind.
const PORT: &str = if cfg!(target_arch = "x86_64") {
    "/dev/ttyS1"
} else {
    "/dev/ttyS0"
};

/// Where frames go.
pub(crate) struct Line(File);

impl Line {
    /// Opens the port.
    ///
    /// # Errors
    /// There is none, or it does not take the settings.
    pub(crate) fn open() -> Result<Self> {
        let port = OpenOptions::new()
            .write(true)
            .open(PORT)
            .with_context(|| format!("cannot open {PORT}"))?;
        // Else the terminal layer rewrites what goes through.
        let mut settings = rustix::termios::tcgetattr(&port).context("the port's settings")?;
        settings.make_raw();
        rustix::termios::tcsetattr(&port, rustix::termios::OptionalActions::Now, &settings)
            .context("cannot set the port")?;
        Ok(Self(port))
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The port's.
    pub(crate) fn send(&mut self, frame: &Frame) -> Result<()> {
        let mut text = serde_json::to_string(frame)?;
        text.push('\n');
        self.0.write_all(text.as_bytes()).context(PORT)
    }

    /// Waits until all is out.
    pub(crate) fn drain(&self) {
        // What is lost here, the other side misses and says so.
        let _ = rustix::termios::tcdrain(&self.0);
    }
}

/// Says on standard error what failed.
pub(crate) fn complain(text: &str) {
    // There is nowhere left to report a failure of this write to.
    let _ = writeln!(io::stderr(), "{text}");
}
