//! Rules on single files: how long one may be, that it says what it is for, how it imports.
//!
//! Output macros, `todo!` and their like are clippy's to refuse (`Cargo.toml`); that no test is ignored
//! is checked where tests are counted (`xtask/src/steps.rs`).

use syn::UseTree;
use syn::visit::Visit;

use super::{Tree, Violation};

/// Longest Rust file, in lines.
const LINES_MAX: usize = 400;

/// Longest name of a function, in bytes.
const NAME_BYTES_MAX: usize = 50;

/// Files that have grown past one purpose.
pub fn length(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .map(|file| (file, file.text.lines().count()))
        .filter(|&(_, lines)| lines > LINES_MAX)
        .map(|(file, lines)| {
            let what = format!("{lines} lines; split it (limit {LINES_MAX})");
            Violation::new(file, 0, what)
        })
        .collect()
}

/// Files that do not say what they are for. One named `tests.rs` says it by its name.
pub fn module_docs(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|file| !file.path.ends_with("/tests.rs") && !file.text.starts_with("//!"))
        .map(|file| Violation::new(file, 1, "its first line is no `//!` saying what it is for"))
        .collect()
}

/// Imports that are trees: one `use` names items of one module.
pub fn imports(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let Some(ast) = file.ast() else { continue };
        let mut trees = Trees(Vec::new());
        trees.visit_file(ast);
        for line in trees.0 {
            let what = "a tree of imports: write one `use` for each module";
            violations.push(Violation::new(file, line, what));
        }
    }
    violations
}

/// Lines of groups that hold more than names.
struct Trees(Vec<usize>);

impl<'ast> Visit<'ast> for Trees {
    fn visit_use_group(&mut self, group: &'ast syn::UseGroup) {
        let is_tree = |item: &UseTree| matches!(item, UseTree::Path(_) | UseTree::Group(_));
        if group.items.iter().any(is_tree) {
            self.0.push(group.brace_token.span.open().start().line);
        }
    }
}

/// Names of functions, tests among them, that are too long to be read at a glance.
pub fn function_names(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let Some(ast) = file.ast() else { continue };
        let mut names = LongNames(Vec::new());
        names.visit_file(ast);
        for (line, name) in names.0 {
            let what = format!("`{name}` is longer than {NAME_BYTES_MAX} characters");
            violations.push(Violation::new(file, line, what));
        }
    }
    violations
}

/// Functions with long names, and where they are.
struct LongNames(Vec<(usize, String)>);

impl<'ast> Visit<'ast> for LongNames {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let name = signature.ident.to_string();
        if name.len() > NAME_BYTES_MAX {
            self.0.push((signature.ident.span().start().line, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(source: &str) -> Tree {
        Tree::of(&[("oomtrace/src/cli/mod.rs", source)])
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
    fn trees_of_imports_are_refused() {
        assert_eq!(
            imports(&tree("use a::{b, c as d}; use e::*; use f;")).len(),
            0
        );
        assert_eq!(imports(&tree("use a::{b, c::d};")).len(), 1);
        assert_eq!(imports(&tree("fn f() { use a::{b::{c, d}}; }")).len(), 1);
    }

    #[test]
    fn a_long_function_name_is_refused() {
        let long = "x".repeat(NAME_BYTES_MAX);
        let source = |name: &str| format!("mod m {{ struct S; impl S {{ fn {name}() {{}} }} }}");
        assert_eq!(function_names(&tree(&source(&long))).len(), 0);
        assert_eq!(function_names(&tree(&source(&format!("{long}x")))).len(), 1);
    }
}
