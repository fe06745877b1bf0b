//! The trees of modules that the crates' roots span: every source is in one, and the files of a
//! module do not import each other in circles.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;

use super::source::{self, Path};
use super::{File, Tree, Violation};

/// Files that import each other in a circle are refused below these folders.
const ACYCLIC: &[&str] = &[
    "oomtrace-common/src/",
    "oomtrace-ebpf/src/collect/",
    "oomtrace/src/answer/",
    "oomtrace/src/assemble/",
    "oomtrace/src/btf/",
    "oomtrace/src/cgroup/",
    "oomtrace/src/cli/",
    "oomtrace/src/config/",
    "oomtrace/src/daemon/",
    "oomtrace/src/decode/",
    "oomtrace/src/diagnose/",
    "oomtrace/src/enrich/",
    "oomtrace/src/history/",
    "oomtrace/src/kernel/",
    "oomtrace/src/klog/",
    "oomtrace/src/loader/",
    "oomtrace/src/model/",
    "oomtrace/src/metrics/",
    "oomtrace/src/pipeline/",
    "oomtrace/src/process/",
    "oomtrace/src/recording/",
    "oomtrace/src/redact/",
    "oomtrace/src/render/",
    "oomtrace/src/sink/",
    "oomtrace/src/sinks/",
    "oomtrace/src/store/",
    "oomtrace/src/words/",
];

/// Sources that no crate root reaches: the compiler never sees them.
pub fn reachable(tree: &Tree) -> Vec<Violation> {
    let mut reached = BTreeSet::new();
    for root in roots(tree) {
        reached.extend(Crate::read(tree, &root).files.into_keys());
    }
    tree.rust()
        .filter(|file| !reached.contains(&file.path))
        .map(|file| Violation::new(file, 0, "no crate root reaches it: declare or delete it"))
        .collect()
}

/// Circles of imports between files of the folders in [`ACYCLIC`].
///
/// A re-export is no import: a `mod.rs` may show what its files make and still be used by them.
pub fn acyclic(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for root in roots(tree) {
        let krate = Crate::read(tree, &root);
        let imports = krate.imports(tree);
        for folder in ACYCLIC {
            let inside: BTreeMap<&str, Vec<&str>> = imports
                .iter()
                .filter(|(file, _)| file.starts_with(folder))
                .map(|(file, targets)| {
                    let targets = targets.iter().map(String::as_str);
                    (
                        file.as_str(),
                        targets
                            .filter(|target| target.starts_with(folder))
                            .collect(),
                    )
                })
                .collect();
            if let Some(circle) = circle(&inside) {
                let names: Vec<&str> = circle
                    .iter()
                    .map(|file| file.strip_prefix(folder).unwrap_or(file))
                    .collect();
                violations.push(Violation::of_path(
                    folder,
                    format!("files import each other in a circle: {}", names.join(" → ")),
                ));
            }
        }
    }
    violations
}

/// Roots of crates, as cargo finds them beside each manifest.
fn roots(tree: &Tree) -> Vec<String> {
    let mut roots = Vec::new();
    let manifests = tree.files.iter().filter_map(|file| {
        let folder = file.path.strip_suffix("Cargo.toml")?;
        Some((folder, file.text.as_str()))
    });
    for (folder, manifest) in manifests {
        for file in tree.rust() {
            let Some(below) = file.path.strip_prefix(folder) else {
                continue;
            };
            let parts: Vec<&str> = below.split('/').collect();
            let is_root = match parts.as_slice() {
                ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
                ["tests" | "examples" | "benches", _] | ["src", "bin", _] => true,
                ["tests" | "examples" | "benches", _, "main.rs"] => true,
                ["src", "bin", _, "main.rs"] => true,
                _ => manifest.contains(&format!("path = \"{below}\"")),
            };
            if is_root {
                roots.push(file.path.clone());
            }
        }
    }
    roots
}

