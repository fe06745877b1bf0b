//! Unsafe code is in named files only, each use with a `// SAFETY:` comment.
//!
//! Clippy holds the second half for the workspace; this rule holds both halves for the crates
//! outside of it too.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Tree, Violation};

/// Where unsafe code may be: a file, or a folder ending in `/`.
const ALLOWED: &[(&str, &str)] = &[
    ("oomtrace-ebpf/src/", "kernel helpers are foreign functions"),
    (
        "oomtrace/src/loader/functions.rs",
        "bpf(2), to try whether fentry is allowed",
    ),
    (
        "oomtrace/src/main.rs",
        "errors of a static binary must not capture backtraces",
    ),
    (
        "oomtrace/src/process/memory.rs",
        "malloc_trim, and madvise of the program's own text",
    ),
    (
        "oomtrace/src/process/log_clock.rs",
        "perf shows the log's clock, in mapped memory",
    ),
    (
        "oomtrace/src/process/privileges/",
        "seccomp(2) and Landlock have no wrappers in the C library",
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
        let is_allowed = ALLOWED.iter().any(|(at, _)| file.path.starts_with(at));
        for (line, needs_reason) in uses(file.text.parse().unwrap_or_default()) {
            if !is_allowed {
                let what = "unsafe outside of the files named in xtask/src/tidy/unsafety.rs";
                violations.push(Violation::new(file, line, what));
            }
            if needs_reason && !has_reason(&file.text, line) {
                let what = "unsafe without a `// SAFETY:` comment above it";
                violations.push(Violation::new(file, line, what));
            }
        }
    }
    violations
}

/// Lines of unsafe code, each with whether it runs something and so needs a reason, which an `unsafe
/// fn` does not. An attribute (`#[unsafe(no_mangle)]`) marks a name only.
fn uses(stream: TokenStream) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match (tree, trees.peek()) {
            (TokenTree::Group(group), _) => found.extend(uses(group.stream())),
            (TokenTree::Ident(word), Some(next)) if word == "unsafe" => {
                let is_block_or_item = match next {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    _ => true,
                };
                let is_function = next.to_string() == "fn";
                if is_block_or_item {
                    found.push((word.span().start().line, !is_function));
                }
            }
            _ => {}
        }
    }
    found
}

/// There is a `SAFETY:` comment between the end of the statement before and the keyword.
fn has_reason(text: &str, line: usize) -> bool {
    let lines: Vec<&str> = text.lines().take(line).map(str::trim).collect();
    let Some((last, above)) = lines.split_last() else {
        return false;
    };
    let before = last.split("unsafe").next().unwrap_or_default();
    let is_comment = |line: &str| line.starts_with("//") || line.starts_with("/*");
    if before.contains([';', '{', '}']) {
        return before.contains("SAFETY:");
    }
    above
        .iter()
        .rev()
        .take_while(|line| is_comment(line) || !line.ends_with([';', '{', '}']))
        .any(|line| is_comment(line) && line.contains("SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, source: &str) -> usize {
        check(&Tree::of(&[(path, source)])).len()
    }

    const PLACE: &str = "oomtrace/src/process/memory.rs";

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
    fn the_reason_may_be_above_the_statement() {
        let source = "fn f() {\n // SAFETY: because\n let x =\n unsafe { g() }; }";
        assert_eq!(count(PLACE, source), 0);
    }

    #[test]
    fn comments_strings_and_attributes_do_not_count() {
        let source =
            "// unsafe\nconst A: &str = \"unsafe\";\n#[unsafe(no_mangle)] static B: u8 = 0;";
        assert_eq!(count("oomtrace/src/render/mod.rs", source), 0);
    }
}
