//! Which decoded event is which expected one, and their facts compared.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::facts::{REMARKS, fact};
use super::verdict::Tally;

/// Numbers of kB from which on a limit is none.
const NO_LIMIT_KB: u64 = 1 << 52;

/// Compares a log's events with what is expected.
///
/// # Errors
/// An expectation that names what is not known.
pub fn compare(expected: &Value, events: &[Value]) -> Result<Tally> {
    let mut tally = Tally::default();
    let wanted = expected
        .get("events")
        .and_then(Value::as_array)
        .context("no list of events is expected")?;
    let is_optional = |event: &Value| event.get("optional") == Some(&json!(true));
    let count = wanted.iter().filter(|event| !is_optional(event)).count();
    if let Some(said) = expected.get("expected_event_count")
        && said.as_u64() != u64::try_from(count).ok()
    {
        bail!("{said} events are said to be expected, and {count} are");
    }
    let found: Vec<&Value> = events
        .iter()
        .filter(|event| !is_follower(event) && !is_about_user_space(event))
        .collect();
    let mut free: Vec<Option<&Value>> = events.iter().map(Some).collect();
    for event in wanted {
        let best = (0..free.len())
            .filter_map(|at| {
                let candidate = free.get(at).copied().flatten()?;
                let score = likeness(event, candidate);
                (score > 0).then_some((score, std::cmp::Reverse(at)))
            })
            .max();
        let taken = best.and_then(|(_, at)| free.get_mut(at.0)?.take());
        match taken {
            Some(decoded) => {
                let others = companions(event, decoded, &mut free);
                facts_of(event, decoded, &others, &mut tally)?;
            }
            None if is_optional(event) => {}
            None => tally.missing_event(known(event), &named(event)),
        }
    }
    for event in free.into_iter().flatten() {
        if !is_about_user_space(event) {
            tally.invented_event(&describe(event));
        }
    }
    let first = found.first().copied().unwrap_or(&Value::Null);
    for (name, path) in [("suppressed_callbacks", "/report/suppressed_callbacks")] {
        if let Some(value) = expected.get(name) {
            let decoded = first.pointer(path).unwrap_or(&Value::Null);
            tally.fact(name, value, &[], decoded);
        }
    }
    kernel(expected, events, &mut tally);
    Ok(tally)
}

/// The kernel's release: events that name one name the log's.
fn kernel(expected: &Value, events: &[Value], tally: &mut Tally) {
    let Some(release) = expected.get("kernel") else {
        return;
    };
    let mut seen: Vec<&Value> = events
        .iter()
        .filter_map(|event| event.pointer("/kernel/release"))
        .collect();
    seen.dedup();
    if seen.is_empty() {
        seen.push(&Value::Null);
    }
    for found in seen {
        // Not every log shows its kernel where a report does.
        if !found.is_null() || release.is_null() {
            tally.fact("kernel", release, &[], found);
        }
    }
}

/// A kill that came with another: of the same group, or by the same memory.
fn is_follower(event: &Value) -> bool {
    event
        .pointer("/incident/kill_index")
        .and_then(Value::as_u64)
        .is_some_and(|index| index > 0)
}

fn is_about_user_space(event: &Value) -> bool {
    event.get("event") == Some(&json!("userspace_oom_kill"))
}

/// How much speaks for the two being the same event; 0 if it cannot be.
fn likeness(expected: &Value, decoded: &Value) -> u32 {
    if is_about_user_space(decoded) {
        return 0;
    }
    let same = |name: &str| {
        let wanted = expected.get(name).filter(|value| !value.is_null());
        let found = fact(name, decoded, &[]).filter(|value| !value.is_null());
        match (wanted, found) {
            (Some(wanted), Some(found)) => Some(*wanted == found),
            (None, None) => None,
            _ => Some(false),
        }
    };
    let victim = match same("victim_pid") {
        Some(true) => 16,
        // A victim that only one of them has may be a fact that is wrong.
        Some(false) => 0,
        None => 8,
    };
    let by = |name, points| if same(name) == Some(true) { points } else { 0 };
    let rest = by("trigger_pid", 4)
        + by("trigger_comm", 2)
        + by("total_vm_kb", 1)
        + by("task_memcg", 1)
        + by("task_rows", 1);
    victim + rest
}

