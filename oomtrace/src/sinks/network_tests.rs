//! Sinks that speak a protocol: what they send, and what they make of answers.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Value, json};

use super::http::answered;
use super::journald::entry;
use super::syslog::message;
use super::worker::Batch;
use super::*;

const LINE: &str = r#"{"timestamp":"2026-11-23T15:25:59.551893123Z","level":"error","event":"oom_kill","message":"java was killed","hostname":"n 1","since_boot_us":7,"victim":{"pid":10,"comm":"a\nb","cmdline":["java","-Xmx1g"]},"findings":[{"code":"x","share":0.5}]}"#;

fn batch(count: usize) -> Batch {
    Batch {
        first: 7,
        lines: vec![LINE.as_bytes().to_vec(); count],
    }
}

#[test]
fn a_syslog_message_is_rfc_5424() {
    let text = String::from_utf8(message(LINE.as_bytes())).unwrap();
    let head = "<27>1 2026-11-23T15:25:59.551893Z n1 oomtrace - oom_kill - {";
    assert!(text.starts_with(head), "{text}");
    assert!(text.ends_with(LINE));
    let bare = String::from_utf8(message(b"{}")).unwrap();
    assert_eq!(bare, "<30>1 - - oomtrace - - - {}");
}

#[test]
fn syslog_over_tcp_counts_octets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut sink = SyslogSink::new(SyslogAddress::Tcp(address));
    let reader = thread::spawn(move || {
        let mut text = String::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        text
    });
    sink.deliver(&batch(2)).unwrap();
    sink.reopen();
    let message = String::from_utf8(message(LINE.as_bytes())).unwrap();
    let framed = format!("{} {message}", message.len());
    assert_eq!(reader.join().unwrap(), format!("{framed}{framed}"));
}

#[test]
fn a_dead_syslog_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut sink = SyslogSink::new(SyslogAddress::Unixgram(path.clone()));
    let refused = sink.deliver(&batch(1)).unwrap_err();
    assert!(
        !refused.is_final && refused.why.contains("log"),
        "{refused:?}"
    );
    let receiver = UnixDatagram::bind(&path).unwrap();
    sink.deliver(&batch(1)).unwrap();
    let mut buffer = [0; 4096];
    let length = receiver.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], message(LINE.as_bytes()));
}

#[test]
fn a_journal_entry_has_a_field_for_each_fact() {
    let entry = entry(&serde_json::from_str(LINE).unwrap());
    let text = String::from_utf8_lossy(&entry);
    for line in [
        "MESSAGE=java was killed",
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=oomtrace",
        "MESSAGE_ID=6ef3326c16dd441ea73c58677537f7b7",
        "OOMTRACE_EVENT=oom_kill",
        "OOMTRACE_SINCE_BOOT_US=7",
        "OOMTRACE_VICTIM_CMDLINE=java -Xmx1g",
        "OOMTRACE_FINDINGS_0_CODE=x",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    // A value with a newline is sent with its length.
    let binary = b"OOMTRACE_VICTIM_COMM\n\x03\0\0\0\0\0\0\0a\nb\n";
    assert!(memchr::memmem::find(&entry, binary).is_some(), "{text}");
}

#[test]
fn no_field_of_the_journal_is_too_long() {
    let event = json!({"message": "ü".repeat(5000), "victim": {"exe": "x".repeat(9000)}});
    let entry = entry(&event);
    for field in entry.split(|byte| *byte == b'\n') {
        assert!(field.len() <= 4096);
        std::str::from_utf8(field).unwrap();
    }
}

#[test]
fn a_long_journal_entry_goes_as_a_sealed_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    // More than a socket's buffer, whatever its fields are cut to.
    let tasks: Vec<String> = (0..200).map(|_| "x".repeat(4000)).collect();
    let tasks: serde_json::Map<String, serde_json::Value> = (0..)
        .map(|nth| format!("task{nth}"))
        .zip(tasks.into_iter().map(serde_json::Value::from))
        .collect();
    let event = json!({"message": "m", "tasks": tasks});
    let batch = Batch {
        lines: vec![serde_json::to_vec(&event).unwrap()],
        ..Batch::default()
    };
    JournaldSink::new(path).deliver(&batch).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(&socket, &mut [], &mut control, RecvFlags::empty()).unwrap();
    assert_eq!(received.bytes, 0);
    let file = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let mut file = File::from(file.unwrap());
    let mut sent = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut sent).unwrap();
    assert!(sent.len() > 800_000 && sent == entry(&event));
    assert!(file.write_all(b"more").is_err(), "it can be changed");
}

