//! Events on pods, sent to a server that stands in for the API server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::worker::{Batch, Refused};
use super::*;

fn kill(id: &str, namespace: &str, pod: &str) -> Value {
    json!({
        "event": "oom_kill", "event_id": id, "timestamp": "2026-11-28T11:14:58.839838068Z",
        "hostname": "node1", "message": "java (pid 7) was killed: container web reached its 256 MiB limit",
        "owner": {"kind": "pod", "namespace": namespace, "pod_name": pod, "pod_uid": "u-1", "container_name": "web"},
        "findings": [{"code": "limit_reached"}, {"code": "anon_filled", "change": "Raise the limit."}],
    })
}

/// Sends these events to a server that answers with these statuses; what it was sent, and the verdict.
fn send(
    events: &[Value],
    statuses: &'static [u16],
    token: Option<&str>,
) -> (Vec<(String, Value)>, Result<(), Refused>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            let (head, body) = loop {
                let read = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8(bytes.clone()).unwrap();
                if let Some((head, body)) = text.split_once("\r\n\r\n")
                    && let Ok(value) = serde_json::from_str(body)
                {
                    break (head.to_owned(), value);
                }
            };
            requests.push((head, body));
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
        requests
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let token_file = token.map(|token| {
        fs::write(&file, token).unwrap();
        file
    });
    let mut sink = KubernetesSink::new(authority, "/", Duration::from_secs(5), token_file);
    let lines = events.iter().map(|event| event.to_string().into_bytes());
    let verdict = sink.deliver(&Batch {
        first: 1,
        lines: lines.collect(),
    });
    (server.join().unwrap(), verdict)
}

#[test]
fn a_kill_becomes_an_event_on_its_pod() {
    let (requests, verdict) = send(&[kill("b:1:7", "shop", "web-0")], &[201], Some("abc.def\n"));
    verdict.unwrap();
    let (head, body) = &requests[0];
    assert!(
        head.starts_with("POST /api/v1/namespaces/shop/events HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nAuthorization: Bearer abc.def\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nContent-Type: application/json\r\n"));
    let expected = json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "count": 1, "reason": "OOMKilled",
        "metadata": {
            "name": body["metadata"]["name"], "namespace": "shop",
            "annotations": {"oomtrace/event-id": "b:1:7"},
        },
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "u-1",
            "fieldPath": "spec.containers{web}",
        },
        "message": "java (pid 7) was killed: container web reached its 256 MiB limit. Raise the limit.",
        "firstTimestamp": "2026-11-28T11:14:58Z", "lastTimestamp": "2026-11-28T11:14:58Z",
        "source": {"component": "oomtrace", "host": "node1"},
        "reportingComponent": "oomtrace", "reportingInstance": "node1",
    });
    assert_eq!(*body, expected);
}

#[test]
fn the_same_kill_has_the_same_name_and_is_fine() {
    let events = [
        kill("b:1:7", "shop", "web-0"),
        kill("b:1:7", "shop", "web-0"),
        kill("b:1:8", "shop", "web-0"),
    ];
    let (requests, verdict) = send(&events, &[201, 409, 404], None);
    verdict.unwrap();
    let name = |at: usize| requests[at].1["metadata"]["name"].as_str().unwrap();
    assert_eq!(name(0), name(1));
    assert_ne!(name(1), name(2));
    assert!(name(0).starts_with("web-0."), "{}", name(0));
    assert!(!requests[0].0.contains("Authorization"));
}

#[test]
fn what_is_of_no_pod_is_not_sent() {
    let mut of_unit = kill("b:1:7", "shop", "web-0");
    of_unit["owner"] = json!({"kind": "unit", "unit": "web.service"});
    let gap = json!({"event": "gap", "event_id": "b:2"});
    let (requests, verdict) = send(&[of_unit, gap, json!("x")], &[], None);
    verdict.unwrap();
    assert!(requests.is_empty());
}

#[test]
fn hostile_names_reach_no_path() {
    for name in [
        "a/../../secrets",
        "a b",
        "A",
        "",
        "-a",
        "a..b",
        "a\r\nX: y",
        "ü",
    ] {
        let events = [kill("b:1:7", name, "web-0"), kill("b:1:7", "shop", name)];
        let (requests, verdict) = send(&events, &[], None);
        verdict.unwrap();
        assert!(requests.is_empty(), "{name:?}");
    }
}

#[test]
fn an_event_that_is_refused_costs_no_other() {
    let events = [
        kill("b:1:7", "shop", "web-0"),
        kill("b:1:8", "shop", "web-1"),
    ];
    let (requests, verdict) = send(&events, &[422, 201], None);
    assert_eq!(requests.len(), 2);
    let refused = verdict.unwrap_err();
    assert!(refused.is_final && refused.lost == Some(1), "{refused:?}");
    // Without the right to do so it is tried again, from the first one on.
    let (requests, verdict) = send(&events, &[403], None);
    assert_eq!(requests.len(), 1);
    let refused = verdict.unwrap_err();
    assert!(
        !refused.is_final && refused.why.contains("403"),
        "{refused:?}"
    );
}

#[test]
fn a_token_is_one_word() {
    for token in ["", "two words", "a\r\nX: y"] {
        let (_, verdict) = send(&[kill("b:1:7", "shop", "web-0")], &[], Some(token));
        assert!(
            verdict.unwrap_err().why.contains("is no token"),
            "{token:?}"
        );
    }
}

#[test]
fn long_messages_and_names_are_cut() {
    let mut event = kill("b:1:7", "shop", &"p".repeat(253));
    event["message"] = json!("ü".repeat(2000));
    let (requests, verdict) = send(&[event], &[201], None);
    verdict.unwrap();
    let body = &requests[0].1;
    assert!(body["message"].as_str().unwrap().len() <= 1024);
    assert!(body["metadata"]["name"].as_str().unwrap().len() <= 253);
}
