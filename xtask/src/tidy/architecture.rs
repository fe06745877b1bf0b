//! The tests and files that `docs/ARCHITECTURE.md` names as holding an invariant exist.

use super::table::PAGE;
use super::{File, Tree, Violation, source};

/// Words that open the paragraph naming what holds an invariant.
const HELD_BY: &str = "Held by:";

/// Names behind "Held by:" that are no test, no file and no task.
pub fn held_by(tree: &Tree) -> Vec<Violation> {
    let Some(page) = tree.file(PAGE) else {
        return vec![Violation::of_path(PAGE, "is missing")];
    };
    let functions: Vec<String> = tree
        .rust()
        .filter_map(File::ast)
        .flat_map(source::functions)
        .collect();
    let mut violations = Vec::new();
    let mut invariants = 0;
    for paragraph in page
        .text
        .split("\n\n")
        .filter(|text| text.starts_with("**"))
    {
        invariants += 1;
        let title = paragraph.split("**").nth(1).unwrap_or_default();
        let holders = paragraph
            .split_once(HELD_BY)
            .map_or("", |(_, holders)| holders);
        // Every second piece between back quotes is quoted.
        let names: Vec<&str> = holders.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            violations.push(Violation::new(
                page,
                0,
                format!("nothing holds \"{title}\""),
            ));
        }
        for name in names {
            let exists = if name.starts_with("cargo xtask ") {
                // `documents::tasks` looks whether there is such a verb.
                true
            } else if name.contains('/') {
                tree.file(name).is_some()
            } else {
                functions.iter().any(|function| function == name)
            };
            if !exists {
                violations.push(Violation::new(page, 0, format!("there is no `{name}`")));
            }
        }
    }
    if invariants == 0 {
        violations.push(Violation::new(page, 0, "names no invariant"));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(page: &str) -> Vec<String> {
        let source = "fn the_sum_holds() {} proptest! { fn any_bytes(b in x) {} }";
        let tree = Tree::of(&[(PAGE, page), ("oomtrace/src/model/mod.rs", source)]);
        held_by(&tree)
            .into_iter()
            .map(|violation| violation.what)
            .collect()
    }

    #[test]
    fn what_holds_an_invariant_must_exist() {
        assert_eq!(
            complaints("**A.** Text.\nHeld by: `the_sum_holds`,\n`any_bytes`, `cargo xtask tidy`."),
            [""; 0]
        );
        assert_eq!(
            complaints("**A.** x\nHeld by: `oomtrace/src/model/mod.rs`."),
            [""; 0]
        );
        assert_eq!(
            complaints("**A.** x\nHeld by: `gone`."),
            ["there is no `gone`"]
        );
        assert_eq!(
            complaints("**A.** x\nHeld by: `a/gone.rs`."),
            ["there is no `a/gone.rs`"]
        );
        assert_eq!(complaints("**A.** Nothing does."), ["nothing holds \"A.\""]);
        assert_eq!(complaints("Text."), ["names no invariant"]);
    }
}
