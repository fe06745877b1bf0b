//! The paths (`a::b::c`) that a source names, with `use` trees taken apart.

use crate::lexer::{Kind, Token};

/// One path and the line it is named on.
#[derive(Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// Its words, `self` in a `use` group left out.
    pub words: Vec<&'a str>,
    /// Line of its first word.
    pub line: usize,
}

/// All paths in `code` (tokens without comments), single words included.
pub fn paths<'a>(code: &[Token<'a>]) -> Vec<Path<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = code.get(at) {
        if token.is("use") && !after_dot(code, at) {
            at = tree(code, at + 1, &[], &mut found);
        } else if token.kind == Kind::Word && !after_dot(code, at) {
            let (words, next) = run(code, at);
            found.push(Path {
                words,
                line: token.line,
            });
            at = next.max(at + 1);
        } else {
            at += 1;
        }
    }
    found
}

/// A field or method name is no path.
fn after_dot(code: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| code.get(before))
        .is_some_and(|token| token.is("."))
}

/// Words joined by `::` from `at`, and where they end (after a trailing `::`, if there is one).
fn run<'a>(code: &[Token<'a>], mut at: usize) -> (Vec<&'a str>, usize) {
    let mut words = Vec::new();
    while let Some(token) = code.get(at).filter(|token| token.kind == Kind::Word) {
        words.push(token.text);
        at += 1;
        if !code.get(at).is_some_and(|token| token.is("::")) {
            break;
        }
        at += 1;
    }
    (words, at)
}

/// One branch of a `use` tree; returns where it ends.
fn tree<'a>(
    code: &[Token<'a>],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<Path<'a>>,
) -> usize {
    let line = code.get(at).map_or(0, |token| token.line);
    if code.get(at).is_some_and(|token| token.is("::")) {
        at += 1;
    }
    let (words, mut at) = run(code, at);
    let mut whole = prefix.to_vec();
    whole.extend(words.iter().filter(|word| **word != "self"));
    if words.first() == Some(&"self") && prefix.is_empty() {
        whole.insert(0, "self");
    }
    if !code.get(at).is_some_and(|token| token.is("{")) {
        found.push(Path { words: whole, line });
        // `as name` and `*` carry no path.
        while code
            .get(at)
            .is_some_and(|t| !t.is(",") && !t.is("}") && !t.is(";"))
        {
            at += 1;
        }
        return at;
    }
    at += 1;
    while let Some(token) = code.get(at) {
        if token.is("}") {
            return at + 1;
        }
        at = if token.is(",") {
            at + 1
        } else {
            tree(code, at, &whole, found)
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::{code, lex};

    fn named(source: &str) -> Vec<String> {
        paths(&code(&lex(source)))
            .iter()
            .map(|path| path.words.join("::"))
            .collect()
    }

    #[test]
    fn use_trees_are_taken_apart() {
        assert_eq!(
            named("use a::{self, b::{c, d as e}, f::*}; use ::g; use self::h;"),
            ["a", "a::b::c", "a::b::d", "a::f", "g", "self::h"]
        );
    }

    #[test]
    fn paths_in_code_are_found_and_fields_are_not() {
        assert_eq!(
            named("fn f() -> a::B { x.y.z(); c::d::<e::F>() }"),
            ["fn", "f", "a::B", "x", "c::d", "e::F"]
        );
    }

    #[test]
    fn unfinished_sources_end() {
        assert_eq!(named("use a::{b, c"), ["a::b", "a::c"]);
        assert_eq!(named("use"), [""]);
    }
}
