//! The JSON Schema of the lines, from the types that make them.
//!
//! The result is committed as `docs/oomtrace.schema.json` and printed by `oomtrace schema`; a test
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
    use crate::model::Event;
    use crate::render::json::Json;
    use crate::render::{Render as _, fixture};

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
            "docs/oomtrace.schema.json is out of date ({stale:?}): run `cargo xtask codegen`"
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
}