#[test]
fn answers_are_understood() {
    answered(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let busy = answered(b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\n").unwrap_err();
    assert_eq!(busy.retry_after, Some(Duration::from_secs(7)));
    assert!(!busy.is_final);
    assert!(answered(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap_err().is_final);
    for passing in [
        &b"HTTP/1.1 404 No\r\n\r\n"[..],
        b"SSH-2.0\r\n\r\n",
        b"",
        b"HTTP/1.",
    ] {
        assert!(!answered(passing).unwrap_err().is_final);
    }
}

/// Takes one request, and answers it; gives its head and body.
fn request(sink: &mut HttpSink, batch: &Batch) -> (String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    sink.authority = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..read]);
            let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .unwrap()
                .parse()
                .unwrap();
            if bytes.len() == end + 4 + length {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                return (head, bytes[end + 4..].to_vec());
            }
        }
    });
    sink.deliver(batch).unwrap();
    server.join().unwrap()
}

fn http(gzip: bool, body: Body) -> HttpSink {
    HttpSink {
        authority: String::new(),
        path: "/in?a=b".to_owned(),
        gzip,
        timeout: Duration::from_secs(10),
        body,
    }
}

#[test]
fn a_batch_is_posted_packed_with_a_stable_key() {
    let key = |head: &str| {
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Idempotency-Key: "));
        key.unwrap().to_owned()
    };
    let (head, body) = request(&mut http(true, Body::Ndjson), &batch(2));
    assert!(head.starts_with("POST /in?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, format!("{LINE}\n{LINE}\n"));
    let (again, body) = request(&mut http(false, Body::Ndjson), &batch(2));
    assert_eq!(key(&head), key(&again));
    assert_eq!(body, text.as_bytes());
    let (other, _) = request(&mut http(false, Body::Ndjson), &batch(1));
    assert_ne!(key(&head), key(&other));
}

#[test]
fn otlp_has_a_record_for_each_event() {
    let (head, body) = request(&mut http(false, Body::Otlp), &batch(1));
    assert!(head.contains("Content-Type: application/json"), "{head}");
    let request: Value = serde_json::from_slice(&body).unwrap();
    let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["eventName"], "oomtrace.oom_kill");
    assert_eq!(record["timeUnixNano"], "1795447559551893123");
    assert_eq!(record["severityNumber"], 17);
    let attributes = record["attributes"].as_array().unwrap();
    let since = attributes
        .iter()
        .find(|one| one["key"] == "since_boot_us")
        .unwrap();
    assert_eq!(since["value"]["intValue"], "7");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sink = HttpSink {
        authority: listener.local_addr().unwrap().to_string(),
        timeout: Duration::from_millis(100),
        ..http(false, Body::Ndjson)
    };
    assert!(!sink.deliver(&batch(1)).unwrap_err().is_final);
}

/// What no datagram can carry is left out and counted; the others arrive.
#[test]
fn an_event_too_long_for_a_datagram_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut sink = SyslogSink::new(SyslogAddress::Unixgram(path));
    let mut lines = batch(2).lines;
    lines.insert(1, vec![b'x'; 8 << 20]);
    sink.deliver(&Batch { first: 1, lines }).unwrap();
    assert_eq!(sink.left_out(), 1);
    let mut buffer = [0; 8192];
    for _ in 0..2 {
        assert!(socket.recv(&mut buffer).unwrap() > 0);
    }
    sink.deliver(&batch(1)).unwrap();
    assert_eq!(sink.left_out(), 0);
}
