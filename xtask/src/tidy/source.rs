//! A Rust source as a syntax tree: the paths it names, its functions and its constants.

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemUse, Token, UseTree, Visibility};

/// One path (`a::b::c`) that a source names; a `use` tree gives one for each leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Its segments; `self` at the end of a `use` group is left out.
    pub words: Vec<String>,
    /// The name that a `use` gives it here; the last segment, unless it is renamed.
    pub name: String,
    /// Line of its first segment, from 1.
    pub line: usize,
    /// Named by a `use` with a visibility: a re-export.
    pub is_reexport: bool,
}

/// The paths in code that is compiled into the product: nothing under `#[cfg(test)]` or `#[test]`.
pub fn product_paths(file: &syn::File) -> Vec<Path> {
    let mut paths = Paths(Vec::new());
    paths.visit_file(file);
    paths.0
}

/// The attributes make the item test code.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|condition| condition.is_ident("test")))
    })
}

/// Attributes of an item, whatever its kind.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Expressions that a macro is called with, where its arguments are expressions.
pub fn macro_arguments(call: &syn::Macro) -> Vec<Expr> {
    call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)
        .map(|arguments| arguments.into_iter().collect())
        .unwrap_or_default()
}

/// Names of all functions, test code and those inside macros (property tests) included.
pub fn functions(file: &syn::File) -> Vec<String> {
    struct Functions(Vec<String>);
    impl<'ast> Visit<'ast> for Functions {
        fn visit_signature(&mut self, signature: &'ast syn::Signature) {
            self.0.push(signature.ident.to_string());
        }
        fn visit_macro(&mut self, call: &'ast syn::Macro) {
            let words = flat(call.tokens.clone());
            let pairs = words.iter().zip(words.iter().skip(1));
            self.0.extend(
                pairs
                    .filter(|((word, _), _)| word == "fn")
                    .map(|(_, (name, _))| name.clone()),
            );
        }
    }
    let mut functions = Functions(Vec::new());
    functions.visit_file(file);
    functions.0
}

/// Every token of a stream as text, with its line; delimiters are left out.
pub fn flat(stream: TokenStream) -> Vec<(String, usize)> {
    let mut words = Vec::new();
    for tree in stream {
        match tree {
            TokenTree::Group(group) => words.extend(flat(group.stream())),
            other => words.push((other.to_string(), other.span().start().line)),
        }
    }
    words
}

struct Paths(Vec<Path>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        leaves(&item.tree, &mut Vec::new(), is_reexport, &mut self.0);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(super)` imports nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.push(words, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        let arguments = macro_arguments(call);
        if arguments.is_empty() {
            self.visit_tokens(call.tokens.clone());
        }
        for argument in &arguments {
            self.visit_expr(argument);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // What a derive or an attribute macro is given is named as well; a condition names nothing.
        if let syn::Meta::List(list) = &attribute.meta
            && !list.path.is_ident("cfg")
        {
            self.visit_tokens(list.tokens.clone());
        }
    }
}

impl Paths {
    fn push(&mut self, words: Vec<String>, line: usize) {
        let name = words.last().cloned().unwrap_or_default();
        self.0.push(Path {
            words,
            name,
            line,
            is_reexport: false,
        });
    }

    /// Paths in tokens of no known grammar: words joined by `::`.
    fn visit_tokens(&mut self, stream: TokenStream) {
        let words = flat(stream);
        let mut rest = words.as_slice();
        while let Some(((first, line), tail)) = rest.split_first() {
            rest = tail;
            if !starts_word(first) {
                continue;
            }
            let mut path = vec![first.clone()];
            while let [(a, _), (b, _), (word, _), tail @ ..] = rest {
                if a != ":" || b != ":" || !starts_word(word) {
                    break;
                }
                path.push(word.clone());
                rest = tail;
            }
            self.push(path, *line);
        }
    }
}

fn starts_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

fn leaves(tree: &UseTree, prefix: &mut Vec<String>, is_reexport: bool, found: &mut Vec<Path>) {
    let mut leaf = |words: Vec<String>, name: String, line: usize| {
        found.push(Path {
            words,
            name,
            line,
            is_reexport,
        });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            leaves(&path.tree, prefix, is_reexport, found);
            prefix.pop();
        }
        UseTree::Group(group) => {
            for item in &group.items {
                leaves(item, prefix, is_reexport, found);
            }
        }
        UseTree::Name(name) if name.ident == "self" && !prefix.is_empty() => {
            let last = prefix.last().cloned().unwrap_or_default();
            leaf(prefix.clone(), last, name.span().start().line);
        }
        UseTree::Name(name) => {
            let words = with(prefix, &name.ident);
            leaf(words, name.ident.to_string(), name.span().start().line);
        }
        UseTree::Rename(rename) => {
            let words = with(prefix, &rename.ident);
            leaf(words, rename.rename.to_string(), rename.span().start().line);
        }
        UseTree::Glob(glob) => leaf(prefix.clone(), "*".to_owned(), glob.span().start().line),
    }
}

fn with(prefix: &[String], last: &syn::Ident) -> Vec<String> {
    let mut words = prefix.to_vec();
    words.push(last.to_string());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str) -> Vec<String> {
        product_paths(&syn::parse_file(source).unwrap())
            .iter()
            .map(|path| path.words.join("::"))
            .collect()
    }

    #[test]
    fn use_trees_give_one_path_per_leaf() {
        assert_eq!(
            named("use a::{self, b::{c, d as e}, f::*}; use ::g; use self::h;"),
            ["a", "a::b::c", "a::b::d", "a::f", "g", "self::h"]
        );
    }

    #[test]
    fn paths_in_macros_and_derives_are_found() {
        assert_eq!(
            named("#[derive(s::Ser)] struct S; fn f() -> a::B { m!(c::d(), e); x.y.z() }"),
            ["s::Ser", "a::B", "m", "c::d", "e", "x"]
        );
        assert_eq!(named("m! { a => b::c; }"), ["m", "a", "b::c"]);
    }

    #[test]
    fn test_code_is_left_out() {
        let source = "#[cfg(test)] mod tests { use a::b; } #[test] fn f() { c() }
            #[cfg(not(test))] fn g() { d() } impl X { #[cfg(test)] fn h() { e() } }";
        assert_eq!(named(source), ["d", "X"]);
    }

    #[test]
    fn functions_in_macros_count() {
        let file = syn::parse_file("fn a() {} proptest! { fn b(x in y) {} }").unwrap();
        assert_eq!(functions(&file), ["a", "b"]);
    }
}
