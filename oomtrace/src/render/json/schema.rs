//! The JSON Schema of the lines, from the types that make them.
//!
//! The result is committed as `oomtrace/oomtrace.schema.json` and printed by `oomtrace schema`; a test
//! holds the two together.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::model::{
    Gap, JSON_INTEGER_MAX, OomKill, OomNoVictim, OomOutcome, SCHEMA_VERSION, UserspaceOomKill,
};

/// The schema of any line: one of the event kinds.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let kinds = [
        kind::<OomKill>("OomKill", "oom_kill", &mut definitions),
        kind::<OomOutcome>("OomOutcome", "oom_outcome", &mut definitions),
        kind::<OomNoVictim>("OomNoVictim", "oom_no_victim", &mut definitions),
        kind::<Gap>("Gap", "gap", &mut definitions),
        kind::<UserspaceOomKill>("UserspaceOomKill", "userspace_oom_kill", &mut definitions),
    ];
    // Named by each kind as a constant; the enumeration itself is not referred to.
    definitions.remove("EventKind");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("oomtrace events, schema version {SCHEMA_VERSION}"),
        "description": "One line of NDJSON. Fields may be added within a schema version; ignore \
            those you do not know. An absent field is unknown, never zero.",
        "oneOf": kinds,
        "$defs": definitions,
    })
}

/// Adds a kind and what it refers to; gives the reference to it.
fn kind<T: JsonSchema>(name: &str, event: &str, definitions: &mut Map<String, Value>) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if let Value::Object(root) = &mut schema {
        root.remove("$schema");
        root.remove("title");
        if let Some(Value::Object(more)) = root.remove("$defs") {
            for (name, mut definition) in more {
                tidy(&mut definition);
                definitions.insert(name, definition);
            }
        }
        if let Some(Value::Object(properties)) = root.get_mut("properties") {
            pin(properties, "event", json!(event));
            pin(properties, "schema_version", json!(SCHEMA_VERSION));
        }
    }
    tidy(&mut schema);
    definitions.insert(name.to_owned(), schema);
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A property that has one value only.
fn pin(properties: &mut Map<String, Value>, name: &str, value: Value) {
    let description = properties
        .get(name)
        .and_then(|property| property.get("description"))
        .cloned();
    let mut pinned = json!({ "const": value });
    if let (Value::Object(pinned), Some(description)) = (&mut pinned, description) {
        pinned.insert("description".to_owned(), description);
    }
    properties.insert(name.to_owned(), pinned);
}