/// A module as a path from the crate's root; the root itself is empty.
type Module = Vec<String>;

/// One crate: its files, each with the module it holds.
#[derive(Default)]
struct Crate {
    files: BTreeMap<String, Module>,
    by_module: BTreeMap<Module, String>,
    tests: BTreeSet<String>,
    /// What a module re-exports: its name there, and the path behind it.
    reexports: BTreeMap<(Module, String), Vec<String>>,
}

impl Crate {
    fn read(tree: &Tree, root: &str) -> Self {
        let mut krate = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        krate.add(tree, root, folder, Vec::new(), false);
        krate
    }

    fn add(&mut self, tree: &Tree, path: &str, children: &str, module: Module, in_test: bool) {
        let Some(file) = tree.file(path) else { return };
        if self.files.insert(path.to_owned(), module.clone()).is_some() {
            return;
        }
        self.by_module.insert(module.clone(), path.to_owned());
        if in_test || file.is_test {
            self.tests.insert(path.to_owned());
        }
        let Some(ast) = file.ast() else { return };
        for reexport in source::product_paths(ast)
            .into_iter()
            .filter(|p| p.is_reexport)
        {
            self.reexports
                .insert((module.clone(), reexport.name), reexport.words);
        }
        self.declared(tree, path, &ast.items, children, &module, in_test);
    }

    fn declared(
        &mut self,
        tree: &Tree,
        path: &str,
        items: &[Item],
        children: &str,
        module: &[String],
        in_test: bool,
    ) {
        for item in items {
            let Item::Mod(child) = item else { continue };
            let name = child.ident.to_string();
            let mut inner = module.to_vec();
            inner.push(name.clone());
            let in_test = in_test || source::is_test(&child.attrs);
            let below = format!("{children}/{name}");
            if let Some((_, items)) = &child.content {
                self.declared(tree, path, items, &below, &inner, in_test);
            } else if let Some(given) = given_path(&child.attrs) {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let at = format!("{folder}/{given}");
                let folder = at
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder)
                    .to_owned();
                self.add(tree, &at, &folder, inner, in_test);
            } else {
                for at in [format!("{below}.rs"), format!("{below}/mod.rs")] {
                    self.add(tree, &at, &below, inner.clone(), in_test);
                }
            }
        }
    }

    /// Each file of the product with the other files whose items it imports or names.
    fn imports(&self, tree: &Tree) -> BTreeMap<String, BTreeSet<String>> {
        let mut imports = BTreeMap::new();
        for (path, module) in &self.files {
            let ast = tree.file(path).and_then(File::ast);
            let Some(ast) = ast.filter(|_| !self.tests.contains(path)) else {
                continue;
            };
            let targets: BTreeSet<String> = source::product_paths(ast)
                .iter()
                .filter(|used| !used.is_reexport)
                .filter_map(|used: &Path| self.resolve(module, &used.words, 8))
                .filter(|target| target != path)
                .collect();
            imports.insert(path.clone(), targets);
        }
        imports
    }

    /// The file that holds what `words` name, seen from `module`.
    fn resolve(&self, module: &[String], words: &[String], depth: usize) -> Option<String> {
        let mut at = module.to_vec();
        let mut rest = words;
        let first = rest.first()?;
        match first.as_str() {
            "crate" => {
                at.clear();
                rest = rest.get(1..)?;
            }
            "self" => rest = rest.get(1..)?,
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    at.pop()?;
                    rest = rest.get(1..)?;
                }
            }
            child => {
                let mut below = at.clone();
                below.push(child.to_owned());
                let known = self.by_module.contains_key(&below)
                    || self.reexports.contains_key(&(at.clone(), child.to_owned()));
                known.then_some(())?;
            }
        }
        while let Some((word, tail)) = rest.split_first() {
            let mut below = at.clone();
            below.push(word.clone());
            if self.by_module.contains_key(&below) {
                at = below;
                rest = tail;
                continue;
            }
            let behind = self.reexports.get(&(at.clone(), word.clone()));
            if let (Some(behind), Some(depth)) = (behind, depth.checked_sub(1)) {
                return self.resolve(&at, behind, depth);
            }
            break;
        }
        self.by_module.get(&at).cloned()
    }
}

