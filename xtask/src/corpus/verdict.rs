//! Facts compared, and counted.

use std::fmt;

use serde_json::Value;

/// How many facts are what.
#[derive(Debug, Default)]
pub struct Tally {
    pub right: u64,
    pub wrong: u64,
    pub missing: u64,
    pub invented: u64,
    pub complaints: Vec<String>,
}

impl Tally {
    /// Compares one fact. `accepted` holds values that are right as well.
    pub fn fact(&mut self, name: &str, expected: &Value, accepted: &[Value], found: &Value) {
        let is_right = |value: &Value| same(value, found);
        if is_right(expected) || accepted.iter().any(is_right) {
            // That nothing stands where nothing should is no fact.
            if !expected.is_null() {
                self.right += 1;
            }
            return;
        }
        let what = if expected.is_null() {
            self.invented += 1;
            "invented"
        } else if found.is_null() {
            self.missing += 1;
            "missing"
        } else {
            self.wrong += 1;
            "wrong"
        };
        self.complaints.push(format!(
            "{what}: {name}: {} instead of {}",
            short(found),
            short(expected)
        ));
    }

    /// An event that the log does not show.
    pub fn invented_event(&mut self, what: &str) {
        self.invented += 1;
        self.complaints.push(format!("invented: the event {what}"));
    }

    /// An event that was not found.
    pub fn missing_event(&mut self, facts: u64, what: &str) {
        self.missing += facts.max(1);
        self.complaints.push(format!("missing: the event {what}"));
    }

    pub fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missing += other.missing;
        self.invented += other.invented;
    }

    pub fn is_perfect(&self) -> bool {
        self.wrong + self.missing + self.invented == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} facts right, {} wrong, {} missing, {} invented",
            self.right, self.wrong, self.missing, self.invented
        )
    }
}

/// Equal in meaning: a number is its decimal or hexadecimal text.
fn same(expected: &Value, found: &Value) -> bool {
    if expected == found {
        return true;
    }
    match (number(expected), number(found)) {
        (Some(expected), Some(found)) => expected == found,
        _ => false,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => i64::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
        _ => None,
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_difference_is_counted() {
        let mut tally = Tally::default();
        let null = Value::Null;
        for (expected, found) in [
            (json!(1), json!(1)),
            (json!("0xcc0"), json!(3264)),
            (json!(1), json!(2)),
            (json!("a"), null.clone()),
            (null.clone(), json!(false)),
            (null.clone(), null.clone()),
        ] {
            tally.fact("x", &expected, &[], &found);
        }
        tally.fact("x", &json!(1), &[json!(7)], &json!(7));
        assert_eq!(
            tally.to_string(),
            "3 facts right, 1 wrong, 1 missing, 1 invented"
        );
        assert_eq!(tally.complaints.len(), 3);
        assert!(!tally.is_perfect());
        assert!(Tally::default().is_perfect());
    }
}
