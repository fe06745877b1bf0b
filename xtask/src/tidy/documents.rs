//! What the documents must hold: a changelog with a place for the next change, and no task that
//! does not exist.

use super::{Tree, Violation};

const CHANGELOG: &str = "CHANGELOG.md";

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
}
