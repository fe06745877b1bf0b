//! Integers that a JSON consumer may read inexactly are not written.

use serde_json::Value;

use super::squeeze;
use crate::model::{Event, JSON_INTEGER_MAX, Reason};

/// Fields that must be there: held at the largest exact integer, which they reach only as
/// counters of the impossible.
const REQUIRED: [&str; 3] = ["lost_records", "kills_missed_min", "kills_missed_max"];

/// `event` without integers beyond 2^53 - 1. Their absence is told in `missing`.
pub(super) fn without_unsafe(event: &Event) -> Result<Event, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(&serde_json::to_vec(event)?)?;
    let mut removed = Vec::new();
    strip(&mut value, "", &mut removed);
    if let Value::Object(fields) = &mut value
        && matches!(event, Event::OomKill(_))
        && !removed.is_empty()
    {
        let missing = fields
            .entry("missing")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(missing) = missing {
            missing.extend(removed.into_iter().map(|field| {
                serde_json::json!({
                    "field": field,
                    "reason": Reason::BeyondJsonIntegers,
                    "why": Reason::BeyondJsonIntegers.explanation(),
                })
            }));
        }
    }
    squeeze::typed(event, &value)
}

fn strip(value: &mut Value, path: &str, removed: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let path = squeeze::join(path, key);
                if !is_unsafe(value) {
                    strip(value, &path, removed);
                    return true;
                }
                if REQUIRED.contains(&key.as_str()) {
                    *value = Value::from(JSON_INTEGER_MAX);
                    return true;
                }
                removed.push(path);
                false
            });
        }
        Value::Array(items) => {
            // A piece of evidence without its figure is none.
            items.retain(|item| !item.get("value").is_some_and(is_unsafe));
            for item in items {
                strip(item, path, removed);
            }
        }
        _ => {}
    }
}

fn is_unsafe(value: &Value) -> bool {
    let Value::Number(number) = value else {
        return false;
    };
    number.as_u64().is_some_and(|n| n > JSON_INTEGER_MAX)
        || number
            .as_i64()
            .is_some_and(|n| n.unsigned_abs() > JSON_INTEGER_MAX)
}
