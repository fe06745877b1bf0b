//! Unsafe code stands in named files only, each use with a `// SAFETY:` comment.
//!
//! Clippy holds the second half for the workspace; this rule holds both halves for the crates
//! outside of it too.

use syn::visit::{self, Visit};

use super::{Tree, Violation, source};

/// Where unsafe code may stand: a file, or a folder ending in `/`.
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
        let Some(ast) = file.ast() else { continue };
        let mut uses = Uses(Vec::new());
        uses.visit_file(ast);
        for (line, needs_reason) in uses.0 {
            if !ALLOWED
                .iter()
                .any(|(place, _)| file.path.starts_with(place))
            {
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

/// Lines of unsafe code, each with whether it runs something and so needs a reason. An attribute
/// (`#[unsafe(no_mangle)]`) marks a name and runs nothing.
struct Uses(Vec<(usize, bool)>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.0.push((block.unsafe_token.span.start().line, true));
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(token) = &item.unsafety {
            self.0.push((token.span.start().line, true));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let syn::Safety::Unsafe(token) = &signature.safety {
            self.0.push((token.span.start().line, false));
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        if let Some(token) = &item.unsafety {
            self.0.push((token.span.start().line, true));
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let words = source::flat(call.tokens.clone());
        let lines = words.iter().filter(|(word, _)| word == "unsafe");
        self.0.extend(lines.map(|(_, line)| (*line, true)));
    }
}

/// A `SAFETY:` comment stands between the end of the statement before and the keyword.
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
    fn the_reason_may_stand_above_the_statement() {
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
