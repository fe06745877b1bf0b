//! Events as OTLP logs in JSON, as OpenTelemetry collectors take them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// An `ExportLogsServiceRequest` with a record for each line. A store can hold events of several hosts,
/// as when a host was renamed: each is a resource of its own.
pub(super) fn request(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut hosts: Vec<(Option<String>, Vec<Value>)> = Vec::new();
    for line in lines {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        let host = event.get("hostname").and_then(Value::as_str);
        let record = record(&event);
        match hosts.iter_mut().find(|(known, _)| known.as_deref() == host) {
            Some((_, records)) => records.push(record),
            None => hosts.push((host.map(str::to_owned), vec![record])),
        }
    }
    let resources: Vec<Value> = hosts
        .into_iter()
        .map(|(host, records)| resource_logs(host.as_deref(), records))
        .collect();
    json!({"resourceLogs": resources}).to_string().into_bytes()
}

fn resource_logs(host: Option<&str>, records: Vec<Value>) -> Value {
    let mut attributes = vec![json!({"key": "service.name", "value": {"stringValue": "oomtrace"}})];
    attributes.extend(host.map(|host| json!({"key": "host.name", "value": {"stringValue": host}})));
    json!({
        "resource": {"attributes": attributes},
        "scopeLogs": [{
            "scope": {"name": "oomtrace", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": records,
        }],
    })
}

fn record(event: &Value) -> Value {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let (number, word) = match text("level") {
        Some("error") => (17, "ERROR"),
        Some("warn") => (13, "WARN"),
        _ => (9, "INFO"),
    };
    let mut record = json!({
        "severityNumber": number,
        "severityText": word,
        "eventName": format!("oomtrace.{}", text("event").unwrap_or("unknown")),
        "body": {"stringValue": text("message").unwrap_or_default()},
        "attributes": attributes(event),
    });
    for (key, from) in [
        ("timeUnixNano", "timestamp"),
        ("observedTimeUnixNano", "observed_timestamp"),
    ] {
        let time = text(from).and_then(|time| time.parse::<Timestamp>().ok());
        if let (Some(time), Value::Object(record)) = (time, &mut record) {
            let nanoseconds = time.as_nanosecond().to_string();
            record.insert(key.to_owned(), Value::String(nanoseconds));
        }
    }
    record
}

/// The fields of an object, each under its own name.
fn attributes(value: &Value) -> Vec<Value> {
    let Value::Object(fields) = value else {
        return Vec::new();
    };
    fields
        .iter()
        .filter_map(|(key, value)| Some(json!({"key": key, "value": any(value)?})))
        .collect()
}

/// An `AnyValue`; integers are text, as protobuf's JSON has them.
fn any(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!({"intValue": number.to_string()}),
            None => json!({"doubleValue": number.as_f64()}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            let values: Vec<Value> = values.iter().filter_map(any).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Object(_) => json!({"kvlistValue": {"values": attributes(value)}}),
    })
}
