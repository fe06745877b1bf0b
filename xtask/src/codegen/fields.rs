//! The field tables of `docs/output.md`.
//!
//! A table is the text between `<!-- fields: NAME -->` and `<!-- end -->`. Its first three columns
//! (field, unit, meaning) come from the schema; the others are written by hand and kept, row by
//! row. A field that is new gets a `?` there, which the check refuses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

const START: &str = "<!-- fields: ";
const END: &str = "<!-- end -->";
const HEADER: &str = "| Field | Unit or type | Meaning | Class | Source | Absent when |\n\
                      |---|---|---|---|---|---|\n";
/// Columns written by hand.
const BY_HAND: usize = 3;
/// What every event starts with has no definition of its own: it is what all kinds share.
const SHARED: &str = "every event";

/// `text` with its tables as the schema has them.
///
/// # Errors
/// A table without an end, of no definition, or missing for a definition; a field whose columns
/// are not written.
pub fn fill(text: &str, schema: &Value) -> Result<String> {
    let mut tables = definitions(schema)?;
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) = after.split_once(" -->").context("an unfinished marker")?;
        let (old, after) = after
            .split_once(END)
            .with_context(|| format!("the table of {name} has no end"))?;
        let properties = tables
            .remove(name)
            .with_context(|| format!("{name} is no definition of the schema, or has two tables"))?;
        let _ = write!(
            out,
            "{before}{START}{name} -->\n{}{END}",
            table(name, &properties, old)?
        );
        rest = after;
    }
    out.push_str(rest);
    if let Some(name) = tables.keys().next() {
        bail!("docs/output.md has no table for {name}: add `{START}{name} -->` and `{END}`");
    }
    Ok(out)
}

/// Definitions that have properties.
fn definitions(schema: &Value) -> Result<BTreeMap<String, Map<String, Value>>> {
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .context("the schema has no $defs")?;
    let kinds: Vec<&str> = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .context("the schema has no oneOf")?
        .iter()
        .filter_map(|kind| kind.get("$ref")?.as_str()?.rsplit('/').next())
        .collect();
    let mut tables: BTreeMap<String, Map<String, Value>> = definitions
        .iter()
        .filter_map(|(name, definition)| {
            let mut properties = definition.get("properties")?.as_object()?.clone();
            for property in properties.values_mut() {
                *property = resolved(property, definitions);
            }
            Some((name.clone(), properties))
        })
        .collect();
    let shared: Map<String, Value> = kinds
        .first()
        .and_then(|first| tables.get(*first))
        .context("the schema has no kinds")?
        .iter()
        .filter(|(field, _)| {
            kinds.iter().all(|kind| {
                tables
                    .get(*kind)
                    .is_some_and(|table| table.contains_key(*field))
            })
        })
        .map(|(field, _)| (field.clone(), shared_property(&tables, &kinds, field)))
        .collect();
    ensure!(shared.len() > 5, "the event kinds share too little");
    for kind in kinds {
        if let Some(table) = tables.get_mut(kind) {
            table.retain(|field, _| !shared.contains_key(field));
        }
    }
    tables.insert(SHARED.to_owned(), shared);
    Ok(tables)
}

/// A property that all kinds have; where each pins a value of its own, all these values.
fn shared_property(
    tables: &BTreeMap<String, Map<String, Value>>,
    kinds: &[&str],
    field: &str,
) -> Value {
    let properties: Vec<&Value> = kinds
        .iter()
        .filter_map(|kind| tables.get(*kind)?.get(field))
        .collect();
    let mut property = properties.first().copied().cloned().unwrap_or_default();
    if properties.iter().any(|other| **other != property)
        && let Value::Object(property) = &mut property
    {
        property.remove("const");
        property.insert(
            "oneOf".to_owned(),
            properties.iter().copied().cloned().collect(),
        );
    }
    property
}

