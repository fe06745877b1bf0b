//! Unsafe code stands in named files only, each use with a `// SAFETY:` comment.
//!
//! Clippy holds the second half for the workspace; this rule holds both halves for the crates
//! outside of it too.

use crate::lexer::{Kind, Token};

use super::{Tree, Violation};

/// Where unsafe code may stand: a file, or a folder ending in `/`.
const ALLOWED: &[(&str, &str)] = &[
    ("oomtrace-ebpf/src/", "kernel helpers are foreign functions"),
    (
        "oomtrace/src/loader/",
        "gives memory back after start; hands plain bytes to aya",
    ),
    (
        "oomtrace/src/pipeline/kmsg/clock.rs",
        "perf shows the log's clock, in mapped memory",
    ),
    (
        "oomtrace/src/pipeline/wait.rs",
        "tokio has no safe way to register a descriptor",
    ),
    (
        "tests/src/bin/oomtrace-workload/",
        "processes that no safe function makes: a shared address space, a leader that left",
    ),
];

/// Unsafe code in the wrong place or without its reason.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let tokens = file.tokens();
        for (at, token) in tokens.iter().enumerate() {
            if !token.is("unsafe") || is_attribute(&tokens, at) {
                continue;
            }
            if !ALLOWED
                .iter()
                .any(|(place, _)| file.path.starts_with(place))
            {
                violations.push(Violation::new(
                    file,
                    token.line,
                    "unsafe outside of the files named in xtask/src/tidy/unsafety.rs",
                ));
            }
            let declares = tokens.get(at + 1).is_some_and(|next| next.is("fn"));
            if !declares && !has_reason(&tokens, at) {
                violations.push(Violation::new(
                    file,
                    token.line,
                    "unsafe without a `// SAFETY:` comment above it",
                ));
            }
        }
    }
    violations
}

/// `#[unsafe(no_mangle)]` marks a name, it runs nothing.
fn is_attribute(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    before.is_some_and(|token| token.is("["))
        && tokens.get(at + 1).is_some_and(|token| token.is("("))
}

/// A `SAFETY:` comment stands between the end of the statement before and the keyword.
fn has_reason(tokens: &[Token<'_>], at: usize) -> bool {
    let before = tokens.get(..at).unwrap_or_default();
    before
        .iter()
        .rev()
        .take_while(|token| !token.is(";") && !token.is("{") && !token.is("}"))
        .any(|token| token.kind == Kind::Comment && token.text.contains("SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, source: &str) -> usize {
        check(&Tree::of(&[(path, source)])).len()
    }

    const PLACE: &str = "oomtrace/src/loader/memory.rs";

    #[test]
    fn unsafe_elsewhere_is_refused_even_with_a_reason() {
        let source = "fn f() {\n // SAFETY: none\n unsafe { g() } }";
        assert_eq!(count("oomtrace/src/render/mod.rs", source), 1);
        assert_eq!(count(PLACE, source), 0);
    }

    #[test]
    fn unsafe_without_a_reason_is_refused() {
        assert_eq!(count(PLACE, "fn f() { unsafe { g() } }"), 1);
        assert_eq!(
            count(PLACE, "// SAFETY: of f\nfn f() { unsafe { g() } }"),
            1
        );
        assert_eq!(count(PLACE, "unsafe impl Send for X {}"), 1);
    }

    #[test]
    fn the_reason_may_stand_above_the_statement() {
        let source = "fn f() {\n // SAFETY: because\n let x =\n unsafe { g() }; }";
        assert_eq!(count(PLACE, source), 0);
    }

    #[test]
    fn words_in_comments_strings_and_attributes_do_not_count() {
        let source =
            "// unsafe\nconst A: &str = \"unsafe\";\n#[unsafe(no_mangle)] static B: u8 = 0;";
        assert_eq!(count("oomtrace/src/render/mod.rs", source), 0);
    }
}
