//! The listener: a few connections at a time, each for a few seconds, each for one request.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::text::{Figures, Format, write};

/// Most connections at a time; those beyond are closed at once.
const CONNECTIONS_MAX: usize = 32;

/// Longest life of a connection, from its first byte to its last.
const WITHIN: Duration = Duration::from_secs(5);

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Gives the figures when somebody asks.
pub type Source = Arc<dyn Fn() -> Figures + Send + Sync>;

/// Answers requests, on this thread, for ever; `health` is the text of `/-/healthy`.
///
/// # Errors
///
/// The listener cannot be used.
pub fn serve(listener: StdListener, source: Source, health: String) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        let health: Arc<str> = health.into();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors: not at once again.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let (source, health) = (Arc::clone(&source), Arc::clone(&health));
            tokio::spawn(async move {
                // Whoever is too slow, or has gone, gets nothing.
                let _ = timeout(WITHIN, answer(&stream, &source, &health)).await;
                drop(place);
            });
        }
    })
}

async fn answer(stream: &TcpStream, source: &Source, health: &str) -> io::Result<()> {
    let mut head = Vec::new();
    while memchr::memmem::find(&head, b"\r\n\r\n").is_none() {
        if head.len() > HEAD_BYTES_MAX {
            return send(stream, &response(431, "text/plain", "too long\n", false)).await;
        }
        let mut buffer = [0; 1024];
        stream.ready(Interest::READABLE).await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => head.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    send(stream, &respond(&head, source, health)).await
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.ready(Interest::WRITABLE).await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The answer to a request with this head.
pub(super) fn respond(head: &[u8], source: &Source, health: &str) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) || words.next().is_some() {
        return response(400, "text/plain", "not HTTP\n", false);
    }
    let is_head = method == Some("HEAD");
    if !is_head && method != Some("GET") {
        return response(405, "text/plain", "only GET and HEAD\n", false);
    }
    let path = target
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default();
    match path {
        "/metrics" => {
            let accept = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("accept").then_some(value)
            });
            let format = Format::accepted(accept.unwrap_or_default());
            response(200, format.media_type(), &write(&source(), format), is_head)
        }
        "/-/healthy" => response(200, "text/plain", health, is_head),
        "/-/ready" if source().is_capturing => response(200, "text/plain", "ready\n", is_head),
        "/-/ready" => response(503, "text/plain", "not capturing\n", is_head),
        _ => response(
            404,
            "text/plain",
            "/metrics, /-/healthy, /-/ready\n",
            is_head,
        ),
    }
}

fn response(status: u16, kind: &str, body: &str, is_head: bool) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n",
        body.len()
    );
    if !is_head {
        text.push_str(body);
    }
    text.into_bytes()
}