/// A property with what its reference says, its own description first.
fn resolved(property: &Value, definitions: &Map<String, Value>) -> Value {
    let mut out = property.clone();
    let name = property
        .get("$ref")
        .or_else(|| property.get("items")?.get("$ref"))
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next());
    if let (Value::Object(out), Some(name)) = (&mut out, name)
        && let Some(Value::Object(definition)) = definitions.get(name)
    {
        out.insert("definition".to_owned(), Value::from(name));
        for (key, value) in definition {
            if !out.contains_key(key) {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    out
}

fn table(name: &str, properties: &Map<String, Value>, old: &str) -> Result<String> {
    let by_hand = by_hand(old);
    // The order of the document stays; what is new comes last.
    let known = by_hand.iter().map(|(field, _)| field.as_str());
    let new = properties
        .keys()
        .map(String::as_str)
        .filter(|field| !by_hand.iter().any(|(known, _)| known == field));
    let mut out = HEADER.to_owned();
    for field in known
        .filter(|field| properties.contains_key(*field))
        .chain(new)
    {
        let property = properties.get(field).unwrap_or(&Value::Null);
        let cells = by_hand
            .iter()
            .find(|(known, _)| known == field)
            .map_or_else(|| vec!["?".to_owned(); BY_HAND], |(_, cells)| cells.clone());
        if cells.iter().any(|cell| cell.is_empty() || cell == "?") {
            eprintln!("docs/output.md: class, source or absence of `{field}` ({name}) not written");
        }
        let _ = writeln!(
            out,
            "| `{field}` | {} | {} | {} |",
            unit(field, property),
            meaning(property),
            cells.join(" | ")
        );
    }
    Ok(out)
}

/// The hand-written cells of the rows of a table.
fn by_hand(old: &str) -> Vec<(String, Vec<String>)> {
    old.lines()
        .filter_map(|line| {
            let inner = line.strip_prefix("| `")?.strip_suffix(" |")?;
            let (field, cells) = inner.split_once("` | ")?;
            // A bar inside a cell is written as `\|`.
            let cells: Vec<String> = cells
                .replace("\\|", "\u{0}")
                .split(" | ")
                .map(|cell| cell.trim().replace('\u{0}', "\\|"))
                .skip(2)
                .collect();
            (cells.len() == BY_HAND).then(|| (field.to_owned(), cells))
        })
        .collect()
}

fn unit(field: &str, property: &Value) -> String {
    let kind = property
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let by_name = [
        ("_bytes", "bytes"),
        ("_pages", "pages"),
        ("_us", "microseconds"),
        ("_percent", "percent"),
        ("_hex", "hexadecimal"),
        ("timestamp", "RFC 3339, UTC"),
    ];
    if let Some((_, unit)) = by_name.iter().find(|(suffix, _)| field.ends_with(suffix)) {
        return (*unit).to_owned();
    }
    if let Some(value) = property.get("const") {
        return format!("`{value}`").replace('"', "");
    }
    let choices: Vec<&str> = property
        .get("oneOf")
        .and_then(Value::as_array)
        .map(|choices| {
            choices
                .iter()
                .filter_map(|choice| choice.get("const")?.as_str())
                .collect()
        })
        .unwrap_or_default();
    if !choices.is_empty() {
        return format!("`{}`", choices.join("`, `"));
    }
    let definition = property.get("definition").and_then(Value::as_str);
    match (kind, definition) {
        ("array", Some(_)) => "list of objects".to_owned(),
        ("array", None) if item_kind(property) == Some("integer") => "list of numbers".to_owned(),
        ("array", None) => "list of text".to_owned(),
        ("object", _) => "object".to_owned(),
        ("integer", _) => "number".to_owned(),
        ("number", _) => "number, may have a fraction".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        _ => "text".to_owned(),
    }
}

fn item_kind(property: &Value) -> Option<&str> {
    property.get("items")?.get("type")?.as_str()
}

fn meaning(property: &Value) -> String {
    property
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or("?")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// Fields whose hand-written cells are not filled, for the test.
#[cfg(test)]
fn unwritten(text: &str) -> Vec<String> {
    by_hand(text)
        .into_iter()
        .filter(|(_, cells)| cells.iter().any(|cell| cell.is_empty() || cell == "?"))
        .map(|(field, _)| field)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        let shared = ["a", "b", "c", "d", "e", "f"];
        let mut properties: Map<String, Value> = shared
            .iter()
            .map(|name| {
                (
                    (*name).to_owned(),
                    json!({"type": "string", "description": "S."}),
                )
            })
            .collect();
        properties.insert("v".to_owned(), json!({"$ref": "#/$defs/V"}));
        json!({
            "oneOf": [{"$ref": "#/$defs/K"}],
            "$defs": {
                "K": {"type": "object", "properties": properties},
                "L": {"type": "object", "properties": {"x_bytes": {"type": "integer", "description": "X|Y."}}},
                "V": {"oneOf": [{"const": "one"}, {"const": "two"}], "description": "V."},
            }
        })
    }

    #[test]
    fn new_rows_are_marked_and_written_cells_kept() {
        let text = "t\n<!-- fields: every event -->\n<!-- end -->\n<!-- fields: K -->\n<!-- end -->\n\
                    <!-- fields: L -->\n| `gone` | b | m | c | s | a |\n| `x_bytes` | old | old | exact | `k\\|l` | never |\n<!-- end -->\n";
        let mut schema = schema();
        schema["oneOf"] = json!([{"$ref": "#/$defs/K"}, {"$ref": "#/$defs/K2"}]);
        let mut second = schema["$defs"]["K"].clone();
        second["properties"].as_object_mut().unwrap().remove("v");
        schema["$defs"]["K2"] = second;
        let text = format!("{text}<!-- fields: K2 -->\n<!-- end -->\n");
        let filled = fill(&text, &schema).unwrap();
        assert!(
            filled.contains("| `x_bytes` | bytes | X\\|Y. | exact | `k\\|l` | never |"),
            "{filled}"
        );
        assert!(!filled.contains("gone"));
        assert!(filled.contains("| `v` | `one`, `two` | V. | ? | ? | ? |"));
        assert!(filled.contains("| `a` | text | S. | ? | ? | ? |"));
        assert_eq!(fill(&filled, &schema).unwrap(), filled, "not stable");
        assert_eq!(unwritten(&filled).len(), 7);
    }

    #[test]
    fn a_missing_or_unknown_table_is_refused() {
        assert!(
            fill("", &schema())
                .unwrap_err()
                .to_string()
                .contains("no table for")
        );
        let unknown = fill("<!-- fields: Q -->\n<!-- end -->", &schema()).unwrap_err();
        assert!(unknown.to_string().contains("Q is no definition"));
        let unfinished = fill("<!-- fields: L -->", &schema()).unwrap_err();
        assert!(unfinished.to_string().contains("no end"));
    }

    #[test]
    fn every_field_of_the_reference_is_written_out() {
        let reference =
            std::fs::read_to_string(crate::workspace::root().join("docs/output.md")).unwrap();
        assert_eq!(unwritten(&reference), [""; 0]);
        assert!(by_hand(&reference).len() > 100);
    }
}