/// Followers of `decoded` that the expectation lists with it.
fn companions<'a>(
    expected: &Value,
    decoded: &Value,
    free: &mut [Option<&'a Value>],
) -> Vec<&'a Value> {
    let listed = expected.get("other_kills").and_then(Value::as_array);
    let Some(listed) = listed else {
        return Vec::new();
    };
    let incident = decoded.pointer("/incident/id");
    free.iter_mut()
        .filter(|slot| {
            slot.is_some_and(|event| {
                let pid = event.pointer("/victim/tid");
                event.pointer("/incident/id") == incident
                    && listed
                        .iter()
                        .any(|kill| kill.get("pid").or(Some(kill)) == pid)
            })
        })
        .filter_map(Option::take)
        .collect()
}

fn facts_of(expected: &Value, decoded: &Value, others: &[&Value], tally: &mut Tally) -> Result<()> {
    let object = expected.as_object().context("an event that is no object")?;
    for (name, wanted) in object {
        if REMARKS.contains(&name.as_str()) {
            continue;
        }
        let found = fact(name, decoded, others)
            .with_context(|| format!("the fact {name:?} is not known here"))?;
        if is_of_another_place(name, expected, &found) {
            continue;
        }
        let accepted = accepted(expected, name);
        let label = format!("{} {name}", named(expected));
        // What is compared part by part.
        if let (Value::Object(parts), Value::Object(_)) = (wanted, &found) {
            for (key, value) in parts {
                let part = found.get(key).unwrap_or(&Value::Null);
                tally.fact(&format!("{label}.{key}"), value, &[], part);
            }
            continue;
        }
        let (wanted, found) = (meaning(name, wanted), meaning(name, &found));
        let found = project(&wanted, found);
        tally.fact(&label, &wanted, &accepted, &found);
    }
    Ok(())
}

/// Whether what is expected under this name does not speak of this event's own text: the kind of a
/// fragment is that of its file; page tables may stand in the table alone.
fn is_of_another_place(name: &str, expected: &Value, found: &Value) -> bool {
    let shows = |name: &str| expected.get(name).is_some_and(|value| !value.is_null());
    match name {
        "kind" => !["constraint", "oom_memcg", "usage_kb", "global_oom"]
            .into_iter()
            .any(shows),
        // The page size that rows imply; Mem-Info may show it where no row does.
        "page_size_kb_implied" => !shows(name) && !shows("victim_row"),
        "pgtables_kb" => {
            let of_row = expected.pointer("/victim_row/pgtables_bytes");
            !shows(name)
                && of_row
                    .and_then(Value::as_u64)
                    .map(|bytes| json!(bytes / 1024))
                    .as_ref()
                    == Some(found)
        }
        _ => false,
    }
}

/// Values that are also right.
fn accepted(expected: &Value, name: &str) -> Vec<Value> {
    match expected.pointer(&format!("/accept/{name}")) {
        Some(Value::Array(values)) => values.iter().map(|value| meaning(name, value)).collect(),
        Some(value) => vec![meaning(name, value)],
        None => Vec::new(),
    }
}

/// The number that stands for no limit, and a path that was cut, as what they mean.
fn meaning(name: &str, value: &Value) -> Value {
    if name.ends_with("limit_kb") && value.as_u64().is_some_and(|kb| kb >= NO_LIMIT_KB) {
        return json!("no limit");
    }
    value.clone()
}

