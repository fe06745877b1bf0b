//! Numbers of the contract are used once: record kinds, and the bits of each mask.

use std::collections::BTreeMap;

use super::{File, Tree, Violation};

const CONTRACT: &str = "oomtrace-common/src/record.rs";

/// Its parts, which hold masks of their own.
const PARTS: &str = "oomtrace-common/src/record/";

/// Numbers that two names share.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let Some(file) = tree.file(CONTRACT) else {
        return vec![Violation::of_path(CONTRACT, "is missing")];
    };
    let mut violations = Vec::new();
    let kinds = constants(file)
        .iter()
        .filter(|constant| constant.name.starts_with("KIND_"))
        .count();
    if kinds == 0 {
        violations.push(Violation::new(
            file,
            0,
            "holds no `KIND_` constant: has the rule gone blind?",
        ));
    }
    let parts = tree.rust().filter(|part| part.path.starts_with(PARTS));
    let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for file in std::iter::once(file).chain(parts) {
        for constant in constants(file) {
            if let Some(first) = seen.insert((constant.group, constant.value), constant.name) {
                violations.push(Violation::new(
                    file,
                    constant.line,
                    format!("`{}` and `{first}` have the same value", constant.name),
                ));
            }
        }
    }
    violations
}

struct Constant<'a> {
    /// Names in one group must differ: `KIND`, or the module of a mask.
    group: &'a str,
    name: &'a str,
    value: String,
    line: usize,
}

/// The record kinds and, module by module, the bits.
fn constants(file: &File) -> Vec<Constant<'_>> {
    let code = crate::lexer::code(&file.tokens());
    let mut found = Vec::new();
    let mut module = "";
    for (at, token) in code.iter().enumerate() {
        let Some(name) = code.get(at + 1) else { break };
        if token.is("mod") {
            module = name.text;
        }
        if !token.is("const") {
            continue;
        }
        let value: String = code
            .iter()
            .skip_while(|token| token.line < name.line)
            .skip_while(|token| token.text != name.text)
            .skip_while(|token| !token.is("="))
            .skip(1)
            .take_while(|token| !token.is(";"))
            .map(|token| token.text)
            .collect();
        let group = if name.text.starts_with("KIND_") {
            "KIND"
        } else {
            module
        };
        if group == "KIND" || value.contains("<<") {
            found.push(Constant {
                group,
                name: name.text,
                value,
                line: token.line,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: &str) -> usize {
        check(&Tree::of(&[(CONTRACT, source)])).len()
    }

    #[test]
    fn a_kind_used_twice_is_refused() {
        assert_eq!(
            count("pub const KIND_A: u16 = 1; pub const KIND_B: u16 = 2;"),
            0
        );
        assert_eq!(
            count("pub const KIND_A: u16 = 1;\npub const KIND_B: u16 = 1;"),
            1
        );
    }

    #[test]
    fn a_bit_used_twice_in_one_mask_is_refused() {
        let masks = |b: &str| {
            format!(
                "const KIND_A: u16 = 1; mod m {{ const A: u32 = 1 << 0; const B: u32 = {b}; }}
                 mod n {{ const C: u32 = 1 << 0; }}"
            )
        };
        assert_eq!(count(&masks("1 << 1")), 0);
        assert_eq!(count(&masks("1 << 0")), 1);
    }

    #[test]
    fn an_empty_or_missing_contract_is_refused() {
        assert_eq!(count("//! Nothing."), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
