//! `cargo xtask tidy`: the rules of the house, executed.
//!
//! Each rule is a function over a [`Tree`] that reports [`Violation`]s, and each has tests that
//! feed it a bad tree: a check that cannot fail is none.

mod architecture;
mod dependencies;
mod documents;
mod licences;
mod modules;
mod numbers;
mod prototypes;
mod source;
mod style;
mod table;
mod unsafety;
mod versions;

use std::cell::OnceCell;
use std::{fmt, fs};

use anyhow::{Context as _, Result};
use syn::Item;

use crate::workspace;

/// A file of the repository that is text.
pub struct File {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// Its contents.
    pub text: String,
    /// The whole file is test code, by where it lies or how it is declared.
    pub is_test: bool,
    ast: OnceCell<Option<syn::File>>,
}

impl File {
    /// It is Rust source.
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its syntax tree; absent for what is no Rust, or does not parse (which the compiler reports).
    fn ast(&self) -> Option<&syn::File> {
        self.ast
            .get_or_init(|| syn::parse_file(&self.text).ok().filter(|_| self.is_rust()))
            .as_ref()
    }

    /// The paths that its product code names; none for a file of test code.
    fn product_paths(&self) -> Vec<source::Path> {
        let ast = self.ast().filter(|_| !self.is_test);
        ast.map(source::product_paths).unwrap_or_default()
    }
}

/// The files that the rules look at.
pub struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads the repository. Files that are not text are left out.
    fn read() -> Result<Self> {
        let mut files = Vec::new();
        for path in workspace::files()? {
            let full = workspace::root().join(&path);
            let bytes = fs::read(&full).with_context(|| format!("reading {}", full.display()))?;
            if let (Ok(text), Some(path)) = (String::from_utf8(bytes), path.to_str()) {
                files.push((path.to_owned(), text));
            }
        }
        Ok(Self::new(files))
    }

    fn new(files: Vec<(String, String)>) -> Self {
        let declared: Vec<String> = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .flat_map(|(path, text)| test_modules(path, text))
            .collect();
        let is_test = |path: &str| {
            let stem = path.strip_suffix(".rs").unwrap_or(path);
            path.split('/').any(|part| part == "tests")
                || declared.iter().any(|module| {
                    let below = stem.strip_prefix(module.as_str());
                    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
        };
        let files = files.into_iter().map(|(path, text)| File {
            is_test: is_test(&path),
            path,
            text,
            ast: OnceCell::new(),
        });
        Self {
            files: files.collect(),
        }
    }

    /// Rust sources.
    fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The file of this path, if there is one.
    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let owned = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self::new(owned.collect())
    }
}

/// Modules that this file declares as `#[cfg(test)] mod name;`, as paths without `.rs`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let home = if matches!(name, "mod" | "lib" | "main") {
        folder
    } else {
        stem
    };
    let items = syn::parse_file(text).map(|file| file.items);
    items
        .unwrap_or_default()
        .iter()
        .filter_map(|item| match item {
            Item::Mod(child) if child.content.is_none() && source::is_test(&child.attrs) => {
                Some(format!("{home}/{}", child.ident))
            }
            _ => None,
        })
        .collect()
}

/// One place where a rule is broken.
#[derive(Debug)]
pub struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(file: &File, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// One that concerns the repository rather than a line of a file.
    fn of_path(path: &str, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Rules over the tree alone.
const RULES: [fn(&Tree) -> Vec<Violation>; 14] = [
    dependencies::check,
    modules::reachable,
    modules::acyclic,
    unsafety::check,
    versions::check,
    style::length,
    style::module_docs,
    style::imports,
    style::function_names,
    numbers::check,
    prototypes::check,
    architecture::held_by,
    documents::changelog,
    documents::tasks,
];

/// Runs every rule.
///
/// # Errors
/// A file that cannot be read, or any violation.
pub fn run() -> Result<()> {
    let tree = Tree::read()?;
    let mut violations: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    match licences::check(&tree) {
        Ok(more) => violations.extend(more),
        // The other rules' findings are worth showing all the same.
        Err(error) => violations.push(Violation::of_path("Cargo.toml", format!("{error:#}"))),
    }
    // `use a::{b, c}` breaks a rule once, not twice.
    violations.dedup_by(|a, b| a.line == b.line && a.path == b.path && a.what == b.what);
    for violation in &violations {
        eprintln!("{violation}");
    }
    anyhow::ensure!(
        violations.is_empty(),
        "tidy: {} violations",
        violations.len()
    );
    if let Some(stale) = crate::vm_test::stale_table() {
        println!("tidy: warning: {stale}; run cargo xtask vm-test --full");
    }
    println!(
        "tidy: {} rules hold over {} files",
        RULES.len() + 1,
        tree.files.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_reads_itself() {
        let tree = Tree::read().unwrap();
        assert!(tree.file("xtask/src/tidy/mod.rs").is_some());
        assert!(tree.rust().count() > 10);
    }

    #[test]
    fn test_code_is_told_apart() {
        let tree = Tree::of(&[
            (
                "oomtrace/src/decode/mod.rs",
                "#[cfg(test)] mod fixture; #[cfg(test)] mod inline {} mod kill;",
            ),
            ("oomtrace/src/decode/kill.rs", "#[cfg(test)] mod cases;"),
            ("oomtrace/src/decode/kill/cases.rs", ""),
            ("oomtrace/src/decode/fixture/mod.rs", ""),
            ("oomtrace/src/decode/fixtures.rs", ""),
            ("oomtrace/tests/replay.rs", ""),
            ("oomtrace/src/latests.rs", ""),
        ]);
        let tests: Vec<&str> = tree
            .files
            .iter()
            .filter(|file| file.is_test)
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(
            tests,
            [
                "oomtrace/src/decode/kill/cases.rs",
                "oomtrace/src/decode/fixture/mod.rs",
                "oomtrace/tests/replay.rs"
            ]
        );
    }
}