/// Says what the renderer promises and the types alone do not: no `null`, no integer that a reader
/// would round.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice != &json!({ "type": "null" }));
                if let [only] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    if let Value::Object(only) = only {
                        object.extend(only);
                    }
                }
            }
            if object.get("type") == Some(&json!("integer")) {
                bound(object);
            }
            object.remove("default");
            if let Some(Value::String(description)) = object.get_mut("description") {
                // Links of the source's documentation lead nowhere here.
                *description = description
                    .replace("[`", "`")
                    .replace("`]", "`")
                    .replace("`super::", "`");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn bound(object: &mut Map<String, Value>) {
    let (min, max) = match object.remove("format").as_ref().and_then(Value::as_str) {
        Some("uint8") => (json!(0), json!(u8::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("int64") => (
            json!(-i64::try_from(JSON_INTEGER_MAX).unwrap_or(i64::MAX)),
            json!(JSON_INTEGER_MAX),
        ),
        _ => (json!(0), json!(JSON_INTEGER_MAX)),
    };
    object.insert("minimum".to_owned(), min);
    object.insert("maximum".to_owned(), max);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, fixture};
    use crate::render::Render as _;
    use crate::render::json::Json;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let committed: Value = serde_json::from_str(&crate::cli::schema().unwrap()).unwrap();
        let current = schema();
        let names = |schema: &Value| -> Vec<String> {
            let definitions = schema["$defs"].as_object().unwrap();
            definitions.keys().cloned().collect()
        };
        let stale: Vec<String> = names(&current)
            .into_iter()
            .chain(names(&committed))
            .filter(|name| committed["$defs"].get(name) != current["$defs"].get(name))
            .collect();
        assert!(
            stale.is_empty() && committed == current,
            "oomtrace/oomtrace.schema.json is out of date ({stale:?}): run `cargo xtask codegen`"
        );
    }

    fn lines() -> Vec<Value> {
        let kill = |event| Event::OomKill(Box::new(event));
        let mut events = fixture::all();
        events.extend([
            kill(fixture::hostile()),
            kill(fixture::huge(255, 20, 500)),
            kill(fixture::bare()),
        ]);
        let mut lines = Vec::new();
        for event in events {
            for mut json in [Json::bounded(), Json::full()] {
                let mut line = Vec::new();
                json.render(&event, &mut line);
                lines.push(serde_json::from_slice(&line).unwrap());
            }
        }
        lines
    }

    #[test]
    fn every_line_fits_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        for line in lines() {
            if let Err(error) = validator.validate(&line) {
                panic!("{}: {error}", error.instance_path());
            }
        }
    }

    #[test]
    fn a_wrong_line_does_not_fit_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let good = lines().remove(0);
        assert!(validator.is_valid(&good));
        for (pointer, wrong) in [
            ("/event", json!("oom_kills")),
            ("/schema_version", json!(2)),
            ("/level", json!("fatal")),
            ("/victim/pid", json!(-1)),
            ("/victim/pid", json!(null)),
            ("/victim/comm", json!(7)),
            ("/victim/memory/rss_bytes", json!(1_u64 << 53)),
            ("/limit/basis", json!("guess")),
            ("/incident", json!({})),
        ] {
            let mut line = good.clone();
            *line.pointer_mut(pointer).unwrap() = wrong.clone();
            assert!(!validator.is_valid(&line), "{pointer} {wrong}");
        }
        let mut more = good;
        more["a_new_field"] = json!(1);
        more["victim"]["another"] = json!(1);
        assert!(validator.is_valid(&more), "fields may be added");
    }

    #[test]
    fn nothing_is_null_and_every_integer_is_bounded() {
        fn walk(value: &Value) {
            match value {
                Value::Object(object) => {
                    let kind = object.get("type");
                    assert_ne!(kind, Some(&json!("null")), "{object:?}");
                    assert!(!kind.is_some_and(Value::is_array), "{object:?}");
                    if kind == Some(&json!("integer")) {
                        assert!(object["maximum"].as_u64().unwrap() <= JSON_INTEGER_MAX);
                    }
                    object.values().for_each(walk);
                }
                Value::Array(items) => items.iter().for_each(walk),
                _ => {}
            }
        }
        walk(&schema());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = schema();
        let text = schema.to_string();
        let mut count = 0;
        for rest in text.split(r##""$ref":"#/$defs/"##).skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name}");
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    /// Names of numbers that count or identify, so that they have no unit.
    const UNITLESS: &[&str] = &[
        "allocations",
        "cgroup_version",
        "cpu",
        "exit_signal",
        "failcnt",
        "gfp_mask",
        "kill_index",
        "kills_missed_max",
        "kills_missed_min",
        "lost_records",
        "max_connections",
        "node",
        "nr_pmds",
        "nr_ptes",
        "ns_pid",
        "number",
        "oom_adj",
        "oom_score_adj",
        "order",
        "parent_pid",
        "pid",
        "schema_version",
        "score",
        "shares_memory_with_pid",
        "suppressed_callbacks",
        "task_rows",
        "threads",
        "tid",
        "total",
        "uid",
        "value",
    ];

    /// Endings of names that state a unit, a sum or an identity.
    const UNITS: &[&str] = &["_bytes", "_pages", "_us", "_percent", "_total", "_id"];

    /// Fields that break one of the rules on docs/output.md.
    fn irregular(schema: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for (owner, definition) in schema["$defs"].as_object().unwrap() {
            let Some(properties) = definition["properties"].as_object() else {
                continue;
            };
            let is_event = properties.contains_key("schema_version");
            for (name, property) in properties {
                let has_unit = UNITS.iter().any(|unit| name.ends_with(unit));
                let reference = property["$ref"].as_str().unwrap_or_default();
                let is_number = matches!(property["type"].as_str(), Some("integer" | "number"))
                    || ["/Bytes", "/Pages", "/PageSize"]
                        .iter()
                        .any(|kind| reference.ends_with(kind));
                let regular = match name.as_str() {
                    "source" => is_event,
                    "incident_id" | "from" => false,
                    "incident" => reference.contains("Inc") || reference.contains("Invocation"),
                    "runtime" => reference.ends_with("/Runtime"),
                    name if name.ends_with("_from") || name.ends_with("_source") => false,
                    name if is_number => has_unit || UNITLESS.contains(&name),
                    _ => property["type"] != "boolean" || !has_unit,
                };
                let is_snake = name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                if !regular || !is_snake {
                    found.push(format!("{owner}.{name}"));
                }
            }
        }
        found
    }

    #[test]
    fn every_field_keeps_the_rules() {
        assert_eq!(irregular(&schema()), [""; 0]);
    }

    #[test]
    fn each_rule_can_be_broken() {
        let good = schema();
        for (owner, name, property) in [
            ("Victim", "rss", json!({"type": "integer"})),
            ("Victim", "is_in_bytes", json!({"type": "boolean"})),
            ("Owner", "names_from", json!({"type": "string"})),
            ("Owner", "runtime", json!({"type": "string"})),
            ("Owner", "source", json!({"type": "string"})),
            ("OomOutcome", "incident_id", json!({"type": "string"})),
            ("Victim", "parentComm", json!({"type": "string"})),
        ] {
            let mut bad = good.clone();
            bad["$defs"][owner]["properties"][name] = property;
            assert_eq!(irregular(&bad), [format!("{owner}.{name}")]);
        }
    }
}
