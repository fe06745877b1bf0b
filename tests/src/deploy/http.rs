//! Just enough of HTTP to ask a program on this host.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// A port that was free a moment ago.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr().context("no address")?.port())
}

/// The body of the answer to `GET path`.
///
/// # Errors
/// Nobody answers, or the status is not 200.
pub fn get(port: u16, path: &str) -> Result<String> {
    get_with(port, path, "Accept: */*")
}

/// The same, with a header.
///
/// # Errors
/// As [`get`].
pub fn get_with(port: u16, path: &str, header: &str) -> Result<String> {
    let answer = send_with(port, "GET", path, header, "")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "GET {path}: {head}: {body}");
    Ok(body.to_owned())
}

/// The whole answer to a request.
///
/// # Errors
/// Nobody answers.
pub fn send(port: u16, method: &str, path: &str, body: &str) -> Result<String> {
    send_with(port, method, path, "Accept: */*", body)
}

fn send_with(port: u16, method: &str, path: &str, header: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("nobody listens")?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\n{header}\r\nContent-Length: {length}"
    );
    write!(stream, "{head}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("no answer")?;
    Ok(answer)
}

/// The value of an expression, as Prometheus gives it: the list of its series.
///
/// # Errors
/// Prometheus does not answer, or does not understand the expression.
pub fn query(port: u16, expression: &str) -> Result<Vec<Value>> {
    let body = get(
        port,
        &format!("/api/v1/query?query={}", escaped(expression)),
    )
    .with_context(|| format!("asking for {expression}"))?;
    let answer: Value = serde_json::from_str(&body).context("no JSON")?;
    let result = answer.pointer("/data/result").and_then(Value::as_array);
    Ok(result
        .with_context(|| format!("{expression}: {body}"))?
        .clone())
}

/// Text as part of a query string.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
