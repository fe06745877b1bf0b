//! Records of services' own forms: Loki's streams, Kubernetes' events.

use serde_json::{Map, Value};

use super::entry::Entry;
use super::stamp::{Assumed, Stamp};
use crate::klog::cursor::{Cursor, whole_number};
use crate::klog::line::Line;

/// A stream of Loki's query API: labels, and pairs of time and line.
pub(super) fn loki(object: &Map<String, Value>, values: &[Value]) -> Vec<Entry> {
    let host = object
        .get("stream")
        .and_then(Value::as_object)
        .and_then(|labels| {
            ["hostname", "host", "node_name", "nodename", "node"]
                .into_iter()
                .find_map(|label| labels.get(label)?.as_str())
        });
    values
        .iter()
        .filter_map(|pair| {
            let pair = pair.as_array()?;
            let (time, text) = (pair.first()?.as_str()?, pair.get(1)?.as_str()?);
            Some(Entry {
                line: Line {
                    host: host.map(Into::into),
                    realtime_ns: whole_number(time.as_bytes())
                        .and_then(|ns| i64::try_from(ns).ok()),
                    ..Line::default()
                },
                text: text.into(),
                ..Entry::default()
            })
        })
        .collect()
}

/// An event of Kubernetes, which quotes the kernel or names a kill.
pub(super) fn kubernetes_event(
    object: &Map<String, Value>,
    assumed: &mut Assumed,
) -> Option<Entry> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let within = |key: &str, inner: &str| object.get(key)?.get(inner)?.as_str();
    if !matches!(text("reason"), Some("OOMKilling" | "SystemOOM")) {
        return None;
    }
    let mut line = Line {
        host: within("source", "host")
            .or_else(|| {
                within("involvedObject", "name")
                    .filter(|_| within("involvedObject", "kind") == Some("Node"))
            })
            .map(Into::into),
        relayed_by: within("source", "component")
            .or_else(|| text("reportingComponent"))
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        ..Line::default()
    };
    let stamp = ["lastTimestamp", "eventTime", "firstTimestamp"]
        .into_iter()
        .filter_map(text)
        .find_map(|time| Stamp::take(&mut Cursor(time.as_bytes())));
    if let Some(stamp) = stamp {
        assumed.stamp(&mut line, stamp);
    }
    Some(Entry {
        line,
        text: text("message")?.into(),
        is_record: true,
        is_partial: false,
    })
}
