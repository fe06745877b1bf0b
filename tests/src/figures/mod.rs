//! Every number that an event says in words, computed again from the event's own facts.
//!
//! Shares no code with oomtrace: the rules here say what each figure of the evidence must be, and
//! that a sentence names no figure that its evidence does not have.

mod derive;
mod others;
mod parts;
mod text;
mod zones;

use serde_json::Value;

use self::derive::{Facts, derive};
pub use self::parts::impossible;

/// What was checked, and what was found wrong.
#[derive(Debug, Default)]
pub struct Checked {
    /// Numbers in sentences that follow from the facts.
    pub figures: u64,
    /// Sentences that were read.
    pub sentences: u64,
    /// What does not follow.
    pub problems: Vec<String>,
}

impl Checked {
    /// Takes another event's in.
    pub fn add(&mut self, other: Self) {
        self.figures += other.figures;
        self.sentences += other.sentences;
        self.problems.extend(other.problems);
    }
}

/// Checks the message and the findings of an event (in the form of its JSON).
#[must_use]
pub fn check(event: &Value) -> Checked {
    let mut checked = Checked::default();
    let facts = Facts::of(event);
    let names = text::names(event);
    let message = event.get("message").and_then(Value::as_str).unwrap_or("");
    let allowed = derive::of_message(&facts);
    sentence(message, &names, &allowed, &mut checked);
    let findings = event.get("findings").and_then(Value::as_array);
    for finding in findings.into_iter().flatten() {
        let code = finding.get("code").and_then(Value::as_str).unwrap_or("?");
        let said = finding.get("text").and_then(Value::as_str).unwrap_or("");
        let mut known = Vec::new();
        let evidence = finding.get("evidence").and_then(Value::as_array);
        for item in evidence.into_iter().flatten() {
            let name = item.get("name").and_then(Value::as_str).unwrap_or("?");
            let value = item
                .get("value")
                .and_then(Value::as_i64)
                .unwrap_or(i64::MIN);
            let unit = item.get("unit").and_then(Value::as_str).unwrap_or("?");
            let derived = derive(code, name, &facts);
            // What was trimmed to keep the line short cannot be computed again.
            let may_be_trimmed = facts.is_trimmed && others::is_about_others(code);
            if !may_be_trimmed && !derived.contains(&value) {
                checked.problems.push(format!(
                    "{code}: the evidence {name} is {value}, the facts give {derived:?}"
                ));
            }
            known.extend(text::forms(value, unit));
        }
        sentence(said, &names, &known, &mut checked);
        if let Some(change) = finding.get("change").and_then(Value::as_str) {
            sentence(change, &names, &known, &mut checked);
        }
    }
    checked
}

fn sentence(said: &str, names: &[String], allowed: &[String], checked: &mut Checked) {
    checked.sentences += 1;
    for part in impossible(said) {
        checked.problems.push(format!(
            "{part:?} in {said:?}: a part is larger than its whole"
        ));
    }
    for figure in text::figures(said, names) {
        if allowed.contains(&figure) {
            checked.figures += 1;
        } else {
            checked
                .problems
                .push(format!("{figure:?} in {said:?} follows from no fact"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "message": "java (pid 7) was killed: container web2 reached its 256 MiB limit",
            "victim": {"pid": 7, "comm": "java", "memory": {"anon_bytes": 200 << 20}},
            "owner": {"container_name": "web2"},
            "limit": {"limit_bytes": 256 << 20},
            "findings": [{"code": "anon_filled", "text": "200 MiB of the 256 MiB limit was …",
                "evidence": [
                    {"name": "victim_anon", "value": 200 << 20, "unit": "bytes"},
                    {"name": "limit", "value": 256 << 20, "unit": "bytes"}]}],
        })
    }

    #[test]
    fn what_follows_is_counted() {
        let checked = check(&event());
        assert_eq!(checked.problems, [""; 0]);
        assert_eq!((checked.sentences, checked.figures), (2, 4));
    }

    #[test]
    fn what_does_not_follow_is_a_problem() {
        let problems = |change: &dyn Fn(&mut Value)| {
            let mut event = event();
            change(&mut event);
            check(&event).problems.len()
        };
        assert_eq!(problems(&|e| e["victim"]["pid"] = json!(8)), 1);
        assert_eq!(problems(&|e| e["limit"]["limit_bytes"] = json!(1)), 2);
        assert_eq!(problems(&|e| e["message"] = json!("it held 3 MiB")), 1);
        assert_eq!(problems(&|e| e["message"] = json!("3 of them")), 1);
        assert_eq!(problems(&|e| e["message"] = json!("a 64bit one")), 1);
        assert_eq!(
            problems(&|e| e["findings"][0]["evidence"][0]["name"] = json!("other")),
            1
        );
        assert_eq!(
            problems(&|e| e["findings"][0]["text"] = json!("201 MiB")),
            1
        );
    }
}
