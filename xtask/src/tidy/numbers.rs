//! Numbers of the contract are used once: record kinds, and the bits of each mask.

use std::collections::BTreeMap;

use quote::ToTokens as _;
use syn::Item;

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
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for file in std::iter::once(file).chain(parts) {
        for constant in constants(file) {
            let name = constant.name.clone();
            if let Some(first) = seen.insert((constant.group, constant.value), constant.name) {
                let what = format!("`{name}` and `{first}` have the same value");
                violations.push(Violation::new(file, constant.line, what));
            }
        }
    }
    violations
}

struct Constant {
    /// Names in one group must differ: `KIND`, or the module of a mask.
    group: String,
    name: String,
    value: String,
    line: usize,
}

/// The record kinds and, module by module, the bits.
fn constants(file: &File) -> Vec<Constant> {
    fn collect(items: &[Item], module: &str, found: &mut Vec<Constant>) {
        for item in items {
            match item {
                Item::Mod(inner) => {
                    let items = inner.content.as_ref().map(|(_, items)| items.as_slice());
                    collect(items.unwrap_or_default(), &inner.ident.to_string(), found);
                }
                Item::Const(constant) => {
                    let name = constant.ident.to_string();
                    let value = constant.expr.to_token_stream().to_string();
                    let group = if name.starts_with("KIND_") {
                        "KIND"
                    } else {
                        module
                    };
                    if group == "KIND" || value.contains("<<") {
                        found.push(Constant {
                            group: group.to_owned(),
                            name,
                            value,
                            line: constant.ident.span().start().line,
                        });
                    }
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(file.ast().map_or(&[], |ast| &ast.items), "", &mut found);
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