/// Of lists of objects, only the keys that are expected; of a path that was cut, only its beginning.
fn project(wanted: &Value, found: Value) -> Value {
    match (wanted, found) {
        // A header that was broken within a word names the same columns.
        (Value::Array(wanted), Value::Array(found)) if is_same_text(wanted, &found) => {
            Value::Array(wanted.clone())
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .zip(found)
            .map(|(wanted, found)| project(wanted, found))
            .collect(),
        (Value::Object(wanted), Value::Object(found)) => Value::Object(
            found
                .into_iter()
                .filter(|(key, _)| wanted.contains_key(key))
                .collect(),
        ),
        (Value::Number(wanted), Value::Object(found))
            if found.get("pid") == Some(&Value::Number(wanted.clone())) =>
        {
            Value::Number(wanted.clone())
        }
        (Value::String(wanted), Value::String(found)) => match wanted.strip_suffix(" (cut)") {
            Some(start) if found.starts_with(start) => Value::String(wanted.clone()),
            _ => Value::String(found),
        },
        (_, found) => found,
    }
}

/// Whether both are lists of words that read the same without what is between them.
fn is_same_text(one: &[Value], other: &[Value]) -> bool {
    let text = |list: &[Value]| -> Option<String> { list.iter().map(Value::as_str).collect() };
    text(one).is_some_and(|one| text(other) == Some(one))
}

/// Facts that an expectation has.
fn known(event: &Value) -> u64 {
    let facts = event
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !value.is_null() && !REMARKS.contains(&name.as_str()));
    u64::try_from(facts.count()).unwrap_or(u64::MAX)
}

fn named(event: &Value) -> String {
    let of = |name: &str| event.get(name).filter(|value| !value.is_null());
    match (of("victim_pid"), of("trigger_pid"), of("trigger_comm")) {
        (Some(pid), ..) => format!("[victim {pid}]"),
        (_, Some(pid), _) => format!("[trigger {pid}]"),
        (_, _, Some(comm)) => format!("[trigger {comm}]"),
        _ => "[?]".to_owned(),
    }
}

fn describe(event: &Value) -> String {
    let text = |path: &str| {
        event
            .pointer(path)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    format!("{} {}", text("/event"), text("/message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(pid: u32, index: u32) -> Value {
        json!({"event": "oom_kill", "victim": {"tid": pid, "pid": pid},
            "incident": {"id": "x", "kill_index": index}, "message": "m"})
    }

    fn tally(expected: &Value, events: &[Value]) -> String {
        compare(expected, events).unwrap().to_string()
    }

    #[test]
    fn events_are_matched_by_their_victims() {
        let expected = json!({"events": [{"victim_pid": 1}, {"victim_pid": 2}]});
        assert_eq!(
            tally(&expected, &[kill(2, 0), kill(1, 0)]),
            "2 facts right, 0 wrong, 0 missing, 0 invented"
        );
        assert_eq!(
            tally(&expected, &[kill(1, 0)]),
            "1 facts right, 0 wrong, 1 missing, 0 invented"
        );
        assert_eq!(
            tally(&expected, &[kill(1, 0), kill(2, 0), kill(3, 0)]),
            "2 facts right, 0 wrong, 0 missing, 1 invented"
        );
    }

    #[test]
    fn followers_belong_to_their_event() {
        let expected = json!({"events": [{"victim_pid": 1, "other_kills": [{"pid": 2}]}]});
        assert_eq!(
            tally(&expected, &[kill(1, 0), kill(2, 1)]),
            "2 facts right, 0 wrong, 0 missing, 0 invented"
        );
    }

    #[test]
    fn optional_events_and_other_values() {
        let expected = json!({"events": [
            {"victim_pid": 1, "victim_comm": "a", "accept": {"victim_comm": [null, "b"]}},
            {"victim_pid": 2, "optional": true}]});
        assert_eq!(
            tally(&expected, &[kill(1, 0)]),
            "2 facts right, 0 wrong, 0 missing, 0 invented"
        );
    }

    #[test]
    fn an_unknown_fact_is_an_error() {
        let expected = json!({"events": [{"victim_pid": 1, "colour": "red"}]});
        assert!(compare(&expected, &[kill(1, 0)]).is_err());
        let miscounted = json!({"expected_event_count": 2, "events": [{"victim_pid": 1}]});
        assert!(compare(&miscounted, &[kill(1, 0)]).is_err());
    }
}
