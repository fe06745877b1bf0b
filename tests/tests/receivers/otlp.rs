//! A collector that takes OTLP/HTTP logs in JSON and accepts nothing that protobuf's JSON does not have.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Events, Stored, text};

/// Only these keys; those of protobuf's JSON.
fn keys<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>> {
    let object = value.as_object().context("no object")?;
    let odd = object.keys().find(|key| !known.contains(&key.as_str()));
    ensure!(odd.is_none(), "unknown key {odd:?}, known are {known:?}");
    Ok(object)
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a Vec<Value>> {
    let list = object.get(key).and_then(Value::as_array);
    list.with_context(|| format!("no {key}"))
}

/// The value of an `AnyValue`, of which exactly one form is set.
fn any(value: &Value) -> Result<Value> {
    let object = value.as_object().context("no AnyValue")?;
    ensure!(object.len() == 1, "{value}");
    let (form, inner) = object.iter().next().context("empty")?;
    Ok(match form.as_str() {
        "stringValue" => Value::from(inner.as_str().context("no text")?),
        "boolValue" => Value::from(inner.as_bool().context("no truth value")?),
        // 64-bit integers are text.
        "intValue" => Value::from(inner.as_str().context("no text")?.parse::<i64>()?),
        "doubleValue" => Value::from(inner.as_f64().context("no number")?),
        "arrayValue" => {
            let values = list(keys(inner, &["values"])?, "values")?;
            values.iter().map(any).collect::<Result<Value>>()?
        }
        "kvlistValue" => Value::Object(attributes(list(keys(inner, &["values"])?, "values")?)?),
        _ => bail!("unknown form {form}"),
    })
}

fn attributes(list: &[Value]) -> Result<Map<String, Value>> {
    let pair = |pair| {
        let pair = keys(pair, &["key", "value"])?;
        let key = pair.get("key").and_then(Value::as_str).context("no key")?;
        ensure!(!key.is_empty());
        Ok((key.to_owned(), any(pair.get("value").context("no value")?)?))
    };
    list.iter().map(pair).collect()
}

/// The events of an `ExportLogsServiceRequest`, whose own fields agree with them.
fn events(request: &Value) -> Result<Events> {
    let mut events = Events::new();
    for resource_logs in list(keys(request, &["resourceLogs"])?, "resourceLogs")? {
        let resource_logs = keys(resource_logs, &["resource", "scopeLogs"])?;
        let resource = keys(
            resource_logs.get("resource").context("no resource")?,
            &["attributes"],
        )?;
        let resource = attributes(list(resource, "attributes")?)?;
        ensure!(resource.get("service.name") == Some(&Value::from("oomtrace")));
        for scope_logs in list(resource_logs, "scopeLogs")? {
            let scope_logs = keys(scope_logs, &["scope", "logRecords"])?;
            keys(
                scope_logs.get("scope").context("no scope")?,
                &["name", "version"],
            )?;
            for record in list(scope_logs, "logRecords")? {
                let event = of_record(record)?;
                let host = resource.get("host.name").and_then(Value::as_str);
                let own = event.pointer("/hostname").and_then(Value::as_str);
                ensure!(host == own, "{host:?} is not {own:?}");
                events.insert(text(&event, "/event_id").to_owned(), event);
            }
        }
    }
    Ok(events)
}

fn of_record(record: &Value) -> Result<Value> {
    let fields = keys(
        record,
        &[
            "timeUnixNano",
            "observedTimeUnixNano",
            "severityNumber",
            "severityText",
            "eventName",
            "body",
            "attributes",
        ],
    )?;
    let event = Value::Object(attributes(list(fields, "attributes")?)?);
    let body = any(fields.get("body").context("no body")?)?;
    ensure!(body.as_str() == Some(text(&event, "/message")), "{body}");
    ensure!(text(record, "/eventName") == format!("oomtrace.{}", text(&event, "/event")));
    let severity = match text(&event, "/level") {
        "error" => (17, "ERROR"),
        "warn" => (13, "WARN"),
        _ => (9, "INFO"),
    };
    ensure!(fields.get("severityNumber") == Some(&Value::from(severity.0)));
    ensure!(text(record, "/severityText") == severity.1);
    for (field, from) in [
        ("/timeUnixNano", "/timestamp"),
        ("/observedTimeUnixNano", "/observed_timestamp"),
    ] {
        let (time, from) = (text(record, field), text(&event, from));
        ensure!(time.is_empty() == from.is_empty(), "{field}: {time} {from}");
        if !time.is_empty() {
            let from: Timestamp = from.parse()?;
            ensure!(time.parse::<i128>()? == from.as_nanosecond(), "{time}");
        }
    }
    Ok(event)
}

/// The body of a request.
fn body(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "it ends early");
        all.extend_from_slice(part.get(..read).unwrap_or_default());
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(all.get(..end).unwrap_or_default()).into_owned();
        ensure!(head.starts_with("POST /v1/logs HTTP/1.1\r\n"), "{head}");
        ensure!(head.contains("Content-Type: application/json"), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.context("no length")?.parse()?;
        if all.len() >= end + 4 + length {
            return Ok(all.split_off(end + 4));
        }
    }
}

fn answered(stream: &mut TcpStream) -> Result<Events> {
    let taken = body(stream).and_then(|body| events(&serde_json::from_slice(&body)?));
    let status = if taken.is_ok() {
        "200 OK"
    } else {
        "503 Refused"
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}")?;
    taken
}

#[test]
fn a_collector_gets_every_field() -> Result<()> {
    let stored = Stored::new(&["otlp"])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let taken = Arc::new(Mutex::new((Events::new(), Vec::new())));
    let into = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answered = answered(&mut stream);
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            match answered {
                Ok(events) => into.0.extend(events),
                Err(error) => into.1.push(format!("{error:#}")),
            }
        }
    });
    let mut daemon = stored.daemon(&format!(
        "[[sink]]\ntype = \"otlp\"\nurl = \"http://127.0.0.1:{port}/v1/logs\"\ngzip = false\n"
    ))?;
    let (arrived, refused) = daemon.until("all events arrive", || {
        let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = stored.count_in(&taken.0) == stored.events.len() || !taken.1.is_empty();
        is_over.then(|| taken.clone())
    })?;
    ensure!(refused.is_empty(), "{refused:?}");
    stored.is_in(&arrived)
}
