//! Nothing compares kernel versions: stable kernels and vendors carry changes back, so only the
//! running kernel can say what it has.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Item, Member};

use super::{Tree, Violation, source};

/// Names that exist only to compare versions.
const NAMES: &[&str] = &[
    "KernelVersion",
    "kernel_version",
    "LINUX_VERSION_CODE",
    "KERNEL_VERSION",
];

/// What takes a release string apart.
const TAKES_APART: &[&str] = &[
    "split",
    "splitn",
    "split_once",
    "rsplit_once",
    "starts_with",
    "strip_prefix",
    "parse",
    "cmp",
    "partial_cmp",
    "lt",
    "gt",
    "le",
    "ge",
];

/// Every comparison, or taking apart, of a kernel release outside of tests.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let is_product =
        |path: &str| path.starts_with("oomtrace/") || path.starts_with("oomtrace-ebpf/");
    for file in tree
        .rust()
        .filter(|file| is_product(&file.path) && !file.is_test)
    {
        let Some(ast) = file.ast() else { continue };
        let mut uses = Uses(Vec::new());
        uses.visit_file(ast);
        for line in uses.0 {
            let what =
                "kernel versions are never compared: ask for the thing itself (BTF, tracefs)";
            violations.push(Violation::new(file, line, what));
        }
    }
    violations
}

/// Lines that compare or take apart a release.
struct Uses(Vec<usize>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_item(&mut self, item: &'ast Item) {
        if !source::is_test(source::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        if NAMES.iter().any(|name| ident == name) {
            self.0.push(ident.span().start().line);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let compares = matches!(
            binary.op,
            BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
        );
        if compares && (is_release(&binary.left) || is_release(&binary.right)) {
            self.0.push(binary.span().start().line);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if TAKES_APART.iter().any(|name| call.method == name) && is_release(&call.receiver) {
            self.0.push(call.method.span().start().line);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        for argument in &source::macro_arguments(call) {
            self.visit_expr(argument);
        }
    }
}

/// The expression is a `release`, perhaps called, borrowed or converted.
fn is_release(expression: &Expr) -> bool {
    match expression {
        Expr::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|s| s.ident == "release"),
        Expr::Field(field) => matches!(&field.member, Member::Named(name) if name == "release"),
        Expr::MethodCall(call) => call.method == "release" || is_release(&call.receiver),
        Expr::Reference(reference) => is_release(&reference.expr),
        Expr::Paren(paren) => is_release(&paren.expr),
        Expr::Try(fallible) => is_release(&fallible.expr),
        Expr::Unary(unary) => is_release(&unary.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: &str) -> usize {
        check(&Tree::of(&[("oomtrace/src/kernel/facts.rs", source)])).len()
    }

    #[test]
    fn comparisons_are_refused() {
        assert_eq!(count("fn f() { if kernel.release < other {} }"), 1);
        assert_eq!(count("fn f() { uname().release().as_str().split('.') }"), 1);
        assert_eq!(count("fn f() { release.starts_with(\"5.\") }"), 1);
        assert_eq!(count("use aya::util::KernelVersion;"), 1);
    }

    #[test]
    fn showing_a_version_is_fine() {
        assert_eq!(
            count("fn f() { info.release = release; write(out, release) }"),
            0
        );
        assert_eq!(
            count("/// `release < 6`\nfn f() { let release: String = x; }"),
            0
        );
        assert_eq!(
            count("#[cfg(test)] mod tests { fn f() { release.parse() } }"),
            0
        );
    }
}
