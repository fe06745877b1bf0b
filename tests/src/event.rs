//! Events as a consumer of the NDJSON sees them.

use serde_json::Value;

use crate::bytes;

/// One line of `oomtrace -o json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The line, parsed.
    pub value: Value,
    /// Its length in bytes.
    pub length: usize,
}

impl Event {
    /// What is at a path of keys with dots; numbers index lists.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Value> {
        self.value.pointer(&format!("/{}", path.replace('.', "/")))
    }

    /// A number.
    #[must_use]
    pub fn u64(&self, path: &str) -> Option<u64> {
        self.at(path)?.as_u64()
    }

    /// A number that may be negative.
    #[must_use]
    pub fn i64(&self, path: &str) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    /// A text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// A list; empty where it is absent.
    #[must_use]
    pub fn list(&self, path: &str) -> &[Value] {
        self.at(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The bytes that of a text field: those of the `_hex` field beside it, where there is
    /// one.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self.text(&format!("{path}_hex")) {
            Some(hex) => bytes::from_hex(hex),
            None => Some(self.text(path)?.as_bytes().to_vec()),
        }
    }

    /// The `event` field.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("event").unwrap_or_default()
    }

    /// Whether it is the kill of this thread.
    #[must_use]
    pub fn is_kill_of(&self, tid: u32) -> bool {
        self.kind() == "oom_kill" && self.u64("victim.tid") == Some(u64::from(tid))
    }

    /// Whether `missing` gives a reason for the absence of this field, or of what it is part of.
    #[must_use]
    pub fn says_missing(&self, path: &str) -> bool {
        self.missing_reason(path).is_some()
    }

    /// The reason that `missing` gives for the absence of this field, or of what it is part of.
    #[must_use]
    pub fn missing_reason(&self, path: &str) -> Option<&str> {
        self.list("missing").iter().find_map(|entry| {
            let field = entry.get("field").and_then(Value::as_str)?;
            let reason = entry.get("reason").and_then(Value::as_str)?;
            let covers = path == field
                || path
                    .strip_prefix(field)
                    .is_some_and(|rest| rest.starts_with('.'));
            (covers && !reason.is_empty()).then_some(reason)
        })
    }
}
