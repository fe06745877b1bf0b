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

/// A POST.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Path and query.
    pub(super) path: &'a str,
    /// What is sent, before it is compressed.
    pub(super) body: &'a [u8],
    /// Its media type.
    pub(super) kind: &'a str,
    /// Further headers, each with its line end.
    pub(super) headers: &'a str,
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
        let request = Request {
            path: &self.path,
            body: &body,
            kind,
            headers: &format!("Idempotency-Key: {key}\r\n"),
        };
        let head = self
            .exchange(&request)
            .map_err(|error| Refused::passing(format!("http://{}: {error}", self.authority)))?;
        answered(&head).map_err(|refused| Refused {
            why: format!("http://{}{}: {}", self.authority, self.path, refused.why),
            ..refused
        })
    }
}

impl HttpSink {
    /// Sends a request; gives the head of the answer.
    pub(super) fn exchange(&self, request: &Request<'_>) -> io::Result<Vec<u8>> {
        let Request {
            path,
            body,
            kind,
            headers,
        } = *request;
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
            "POST {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: oomtrace/{}\r\nContent-Type: {kind}\r\n\
             {encoding}Content-Length: {}\r\n{headers}Connection: close\r\n\r\n",
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

/// The status in the head of an answer; none if that is not HTTP.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

/// What the head of an answer says.
pub(super) fn answered(head: &[u8]) -> Result<(), Refused> {
    let head = String::from_utf8_lossy(head);
    let Some(status) = status(head.as_bytes()) else {
        return Err(Refused::passing("the answer is not HTTP".to_owned()));
    };
    let mut lines = head.split("\r\n").skip(1);
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
            lost: None,
        }),
        status => Err(Refused {
            why: format!("status {status}"),
            retry_after,
            is_final: false,
            lost: None,
        }),
    }
}

/// FNV-1a of 64 bits: the same batch has the same key, after a restart too.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