/// The file that `#[path = "…"]` names.
fn given_path(attributes: &[syn::Attribute]) -> Option<String> {
    let meta = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("path"))?
        .meta
        .require_name_value()
        .ok()?;
    match &meta.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// The first circle that a depth-first walk meets, closed by its first file.
fn circle<'a>(imports: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        at: &'a str,
        imports: &BTreeMap<&'a str, Vec<&'a str>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(start) = way.iter().position(|file| *file == at) {
            let mut circle = way.get(start..).unwrap_or_default().to_vec();
            circle.push(at);
            return Some(circle);
        }
        if !done.insert(at) {
            return None;
        }
        way.push(at);
        let found = imports
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| walk(next, imports, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|file| walk(file, imports, &mut Vec::new(), &mut done))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = ("oomtrace/Cargo.toml", "[[bin]]\npath = \"odd/x.rs\"");

    fn unreached(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![MANIFEST];
        all.extend(files);
        reachable(&Tree::of(&all))
            .into_iter()
            .map(|violation| violation.path)
            .collect()
    }

    #[test]
    fn a_source_in_no_module_tree_is_refused() {
        let files = [
            (
                "oomtrace/src/lib.rs",
                "mod a; mod b { mod c; } #[path = \"e/f.rs\"] mod d;",
            ),
            ("oomtrace/src/a/mod.rs", "#[cfg(test)] mod tests;"),
            ("oomtrace/src/a/tests.rs", ""),
            ("oomtrace/src/b/c.rs", ""),
            ("oomtrace/src/e/f.rs", ""),
            ("oomtrace/odd/x.rs", ""),
            ("oomtrace/tests/live/main.rs", "mod storm;"),
            ("oomtrace/tests/live/storm.rs", ""),
        ];
        assert_eq!(unreached(&files), [""; 0]);
        let mut dead = files.to_vec();
        dead.push(("oomtrace/src/a/dead.rs", ""));
        assert_eq!(unreached(&dead), ["oomtrace/src/a/dead.rs"]);
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![MANIFEST, ("oomtrace/src/lib.rs", "mod klog;")];
        all.extend(files);
        acyclic(&Tree::of(&all))
            .into_iter()
            .map(|violation| violation.what)
            .collect()
    }

    #[test]
    fn files_that_import_each_other_are_refused() {
        let found = circles(&[
            ("oomtrace/src/klog/mod.rs", "mod a; mod b; mod c;"),
            ("oomtrace/src/klog/a.rs", "use super::b::X;"),
            ("oomtrace/src/klog/b.rs", "fn f() { crate::klog::c::f() }"),
            ("oomtrace/src/klog/c.rs", "use super::a;"),
        ]);
        assert_eq!(found.len(), 1);
        assert!(
            found.concat().ends_with("a.rs → b.rs → c.rs → a.rs"),
            "{found:?}"
        );
    }

    #[test]
    fn a_parent_that_uses_its_user_is_a_circle() {
        let found = circles(&[
            ("oomtrace/src/klog/mod.rs", "mod a; fn f() { a::f() }"),
            ("oomtrace/src/klog/a.rs", "use super::Error;"),
        ]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn reexports_and_tests_make_no_circle() {
        let found = circles(&[
            (
                "oomtrace/src/klog/mod.rs",
                "mod a; mod b; pub use a::X; #[cfg(test)] use b::Y;",
            ),
            (
                "oomtrace/src/klog/a.rs",
                "pub struct X; #[cfg(test)] mod t { use super::super::b; }",
            ),
            ("oomtrace/src/klog/b.rs", "use super::X;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
