//! An HTTP server as a sink: batches by POST, gzip, and what the answer asks for.

use std::io;
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::otlp;
use super::syslog::connect;
use super::worker::{Batch, Receiver, Refused};

/// Longest head of an answer that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What the server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Lines of NDJSON.
    Ndjson,
    /// OTLP logs in JSON.
    Otlp,
}

/// An HTTP server.
#[derive(Debug)]
pub struct HttpSink {
    /// Host and port, as in the `Host` header.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Compress what is sent.
    pub gzip: bool,
    /// Give up on a request after so long.
    pub timeout: Duration,
    /// What it takes.
    pub body: Body,
}

impl Receiver for HttpSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        let (body, kind) = match self.body {
            Body::Ndjson => {
                let mut body = batch.lines.join(&b'\n');
                body.push(b'\n');
                (body, "application/x-ndjson")
            }
            Body::Otlp => (otlp::request(&batch.lines), "application/json"),
        };
        let key = format!("{}-{:016x}", batch.first, fnv(&body));
        let head = self
            .exchange(&body, kind, &key)
            .map_err(|error| Refused::passing(format!("http://{}: {error}", self.authority)))?;
        answered(&head).map_err(|refused| Refused {
            why: format!("http://{}{}: {}", self.authority, self.path, refused.why),
            ..refused
        })
    }
}

impl HttpSink {
    /// Sends a request; gives the head of the answer.
    fn exchange(&self, body: &[u8], kind: &str, key: &str) -> io::Result<Vec<u8>> {
        let packed;
        let (body, encoding) = if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body)?;
            packed = encoder.finish()?;
            (packed.as_slice(), "Content-Encoding: gzip\r\n")
        } else {
            (body, "")
        };
        let host = if self
            .authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        {
            self.authority.clone()
        } else {
            format!("{}:80", self.authority)
        };
        let deadline = Instant::now() + self.timeout;
        let mut stream = connect(&host, self.timeout)?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: oomtrace/{}\r\nContent-Type: {kind}\r\n\
             {encoding}Content-Length: {}\r\nIdempotency-Key: {key}\r\nConnection: close\r\n\r\n",
            self.path,
            self.authority,
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        let mut buffer = [0; 2048];
        // The head says all; a body is of no interest.
        while memchr::memmem::find(&answer, b"\r\n\r\n").is_none() {
            if answer.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the answer's head does not end"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => answer.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            }
        }
        Ok(answer)
    }
}

/// What the head of an answer says.
pub(super) fn answered(head: &[u8]) -> Result<(), Refused> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|status| status.parse::<u16>().ok());
    let Some(status) = status else {
        return Err(Refused::passing("the answer is not HTTP".to_owned()));
    };
    let retry_after = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("retry-after")
            .then(|| value.trim().parse().ok().map(Duration::from_secs))?
    });
    match status {
        200..=299 => Ok(()),
        // This very batch is refused: it would be again.
        400 | 413 | 422 => Err(Refused {
            why: format!("the server refuses the events (status {status})"),
            retry_after: None,
            is_final: true,
        }),
        status => Err(Refused {
            why: format!("status {status}"),
            retry_after,
            is_final: false,
        }),
    }
}

/// FNV-1a of 64 bits: the same batch has the same key, after a restart too.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
