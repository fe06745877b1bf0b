//! Nothing compares kernel versions: stable kernels and vendors carry changes back, so only the
//! running kernel can say what it has.

use crate::lexer::{Kind, Token};

use super::{Tree, Violation};

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
    let product = |path: &str| {
        ["oomtrace/", "oomtrace-ebpf/"]
            .iter()
            .any(|p| path.starts_with(p))
    };
    for file in tree.rust().filter(|file| product(&file.path)) {
        let code = file.product_code();
        for (at, token) in code.iter().enumerate() {
            let named = token.kind == Kind::Word && NAMES.contains(&token.text);
            if named || (token.text == "release" && is_compared(&code, at)) {
                violations.push(Violation::new(
                    file,
                    token.line,
                    "kernel versions are never compared: ask for the thing itself (BTF, tracefs)",
                ));
            }
        }
    }
    violations
}

/// `release`, perhaps called and borrowed, is followed by a comparison.
fn is_compared(code: &[Token<'_>], at: usize) -> bool {
    let mut rest = code.iter().skip(at + 1).filter(|token| {
        !token.is("(") && !token.is(")") && !token.is(".") && !is_conversion(token)
    });
    rest.next()
        .is_some_and(|token| TAKES_APART.contains(&token.text) || token.is("<") || token.is(">"))
}

fn is_conversion(token: &Token<'_>) -> bool {
    [
        "as_str",
        "as_bytes",
        "as_ref",
        "to_str",
        "to_string_lossy",
        "trim",
    ]
    .contains(&token.text)
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
