//! Entries of named fields: journald's (JSON or export), `dmesg --json`, and what container runtimes
//! and log shippers wrap a line in.

use serde_json::{Map, Value};

use super::entry::Entry;
use super::kernel::{KERN, facility_of, severity_of};
use super::services::{kubernetes_event, loki};
use super::stamp::{Assumed, Stamp};
use crate::klog::cursor::{Cursor, whole_number};
use crate::klog::line::Line;

/// Deepest nesting of objects that is looked into.
const DEPTH_MAX: usize = 4;

/// Reads a JSON object; nothing if it is none, or carries no message.
pub(super) fn json(bytes: &[u8], assumed: &mut Assumed) -> Vec<Entry> {
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else {
        return Vec::new();
    };
    if let Some(Value::Array(values)) = object.get("values") {
        return loki(&object, values);
    }
    entry(&object, assumed, DEPTH_MAX).into_iter().collect()
}

fn entry(object: &Map<String, Value>, assumed: &mut Assumed, depth: usize) -> Option<Entry> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if object.contains_key("MESSAGE") {
        return journal(|key| object.get(key).and_then(bytes_of));
    }
    if let (Some(Value::Number(time)), Some(message)) = (object.get("time"), text("msg")) {
        return Some(dmesg(object, time.as_f64(), message));
    }
    if object.contains_key("involvedObject") {
        return kubernetes_event(object, assumed);
    }
    let mut found = if let Some(message) = [
        "log",
        "message",
        "msg",
        "textPayload",
        "line",
        "body",
        "_raw",
        "@message",
        "Output",
        "contents",
    ]
    .into_iter()
    .find_map(text)
    {
        Entry {
            text: message.strip_suffix('\n').unwrap_or(message).into(),
            // docker's json-file driver cuts long lines; only the last piece has the line's end.
            is_partial: object.contains_key("stream")
                && object.contains_key("log")
                && !message.ends_with('\n'),
            ..Entry::default()
        }
    } else {
        let inner = ["jsonPayload", "journald", "_source", "result"]
            .into_iter()
            .filter_map(|key| object.get(key)?.as_object())
            .next()
            .filter(|_| depth > 0)?;
        entry(inner, assumed, depth - 1)?
    };
    wrapped(object, assumed, &mut found);
    Some(found)
}

/// A number that counts seconds, or thousandths, millionths or billionths of them, since 1970.
fn epoch_ns(number: u64) -> Option<i64> {
    let scale = match number {
        1_000_000_000..10_000_000_000 => 1_000_000_000,
        1_000_000_000_000..10_000_000_000_000 => 1_000_000,
        1_000_000_000_000_000..10_000_000_000_000_000 => 1000,
        1_000_000_000_000_000_000.. => 1,
        _ => return None,
    };
    i64::try_from(number.checked_mul(scale)?).ok()
}

/// What log shippers write beside the message.
fn wrapped(object: &Map<String, Value>, assumed: &mut Assumed, found: &mut Entry) {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let line = &mut found.line;
    let within = |key: &str, inner: &[&str]| {
        let object = object.get(key)?.as_object()?;
        inner.iter().find_map(|key| object.get(*key)?.as_str())
    };
    if line.host.is_none() {
        line.host = text("_HOSTNAME")
            .or_else(|| text("hostname"))
            .or_else(|| text("host"))
            .or_else(|| within("host", &["name", "hostname"]))
            .or_else(|| within("agent", &["hostname"]))
            .or_else(|| within("kubernetes", &["host", "node_name"]))
            .map(Into::into);
    }
    let stamp = ["@timestamp", "time", "timestamp"]
        .into_iter()
        .filter_map(text)
        .find_map(|time| Stamp::take(&mut Cursor(time.as_bytes())));
    if let (None, Some(stamp)) = (line.realtime_ns, stamp) {
        assumed.stamp(line, stamp);
    }
    if line.realtime_ns.is_none() {
        line.realtime_ns = ["timestamp", "@timestamp", "time"]
            .into_iter()
            .find_map(|key| epoch_ns(object.get(key)?.as_u64()?));
    }
    let kernel = text("_TRANSPORT")
        .or_else(|| within("journald", &["transport"]))
        .map(|transport| transport == "kernel");
    let facility = object
        .get("syslog")
        .and_then(|syslog| {
            let facility = syslog.get("facility")?;
            facility.get("code").unwrap_or(facility).as_u64()
        })
        .map(|code| code == u64::from(KERN));
    if line.from_kernel.is_none() {
        line.from_kernel = kernel.or(facility);
        found.is_record |= kernel == Some(true);
    }
}

