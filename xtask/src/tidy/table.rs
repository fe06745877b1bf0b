//! The table of what each module of oomtrace may use. It is data, and there is one of it: in
//! `docs/ARCHITECTURE.md`, where readers look for it.

use super::{Tree, Violation};

/// Where the table is.
pub const PAGE: &str = "docs/ARCHITECTURE.md";
/// The manifest whose dependencies are the crates that a module may be granted.
const MANIFEST: &str = "oomtrace/Cargo.toml";
const HEAD: &str = "| module | owns | modules | crates | doors |";
/// A cell that grants everything.
const ALL: &str = "all";

/// What the table says, and the crates that it speaks of.
pub struct Table<'a> {
    rows: Vec<Row<'a>>,
    /// Dependencies of the crate, as Rust spells them.
    pub crates: Vec<String>,
}

/// What the modules of one row may use.
pub struct Row<'a> {
    names: Vec<&'a str>,
    /// Other modules of the crate.
    pub modules: Grant<'a>,
    /// Crates, besides `std` and those that may be used everywhere.
    pub crates: Grant<'a>,
    /// Ways out of the process.
    pub doors: Grant<'a>,
}

/// One cell: names, or everything but a few.
pub struct Grant<'a> {
    is_all: bool,
    words: Vec<&'a str>,
}

impl<'a> Grant<'a> {
    fn parse(cell: &'a str) -> Self {
        let is_word = |c: char| c == '_' || c.is_alphanumeric();
        let mut words = cell.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let is_all = words.clone().next() == Some(ALL);
        if is_all {
            words.by_ref().take(2).for_each(drop); // "all but"
        }
        Self {
            is_all,
            words: words.collect(),
        }
    }

    /// Whether this may be used.
    pub fn has(&self, name: &str) -> bool {
        self.is_all != self.words.contains(&name)
    }
}

impl<'a> Table<'a> {
    /// Reads the table.
    ///
    /// # Errors
    /// A file that is missing, or one without what belongs into it.
    pub fn read(tree: &'a Tree) -> Result<Self, Violation> {
        let missing = |path: &str, what: &str| Violation::of_path(path, what);
        let page = tree.file(PAGE).ok_or(missing(PAGE, "is missing"))?;
        let rows: Vec<Row<'a>> = page
            .text
            .lines()
            .skip_while(|line| *line != HEAD)
            .skip(2)
            .map_while(|line| {
                let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
                let [names, _, modules, crates, doors] = *cells.as_slice() else {
                    return None;
                };
                Some(Row {
                    names: Grant::parse(names).words,
                    modules: Grant::parse(modules),
                    crates: Grant::parse(crates),
                    doors: Grant::parse(doors),
                })
            })
            .collect();
        let manifest = tree.file(MANIFEST).ok_or(missing(MANIFEST, "is missing"))?;
        let manifest: Option<toml::Table> = manifest.text.parse().ok();
        let dependencies = manifest
            .as_ref()
            .and_then(|manifest| manifest.get("dependencies")?.as_table())
            .ok_or(missing(MANIFEST, "has no dependencies"))?;
        if rows.is_empty() {
            return Err(missing(PAGE, "has no table of modules"));
        }
        Ok(Self {
            rows,
            crates: dependencies.keys().map(|it| it.replace('-', "_")).collect(),
        })
    }

    /// The row of a module.
    pub fn row(&self, module: &str) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.names.contains(&module))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_its_table_is_refused() {
        let page = format!(
            "{HEAD}\n|---|---|---|---|---|\n| `a`, `b` | x | – | all but aya | all |\n\n| c |"
        );
        let manifest = (MANIFEST, "[dependencies]\naya-log = \"1\"");
        let tree = Tree::of(&[(PAGE, &page), manifest]);
        let table = Table::read(&tree).unwrap();
        let row = table.row("b").unwrap();
        assert!(!row.modules.has("a") && row.doors.has("Files"));
        assert!(row.crates.has("libc") && !row.crates.has("aya"));
        assert_eq!(table.crates, ["aya_log"]);
        assert!(table.row("c").is_none());
        for files in [
            vec![manifest],
            vec![(PAGE, "Text."), manifest],
            vec![(PAGE, page.as_str())],
        ] {
            assert!(Table::read(&Tree::of(&files)).is_err());
        }
    }
}
