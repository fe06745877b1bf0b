//! Which module may use which other module, which crate, and which door to the outside.
//!
//! What each may is in [`super::table`]. Test code is free.

use super::source::Path;
use super::table::{CRATES, Door, EVERYWHERE, Row, TABLE, WIRING};
use super::{File, Tree, Violation};

/// Every use of a module, a crate or a door that the table does not grant.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        if let Some(module) = module_of(file) {
            for path in file.product_paths() {
                let what = judge(module, file, &path);
                violations.extend(what.map(|what| Violation::new(file, path.line, what)));
            }
        } else if file.path.starts_with("oomtrace-common/src/") {
            for path in file.product_paths() {
                if path.words.first().is_some_and(|word| word == "std") {
                    violations.push(Violation::new(
                        file,
                        path.line,
                        "the contract crate must build for the kernel side: no std",
                    ));
                }
            }
        }
    }
    violations
}

/// Every module of the crate has a row, so that a new one cannot come in unseen.
pub fn table_is_current(tree: &Tree) -> Vec<Violation> {
    let mut seen: Vec<&str> = Vec::new();
    let mut violations = Vec::new();
    for file in tree.rust() {
        let Some(module) = module_of(file).filter(|module| !seen.contains(module)) else {
            continue;
        };
        seen.push(module);
        if row(module).is_none() && !WIRING.contains(&module) {
            violations.push(Violation::new(
                file,
                0,
                format!("module `{module}` has no row in xtask/src/tidy/table.rs"),
            ));
        }
    }
    violations
}

/// Each module with the cells that end its row in `docs/ARCHITECTURE.md`.
pub fn rows_as_cells() -> impl Iterator<Item = (&'static str, String)> {
    TABLE.iter().map(|row| {
        let doors = row.doors.iter().map(|door| format!("{door:?}")).collect();
        let (modules, crates) = (quoted(row.modules), quoted(row.crates));
        (
            row.module,
            format!(
                "| {} | {} | {} |",
                listed(modules),
                listed(crates),
                listed(doors)
            ),
        )
    })
}

fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

fn listed(names: Vec<String>) -> String {
    if names.is_empty() {
        "–".to_owned()
    } else {
        names.join(", ")
    }
}

/// The top-level module of `oomtrace` that a file belongs to; `lib.rs` and `main.rs` are none.
fn module_of(file: &File) -> Option<&str> {
    let below = file.path.strip_prefix("oomtrace/src/")?;
    let module = below.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    (!matches!(module, "lib" | "main")).then_some(module)
}

fn row(module: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.module == module)
}

fn judge(module: &str, file: &File, path: &Path) -> Option<String> {
    let words: Vec<&str> = path.words.iter().map(String::as_str).collect();
    let words = words.as_slice();
    let first = *words.first()?;
    if first == "aya" && module != "loader" {
        return Some("aya belongs to `loader` alone".to_owned());
    }
    // Wiring has no row and may use the rest.
    let row = row(module)?;
    if let Some(other) = module_named(file, words).filter(|other| *other != module) {
        let known = TABLE.iter().any(|row| row.module == other) || WIRING.contains(&other);
        return (known && !row.modules.contains(&other))
            .then(|| format!("`{module}` may not use `{other}`"));
    }
    if CRATES.contains(&first)
        && words.len() > 1
        && !row.crates.contains(&first)
        && !EVERYWHERE.contains(&first)
    {
        return Some(format!("`{module}` may not use the crate `{first}`"));
    }
    let door = door(words)?;
    (!row.doors.contains(&door))
        .then(|| format!("`{module}` may not use `{}` ({door:?})", words.join("::")))
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
fn door(words: &[&str]) -> Option<Door> {
    let named = |word: &str| words.contains(&word);
    match words {
        ["std" | "tokio", "fs", ..] | ["std", "os", "unix", "fs", ..] | ["rustix", "fs", ..] => {
            Some(Door::Files)
        }
        ["std", "time", ..] if named("Instant") || named("SystemTime") => Some(Door::Clock),
        ["Instant" | "SystemTime", "now", ..] | ["rustix", "time", ..] => Some(Door::Clock),
        ["jiff", ..] if named("now") || named("system") => Some(Door::Clock),
        ["Timestamp" | "Zoned", "now", ..] => Some(Door::Clock),
        ["std", "env", ..] => Some(Door::Environment),
        ["std", "process" | "thread" | "net", ..]
        | ["std", "os", "unix", "net", ..]
        | ["rustix", "net", ..] => Some(Door::World),
        ["std", "io", "stdin" | "stdout" | "stderr", ..]
        | ["io", "stdin" | "stdout" | "stderr", ..] => Some(Door::Stdio),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, source: &str) -> Vec<String> {
        check(&Tree::of(&[(path, source)]))
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
                "aya belongs to `loader`",
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
            ("oomtrace-common/src/record.rs", "use std::mem;", "no std"),
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
            ("oomtrace/src/helpers/mod.rs", ""),
            ("oomtrace/src/lib.rs", ""),
        ]);
        let found = table_is_current(&tree);
        assert_eq!(found.len(), 1);
        assert!(
            found
                .iter()
                .all(|v| v.what.contains("`helpers` has no row"))
        );
    }
}
