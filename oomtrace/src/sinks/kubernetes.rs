//! Kubernetes as a sink: an Event on the pod of each victim, so that `kubectl describe pod` shows why it
//! was killed. The kubelet reports a container whose first process died; this covers children too.
//!
//! An Event's name follows from the kill's `event_id`: what is sent again exists already (409), and is
//! not shown twice.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{HttpSink, Request, answered, fnv, status};
use super::worker::{Batch, Receiver, Refused};

/// Longest message of an Event, in bytes; the API server refuses more than 1,024.
const MESSAGE_BYTES_MAX: usize = 1000;

/// Longest part of an Event's name that is the pod's, in bytes: a name has at most 253.
const POD_BYTES_MAX: usize = 230;

/// The API server, by way of a proxy on this host that speaks TLS to it.
#[derive(Debug)]
pub struct KubernetesSink {
    server: HttpSink,
    token_file: Option<PathBuf>,
}

impl KubernetesSink {
    /// Nothing is sent yet. `path` is what comes before `/api`; the token is read for each batch, as
    /// it is renewed.
    #[must_use]
    pub fn new(
        authority: String,
        path: &str,
        timeout: Duration,
        token_file: Option<PathBuf>,
    ) -> Self {
        Self {
            server: HttpSink {
                authority,
                path: path.trim_end_matches('/').to_owned(),
                gzip: false,
                timeout,
                body: super::Body::Ndjson,
            },
            token_file,
        }
    }

    /// The header with the token, where there is one.
    fn authorization(&self) -> Result<String, Refused> {
        let Some(file) = &self.token_file else {
            return Ok(String::new());
        };
        let refused = |why: &str| Refused::passing(format!("token {}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| refused(&error.to_string()))?;
        let token = text.trim();
        // Anything else would be another header.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused("is no token"));
        }
        Ok(format!("Authorization: Bearer {token}\r\n"))
    }

    /// Creates one Event. What is there already was sent before; where its namespace is gone nobody is
    /// left to be told.
    fn create(&self, made: &PodEvent, headers: &str) -> Result<(), Refused> {
        let path = format!(
            "{}/api/v1/namespaces/{}/events",
            self.server.path, made.namespace
        );
        let body = made.body.to_string();
        let request = Request {
            path: &path,
            body: body.as_bytes(),
            kind: "application/json",
            headers,
        };
        let at = format!("http://{}{path}", self.server.authority);
        let head = self
            .server
            .exchange(&request)
            .map_err(|error| Refused::passing(format!("{at}: {error}")))?;
        match status(&head) {
            Some(404 | 409) => Ok(()),
            _ => answered(&head).map_err(|refused| Refused {
                why: format!("{at}: {}", refused.why),
                ..refused
            }),
        }
    }
}

impl Receiver for KubernetesSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        let headers = self.authorization()?;
        let (mut lost, mut last) = (0, None);
        for made in batch.lines.iter().filter_map(|line| pod_event(line)) {
            match self.create(&made, &headers) {
                Ok(()) => {}
                Err(refused) if refused.is_final => {
                    lost += 1;
                    last = Some(refused);
                }
                Err(refused) => return Err(refused),
            }
        }
        match last {
            Some(refused) => Err(Refused {
                lost: Some(lost),
                ..refused
            }),
            None => Ok(()),
        }
    }
}

/// An Event, and the namespace in which it belongs.
#[derive(Debug)]
struct PodEvent {
    namespace: String,
    body: Value,
}

/// The Event of a kill; none where the victim was of no pod, or its names are not known.
fn pod_event(line: &[u8]) -> Option<PodEvent> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    if text("/event") != Some("oom_kill") {
        return None;
    }
    let namespace = text("/owner/namespace").filter(|name| is_name(name))?;
    let pod = text("/owner/pod_name").filter(|name| is_name(name))?;
    let id = text("/event_id")?;
    let field = text("/owner/container_name").map(|name| format!("spec.containers{{{name}}}"));
    // To the second, as the type has it.
    let time = text("/timestamp").and_then(|time| time.get(..19));
    let time = time.map(|time| format!("{time}Z"));
    let host = text("/hostname");
    let short = pod.get(..pod.len().min(POD_BYTES_MAX)).unwrap_or_default();
    let name = format!(
        "{}.{:016x}",
        short.trim_end_matches(['-', '.']),
        fnv(id.as_bytes())
    );
    let body = known(json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"oomtrace/event-id": id},
        },
        "involvedObject": known(json!({
            "apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod,
            "uid": text("/owner/pod_uid"), "fieldPath": field,
        })),
        "reason": "OOMKilled",
        "message": message(&event),
        "type": "Warning",
        "count": 1,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "source": known(json!({"component": "oomtrace", "host": host})),
        "reportingComponent": "oomtrace",
        "reportingInstance": host,
    }));
    Some(PodEvent {
        namespace: namespace.to_owned(),
        body,
    })
}

/// The members of an object that are known.
fn known(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// Cause and advice.
fn message(event: &Value) -> String {
    let cause = event.get("message").and_then(Value::as_str);
    let findings = event.get("findings").and_then(Value::as_array);
    let advice = findings
        .into_iter()
        .flatten()
        .find_map(|finding| finding.get("change")?.as_str());
    let mut text = cause.unwrap_or("a process was killed").to_owned();
    if let Some(advice) = advice {
        text.push_str(". ");
        text.push_str(advice);
    }
    if text.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev();
        let mut end = end.filter(|at| text.is_char_boundary(*at));
        text.truncate(end.next().unwrap_or_default());
        text.push('…');
    }
    text
}

/// A name as Kubernetes has them. It becomes part of a path, and the event may come from a log.
fn is_name(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(is_plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.contains("..")
}
