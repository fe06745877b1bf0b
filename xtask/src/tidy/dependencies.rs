//! Which module may use which other module, which crate, and which door to the outside.
//!
//! What each may is in the [`Table`]. Test code is free.

use std::collections::BTreeSet;

use super::source::Path;
use super::table::{PAGE, Row, Table};
use super::{File, Tree, Violation};

/// Crates without reach: error types and byte search.
const EVERYWHERE: &[&str] = &["thiserror", "memchr"];

/// Every use of a module, a crate or a door that the table does not grant, and every module without
/// a row, so that a new one cannot come in unseen.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let table = match Table::read(tree) {
        Ok(table) => table,
        Err(violation) => return vec![violation],
    };
    let mut violations = Vec::new();
    let mut without_row = BTreeSet::new();
    for file in tree.rust() {
        let Some(module) = module_of(file) else {
            continue;
        };
        let Some(row) = table.row(module) else {
            if without_row.insert(module) {
                let what = format!("module `{module}` has no row in {PAGE}");
                violations.push(Violation::new(file, 0, what));
            }
            continue;
        };
        for path in file.product_paths() {
            let what = judge(&table, row, module, file, &path);
            violations.extend(what.map(|what| Violation::new(file, path.line, what)));
        }
    }
    violations
}

/// The top-level module of `oomtrace` that a file belongs to; `lib.rs` and `main.rs` are none.
fn module_of(file: &File) -> Option<&str> {
    let below = file.path.strip_prefix("oomtrace/src/")?;
    let module = below.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    (!matches!(module, "lib" | "main")).then_some(module)
}

fn judge(table: &Table, row: &Row, module: &str, file: &File, path: &Path) -> Option<String> {
    let words: Vec<&str> = path.words.iter().map(String::as_str).collect();
    let words = words.as_slice();
    let first = *words.first()?;
    if let Some(other) = module_named(file, words).filter(|other| *other != module) {
        return (table.row(other).is_some() && !row.modules.has(other))
            .then(|| format!("`{module}` may not use `{other}`"));
    }
    if table.crates.iter().any(|name| name == first)
        && words.len() > 1
        && !row.crates.has(first)
        && !EVERYWHERE.contains(&first)
    {
        return Some(format!("`{module}` may not use the crate `{first}`"));
    }
    let door = door(words)?;
    (!row.doors.has(door))
        .then(|| format!("`{module}` may not use `{}` ({door})", words.join("::")))
}

/// The module of this crate that a path leads to from the crate's root.
fn module_named<'a>(file: &File, words: &[&'a str]) -> Option<&'a str> {
    let supers = words.iter().take_while(|word| **word == "super").count();
    let first = words.first()?;
    if matches!(*first, "crate" | "oomtrace") {
        return words.get(1).copied();
    }
    // `super` as often as the file is deep leads to the root as well.
    let below = file
        .path
        .strip_prefix("oomtrace/src/")?
        .strip_suffix(".rs")?;
    let depth = below
        .strip_suffix("/mod")
        .unwrap_or(below)
        .split('/')
        .count();
    (supers > 0 && supers >= depth)
        .then(|| words.get(supers).copied())
        .flatten()
}