/// An entry of the journal, from its fields.
pub(super) fn journal(field: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Entry> {
    let number = |key: &str| whole_number(&field(key)?);
    let facility = number("SYSLOG_FACILITY");
    let from_kernel = match field("_TRANSPORT") {
        // What user space writes to /dev/kmsg comes from the kernel, but never as facility `kern`.
        Some(transport) => {
            Some(transport == b"kernel" && facility.is_none_or(|code| code == u64::from(KERN)))
        }
        None => facility.map(|code| code == u64::from(KERN)),
    };
    let program = if from_kernel == Some(true) {
        None
    } else {
        field("SYSLOG_IDENTIFIER").or_else(|| field("_COMM"))
    };
    let line = Line {
        host: field("_HOSTNAME"),
        since_boot_us: number("_SOURCE_MONOTONIC_TIMESTAMP")
            .or_else(|| number("__MONOTONIC_TIMESTAMP")),
        realtime_ns: number("_SOURCE_REALTIME_TIMESTAMP")
            .or_else(|| number("__REALTIME_TIMESTAMP"))
            .and_then(|us| i64::try_from(us.checked_mul(1000)?).ok()),
        boot_id: field("_BOOT_ID").and_then(|id| boot_id(&id)),
        from_kernel,
        program,
        severity: number("PRIORITY").and_then(|severity| u8::try_from(severity & 7).ok()),
        ..Line::default()
    };
    Some(Entry {
        line,
        text: field("MESSAGE")?,
        is_record: true,
        is_partial: false,
    })
}

/// journald writes a boot id as 32 digits; the kernel, as a UUID.
fn boot_id(bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.len() != 32 || !digits {
        return (text.len() == 36).then(|| text.to_owned());
    }
    let part = |from, to| text.get(from..to);
    Some(
        [
            part(0, 8)?,
            part(8, 12)?,
            part(12, 16)?,
            part(16, 20)?,
            part(20, 32)?,
        ]
        .join("-"),
    )
}

/// An entry of `dmesg --json`.
fn dmesg(object: &Map<String, Value>, seconds: Option<f64>, message: &str) -> Entry {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let (facility, severity) = match object.get("pri") {
        Some(Value::Number(number)) => {
            let number = number.as_u64().and_then(|number| u8::try_from(number).ok());
            // Without `--decode` the facility is left out, which says nothing.
            (
                number.map(|number| number >> 3).filter(|it| *it != KERN),
                number.map(|number| number & 7),
            )
        }
        _ => (
            None,
            text("pri").and_then(|name| severity_of(name.as_bytes())),
        ),
    };
    let facility = text("fac")
        .and_then(|name| facility_of(name.as_bytes()))
        .or(facility);
    Entry {
        line: Line {
            since_boot_us: seconds.and_then(microseconds),
            from_kernel: facility.map(|code| code == KERN),
            severity,
            caller: text("caller").map(str::to_owned),
            ..Line::default()
        },
        text: message.into(),
        is_record: true,
        is_partial: false,
    }
}

fn microseconds(seconds: f64) -> Option<u64> {
    let us = (seconds * 1e6).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds are checked"
    )]
    (0.0..9e15).contains(&us).then_some(us as u64)
}

