//! A syslog daemon as a sink: RFC 5424, in datagrams or over TCP with octet counting (RFC 6587).

use std::io;
use std::io::{ErrorKind, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::worker::{Batch, Receiver, Refused};

/// How long a daemon may take to take a message.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Facility `daemon`.
const FACILITY: u8 = 3;

/// Where a syslog daemon listens.
#[derive(Debug)]
pub enum SyslogAddress {
    /// A datagram socket.
    Unixgram(PathBuf),
    /// Host and port.
    Tcp(String),
}

/// A syslog daemon.
#[derive(Debug)]
pub struct SyslogSink {
    address: SyslogAddress,
    stream: Option<TcpStream>,
    /// Events of the last batch that were too long for a datagram.
    too_long: u64,
}

impl SyslogSink {
    /// The daemon at this address.
    #[must_use]
    pub fn new(address: SyslogAddress) -> Self {
        Self {
            address,
            stream: None,
            too_long: 0,
        }
    }

    /// Returns how many events were too long.
    fn datagrams(path: &PathBuf, batch: &Batch) -> io::Result<u64> {
        let mut too_long = 0;
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        for line in &batch.lines {
            match socket.send(&message(line)) {
                // It will never fit: the others are not to wait for it.
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) =>
                {
                    too_long += 1;
                    log::error!(
                        "an event of {} bytes is dropped: it is too long for {}; set `max_line_bytes`",
                        line.len(),
                        path.display()
                    );
                }
                sent => {
                    sent?;
                }
            }
        }
        Ok(too_long)
    }

    fn stream(&mut self, host: &str, batch: &Batch) -> io::Result<()> {
        let mut stream = match self.stream.take().filter(is_open) {
            Some(stream) => stream,
            None => connect(host, TIMEOUT)?,
        };
        let mut text = Vec::new();
        for line in &batch.lines {
            let message = message(line);
            text.extend_from_slice(format!("{} ", message.len()).as_bytes());
            text.extend_from_slice(&message);
        }
        stream.write_all(&text)?;
        self.stream = Some(stream);
        Ok(())
    }
}

impl Receiver for SyslogSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        let (sent, shown) = match &self.address {
            SyslogAddress::Unixgram(path) => {
                (Self::datagrams(path, batch), path.display().to_string())
            }
            SyslogAddress::Tcp(host) => {
                let host = host.clone();
                (self.stream(&host, batch).map(|()| 0), host)
            }
        };
        let sent =
            sent.map_err(|error| Refused::passing(format!("cannot send to {shown}: {error}")));
        self.too_long = sent?;
        Ok(())
    }

    fn left_out(&self) -> u64 {
        self.too_long
    }

    fn reopen(&mut self) {
        self.stream = None;
    }
}

/// Connects to host and port, with this bound on connecting and on each write and read.
pub(super) fn connect(host: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_write_timeout(Some(timeout))?;
                stream.set_read_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// False once the other side has closed: what is written then would be lost without a word.
fn is_open(stream: &TcpStream) -> bool {
    let is_waiting = stream
        .set_nonblocking(true)
        .and_then(|()| match stream.peek(&mut [0]) {
            Ok(0) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        });
    stream.set_nonblocking(false).is_ok() && is_waiting.unwrap_or(false)
}

/// `<27>1 2026-11-23T15:25:59.551893Z n1 oomtrace - oom_kill - {…}`
pub(super) fn message(line: &[u8]) -> Vec<u8> {
    let event: Value = serde_json::from_slice(line).unwrap_or_default();
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let priority = FACILITY * 8 + severity(text("level"));
    let time = text("timestamp")
        .or_else(|| text("observed_timestamp"))
        .and_then(time)
        .unwrap_or_else(|| "-".to_owned());
    let host = token(text("hostname"), 255);
    let kind = token(text("event"), 32);
    let mut message = format!("<{priority}>1 {time} {host} oomtrace - {kind} - ").into_bytes();
    message.extend_from_slice(line);
    message
}

/// The severity of syslog for a level.
pub(super) fn severity(level: Option<&str>) -> u8 {
    match level {
        Some("error") => 3,
        Some("warn") => 4,
        _ => 6,
    }
}

/// The time with six digits of a second at most, as RFC 5424 wants it.
fn time(text: &str) -> Option<String> {
    let (seconds, fraction) = text.strip_suffix('Z')?.split_once('.')?;
    Some(format!("{seconds}.{}Z", fraction.get(..6)?))
}

/// A field of the header: printable ASCII, or `-`.
fn token(text: Option<&str>, max: usize) -> String {
    let text: String = text
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(max)
        .collect();
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
