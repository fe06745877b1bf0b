//! What the documents must hold: a changelog with a place for the next change, and a reference
//! that names each field of the schema and no other.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Tree, Violation};

const CHANGELOG: &str = "CHANGELOG.md";
const REFERENCE: &str = "docs/output.md";

/// The changelog has its Unreleased section.
pub fn changelog(tree: &Tree) -> Vec<Violation> {
    let Some(file) = tree.file(CHANGELOG) else {
        return vec![Violation::of_path(CHANGELOG, "is missing")];
    };
    if file
        .text
        .lines()
        .any(|line| line.starts_with("## ") && line.contains("Unreleased"))
    {
        return Vec::new();
    }
    vec![Violation::new(file, 0, "has no `## Unreleased` section")]
}

/// Tasks that a document or a comment names and `cargo xtask` does not have.
pub fn tasks(tree: &Tree) -> Vec<Violation> {
    const CALL: &str = "cargo xtask ";
    let command = <crate::Verb as clap::CommandFactory>::command();
    let verbs: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let mut violations = Vec::new();
    // Its own tests name a verb that does not exist.
    for file in tree
        .files
        .iter()
        .filter(|file| !file.path.ends_with("tidy/documents.rs"))
    {
        for (line, text) in file.text.lines().enumerate() {
            for (at, _) in text.match_indices(CALL) {
                let rest = text.get(at + CALL.len()..).unwrap_or_default();
                let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
                let verb = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                if !verb.is_empty() && !verb.starts_with('-') && !verbs.contains(&verb) {
                    let what = format!("there is no `cargo xtask {verb}`");
                    violations.push(Violation::new(file, line + 1, what));
                }
            }
        }
    }
    violations
}

/// Fields of the schema that the reference does not name, and the other way round.
///
/// The schema is the committed JSON Schema, `*.schema.json`. In the reference, a field is what stands
/// in back quotes in the first cell of a table row; only the last part of a dotted name counts.
pub fn output_fields(tree: &Tree) -> Vec<Violation> {
    let Some(reference) = tree.file(REFERENCE) else {
        return Vec::new();
    };
    let schemas = tree
        .files
        .iter()
        .filter(|file| file.path.ends_with(".schema.json"));
    let mut fields = BTreeSet::new();
    for schema in schemas {
        match serde_json::from_str::<Value>(&schema.text) {
            Ok(value) => properties(&value, &mut fields),
            Err(error) => return vec![Violation::new(schema, error.line(), "is no JSON")],
        }
    }
    if fields.is_empty() {
        return vec![Violation::new(
            reference,
            0,
            "has no *.schema.json to describe",
        )];
    }
    let documented = documented(&reference.text);
    let mut violations = Vec::new();
    for field in fields.difference(&documented) {
        violations.push(Violation::new(
            reference,
            0,
            format!("does not describe `{field}`"),
        ));
    }
    for field in documented.difference(&fields) {
        violations.push(Violation::new(
            reference,
            0,
            format!("`{field}` is not in the schema"),
        ));
    }
    violations
}

/// Names of all properties anywhere in a schema.
fn properties(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Object(named)) = members.get("properties") {
                fields.extend(named.keys().cloned());
            }
            members
                .values()
                .for_each(|member| properties(member, fields));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, fields)),
        _ => {}
    }
}

fn documented(text: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for line in text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('|'))
    {
        let cell = line.split('|').next().unwrap_or_default();
        // Every second piece between back quotes is quoted.
        for name in cell.split('`').skip(1).step_by(2) {
            let last = name.rsplit('.').next().unwrap_or(name);
            fields.insert(last.trim_end_matches("[]").to_owned());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changelog_without_unreleased_is_refused() {
        assert_eq!(
            changelog(&Tree::of(&[(CHANGELOG, "## [Unreleased]\n")])).len(),
            0
        );
        assert_eq!(
            changelog(&Tree::of(&[(CHANGELOG, "## 0.1.0\nUnreleased\n")])).len(),
            1
        );
        assert_eq!(changelog(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn a_task_that_does_not_exist_is_refused() {
        let count = |text: &str| tasks(&Tree::of(&[("docs/page.md", text)])).len();
        assert_eq!(
            count("`cargo xtask tidy`, cargo xtask vm-test --full, cargo xtask --help"),
            0
        );
        assert_eq!(count("`cargo xtask live`"), 1);
    }

    fn against(reference: &str) -> Vec<String> {
        let schema = r#"{"properties": {"victim": {"$ref": "V"}},
            "$defs": {"V": {"properties": {"pid": {}, "uid": {}}}}}"#;
        let tree = Tree::of(&[
            (REFERENCE, reference),
            ("oomtrace/oomtrace.schema.json", schema),
        ]);
        output_fields(&tree)
            .into_iter()
            .map(|violation| violation.what)
            .collect()
    }

    #[test]
    fn reference_and_schema_must_name_the_same_fields() {
        assert_eq!(
            against("| `victim` | x |\n| `victim.pid`, `victim.uid` | x |"),
            [""; 0]
        );
        assert_eq!(
            against("| `victim` |\n| `victim.pid` |"),
            ["does not describe `uid`"]
        );
        assert_eq!(
            against("| `victim` |\n| `pid` |\n| `uid` |\n| `victim.gid` | `uid` |"),
            ["`gid` is not in the schema"]
        );
    }

    #[test]
    fn a_reference_without_a_schema_is_refused() {
        assert_eq!(
            output_fields(&Tree::of(&[(REFERENCE, "| `pid` |")])).len(),
            1
        );
    }
}