/// A field's value: text, or bytes as an array of numbers; the first, if there are several.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        Value::Array(items) => {
            if let Some(first @ (Value::String(_) | Value::Array(_))) = items.first() {
                return bytes_of(first);
            }
            items
                .iter()
                .map(|item| u8::try_from(item.as_u64()?).ok())
                .collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Entry {
        json(text.as_bytes(), &mut Assumed::default())
            .pop()
            .expect(text)
    }

    #[test]
    fn entries_of_the_journal() {
        let found = read(
            r#"{"MESSAGE":"java invoked","_TRANSPORT":"kernel","_HOSTNAME":"db1","PRIORITY":"4",
            "SYSLOG_FACILITY":"0","_SOURCE_MONOTONIC_TIMESTAMP":"4108107",
            "__MONOTONIC_TIMESTAMP":"5","__REALTIME_TIMESTAMP":"1716704260000001",
            "_BOOT_ID":"5f1c9a2e0123456789abcdef01234567","SYSLOG_IDENTIFIER":"kernel"}"#,
        );
        assert_eq!(found.text, b"java invoked");
        assert!(found.is_record);
        let line = found.line;
        assert_eq!(line.host.as_deref(), Some(&b"db1"[..]));
        assert_eq!(line.since_boot_us, Some(4_108_107));
        assert_eq!(line.realtime_ns, Some(1_716_704_260_000_001_000));
        assert_eq!(
            line.boot_id.as_deref(),
            Some("5f1c9a2e-0123-4567-89ab-cdef01234567")
        );
        assert_eq!((line.from_kernel, line.severity), (Some(true), Some(4)));
        assert_eq!(line.program, None);
    }

    #[test]
    fn bytes_and_repeated_fields() {
        assert_eq!(read(r#"{"MESSAGE":[111,255,109]}"#).text, b"o\xffm");
        assert_eq!(read(r#"{"MESSAGE":["first","second"]}"#).text, b"first");
        for no in [
            r#"{"MESSAGE":null}"#,
            r#"{"MESSAGE":[256]}"#,
            "{}",
            "{",
            "[1]",
        ] {
            assert_eq!(json(no.as_bytes(), &mut Assumed::default()), [], "{no}");
        }
    }

    #[test]
    fn what_user_space_writes_is_known_as_such() {
        for text in [
            r#"{"MESSAGE":"x","_TRANSPORT":"syslog"}"#,
            r#"{"MESSAGE":"x","_TRANSPORT":"kernel","SYSLOG_FACILITY":"3"}"#,
            r#"{"MESSAGE":"x","_TRANSPORT":"stdout","SYSLOG_IDENTIFIER":"kernel"}"#,
            r#"{"fac":"user","pri":"info","time":1.5,"msg":"x"}"#,
            r#"{"pri":30,"time":1.5,"msg":"x"}"#,
            r#"{"message":"x","journald":{"transport":"syslog"}}"#,
        ] {
            assert_eq!(read(text).line.from_kernel, Some(false), "{text}");
        }
    }

    #[test]
    fn entries_of_dmesg() {
        let found = read(r#"{"pri":4,"time":  4582.340013,"caller":"T7","msg":" x"}"#);
        assert_eq!(found.text, b" x");
        assert_eq!(found.line.since_boot_us, Some(4_582_340_013));
        assert_eq!(found.line.caller.as_deref(), Some("T7"));
        // A process's line has such a number, too.
        assert_eq!(found.line.from_kernel, None);
        let found = read(r#"{"fac":"kern","pri":"warn","time":1.5,"msg":"x"}"#);
        assert_eq!(found.line.from_kernel, Some(true));
    }

    #[test]
    fn wrapped_lines() {
        let docker =
            read(r#"{"log":"[ 1.000000] x\n","stream":"stdout","time":"2024-05-26T06:17:40.5Z"}"#);
        assert_eq!(docker.text, b"[ 1.000000] x");
        assert!(!docker.is_record && !docker.is_partial);
        assert_eq!(docker.line.realtime_ns, Some(1_716_704_260_500_000_000));
        assert!(read(r#"{"log":"[ 1.000000] x","stream":"stdout"}"#).is_partial);
        let beat = read(
            r#"{"@timestamp":"2024-05-26T06:17:40Z","message":"x","host":{"name":"db1"},"log":{"offset":1}}"#,
        );
        assert_eq!(beat.text, b"x");
        assert_eq!(beat.line.host.as_deref(), Some(&b"db1"[..]));
        let cloud = read(
            r#"{"jsonPayload":{"MESSAGE":"x","_TRANSPORT":"kernel"},"timestamp":"2024-05-26T06:17:40Z"}"#,
        );
        assert_eq!(cloud.line.from_kernel, Some(true));
        assert!(cloud.line.realtime_ns.is_some());
    }
}
