//! Rules on single files: who may print, how long a file is, what it says of itself, whether its
//! tests run.

use crate::lexer::Kind;

use super::{Tree, Violation};

/// Where output macros may stand besides `xtask`; everything else writes to a `Write`.
const PRINTS: &[&str] = &["xtask/", "oomtrace/src/sink/", "fuzz/", "tests/"];

/// Longest Rust file, in lines.
const LINES_MAX: usize = 400;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[(
    "oomtrace-common/src/record.rs",
    "one table: the layouts and bits of the contract, side by side",
)];

/// Output macros where they do not belong.
pub fn printing(tree: &Tree) -> Vec<Violation> {
    const MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
    let mut violations = Vec::new();
    for file in tree
        .rust()
        .filter(|file| !PRINTS.iter().any(|place| file.path.starts_with(place)))
    {
        let code = file.product_code();
        for (token, next) in code.iter().zip(code.iter().skip(1)) {
            if token.kind == Kind::Word && MACROS.contains(&token.text) && next.is("!") {
                violations.push(Violation::new(
                    file,
                    token.line,
                    format!("`{}!`: write to the `Write` you were given", token.text),
                ));
            }
        }
    }
    violations
}

/// Files that have grown past one purpose.
pub fn length(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let lines = file.text.lines().count();
        let excused = LONGER.iter().any(|(path, _)| file.path == *path);
        if lines > LINES_MAX && !excused {
            violations.push(Violation::new(
                file,
                0,
                format!("{lines} lines; split it (limit {LINES_MAX})"),
            ));
        }
        if lines <= LINES_MAX && excused {
            violations.push(Violation::new(
                file,
                0,
                "no longer needs its exception in LONGER",
            ));
        }
    }
    violations
}

/// Files that do not say what they are for. One named `tests.rs` says it by its name.
pub fn module_docs(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|file| !file.path.ends_with("/tests.rs"))
        .filter(|file| {
            !file
                .tokens()
                .first()
                .is_some_and(|token| token.text.starts_with("//!"))
        })
        .map(|file| {
            Violation::new(
                file,
                1,
                "starts with no `//!` line that says what it is for",
            )
        })
        .collect()
}

/// Tests that never run, and code that is not there.
pub fn tests_run(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let tokens = crate::lexer::code(&file.tokens());
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            if token.is("ignore") && before.is_some_and(|token| token.is("[")) {
                violations.push(Violation::new(
                    file,
                    token.line,
                    "`#[ignore]` hides a test: run it or remove it",
                ));
            }
            if (token.is("todo") || token.is("unimplemented")) && next.is_some_and(|t| t.is("!")) {
                violations.push(Violation::new(
                    file,
                    token.line,
                    format!("`{}!`", token.text),
                ));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(source: &str) -> Tree {
        Tree::of(&[("oomtrace/src/cli/mod.rs", source)])
    }

    #[test]
    fn printing_is_refused_outside_the_sink() {
        assert_eq!(
            printing(&tree("fn f() { println!(\"x\"); eprint!(\"x\") }")).len(),
            2
        );
        assert_eq!(printing(&tree("// println!\nfn println() {}")).len(), 0);
        let sink = Tree::of(&[("oomtrace/src/sink/mod.rs", "fn f() { eprintln!(\"x\") }")]);
        assert_eq!(printing(&sink).len(), 0);
    }

    #[test]
    fn a_long_file_is_refused() {
        assert_eq!(length(&tree(&"\n".repeat(LINES_MAX))).len(), 0);
        assert_eq!(length(&tree(&"\n".repeat(LINES_MAX + 1))).len(), 1);
    }

    #[test]
    fn a_file_must_say_what_it_is_for() {
        assert_eq!(module_docs(&tree("//! A reason.\n")).len(), 0);
        assert_eq!(module_docs(&tree("use a::b;\n//! Too late.")).len(), 1);
        assert_eq!(module_docs(&tree("// not a doc\n")).len(), 1);
        assert_eq!(module_docs(&tree("")).len(), 1);
    }

    #[test]
    fn hidden_tests_and_missing_code_are_refused() {
        assert_eq!(tests_run(&tree("#[test] #[ignore] fn f() {}")).len(), 1);
        assert_eq!(tests_run(&tree("#[ignore = \"slow\"] fn f() {}")).len(), 1);
        assert_eq!(tests_run(&tree("fn f() { todo!() }")).len(), 1);
        assert_eq!(
            tests_run(&tree("fn ignore() { ignore(); let todo = 1; }")).len(),
            0
        );
    }
}