/// The door that a path goes through, if any.
fn door(words: &[&str]) -> Option<&'static str> {
    let named = |word: &str| words.contains(&word);
    match words {
        ["std" | "tokio", "fs", ..] | ["std", "os", "unix", "fs", ..] | ["rustix", "fs", ..] => {
            Some("Files")
        }
        ["std", "time", ..] if named("Instant") || named("SystemTime") => Some("Clock"),
        ["Instant" | "SystemTime", "now", ..] | ["rustix", "time", ..] => Some("Clock"),
        ["jiff", ..] if named("now") || named("system") => Some("Clock"),
        ["Timestamp" | "Zoned", "now", ..] => Some("Clock"),
        ["std", "env", ..] => Some("Environment"),
        ["std", "process" | "thread" | "net", ..]
        | ["std", "os", "unix", "net", ..]
        | ["rustix", "net", ..] => Some("World"),
        ["std", "io", "stdin" | "stdout" | "stderr", ..]
        | ["io", "stdin" | "stdout" | "stderr", ..] => Some("Stdio"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: (&str, &str) = (PAGE, include_str!("../../../docs/ARCHITECTURE.md"));
    const MANIFEST: (&str, &str) = (
        "oomtrace/Cargo.toml",
        include_str!("../../../oomtrace/Cargo.toml"),
    );

    fn complaints(path: &str, source: &str) -> Vec<String> {
        check(&Tree::of(&[TABLE, MANIFEST, (path, source)]))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_module_may_not_reach_past_its_row() {
        for (path, source, part) in [
            (
                "oomtrace/src/render/text.rs",
                "use crate::enrich::Enricher;",
                "`render` may not use `enrich`",
            ),
            (
                "oomtrace/src/decode/mod.rs",
                "use crate::{model::Bytes, sink};",
                "`decode` may not use `sink`",
            ),
            (
                "oomtrace/src/decode/kill.rs",
                "use super::super::loader::X;",
                "may not use `loader`",
            ),
            (
                "oomtrace/src/decode/mod.rs",
                "fn f() { super::loader::x() }",
                "may not use `loader`",
            ),
            (
                "oomtrace/src/btf/mod.rs",
                "fn f(x: &crate::model::Text) {}",
                "`btf` may not use `model`",
            ),
            (
                "oomtrace/src/pipeline/mod.rs",
                "use aya::Ebpf;",
                "crate `aya`",
            ),
            (
                "oomtrace/src/diagnose/mod.rs",
                "#[derive(serde::Serialize)] struct S;",
                "crate `serde`",
            ),
            ("oomtrace/src/assemble/mod.rs", "use std::fs;", "`std::fs`"),
            (
                "oomtrace/src/assemble/mod.rs",
                "use std::time::{Duration, Instant};",
                "Clock",
            ),
            (
                "oomtrace/src/model/mod.rs",
                "fn f() { jiff::Timestamp::now() }",
                "Clock",
            ),
            (
                "oomtrace/src/kernel/plan.rs",
                "use std::env;",
                "Environment",
            ),
            (
                "oomtrace/src/render/mod.rs",
                "use std::process::Command;",
                "World",
            ),
            (
                "oomtrace/src/render/mod.rs",
                "fn f() { std::io::stdout() }",
                "Stdio",
            ),
        ] {
            let found = complaints(path, source);
            assert_eq!(found.len(), 1, "{path}: {source}: {found:?}");
            assert!(found.concat().contains(part), "{found:?} lacks {part}");
        }
    }

    #[test]
    fn what_the_table_grants_passes() {
        for (path, source) in [
            (
                "oomtrace/src/render/text.rs",
                "use crate::model::Event; use super::escape; use serde_json::json;",
            ),
            (
                "oomtrace/src/decode/kill.rs",
                "use super::super::decode::Error; use std::time::Duration;",
            ),
            (
                "oomtrace/src/loader/mod.rs",
                "use aya::Ebpf; use crate::kernel::plan::Plan;",
            ),
            (
                "oomtrace/src/cli/mod.rs",
                "use std::env; use crate::loader::Loader;",
            ),
            (
                "oomtrace/src/assemble/mod.rs",
                "// use std::fs;\n#[cfg(test)] mod tests { use std::fs; }",
            ),
            ("oomtrace/src/assemble/tests/order.rs", "use std::fs;"),
            ("oomtrace/src/main.rs", "use oomtrace::loader;"),
        ] {
            assert_eq!(complaints(path, source), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn a_module_without_a_row_is_named() {
        let tree = Tree::of(&[
            TABLE,
            MANIFEST,
            ("oomtrace/src/helpers/mod.rs", ""),
            ("oomtrace/src/lib.rs", ""),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("`helpers` has no row"));
    }
}
