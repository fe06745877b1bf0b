//! The bill of materials in CycloneDX: every crate that is compiled into the binary, with its licence
//! and its sum, and the BPF object.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::content::Content;
use crate::command;

/// Makes the bill of the sources in `root`.
///
/// # Errors
/// cargo cannot say what is compiled in.
pub fn sbom(content: &Content, root: &Path) -> Result<Vec<u8>> {
    let mut cargo = command::cargo();
    cargo.current_dir(root);
    cargo.args(["metadata", "--locked", "--format-version=1"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-musl"]);
    let metadata: Value = serde_json::from_str(&command::output(&mut cargo)?)?;
    let lock = String::from_utf8(content.read("Cargo.lock")?)?;
    let sums = checksums(&lock);
    let packages = by_id(metadata.pointer("/packages"));
    let nodes = by_id(metadata.pointer("/resolve/nodes"));
    let own = packages
        .iter()
        .find(|(_, package)| package["name"] == "oomtrace")
        .map(|(id, _)| *id)
        .context("the workspace has no oomtrace")?;
    let mut edges = BTreeMap::new();
    let mut due = vec![own];
    while let Some(id) = due.pop() {
        let needs = normal_dependencies(nodes.get(id).context("a crate that is nowhere")?);
        due.extend(needs.iter().filter(|need| !edges.contains_key(**need)));
        edges.insert(id, needs);
    }
    let reference = |id: &str| packages.get(id).map(|package| url(package));
    let mut components: Vec<Value> = edges
        .keys()
        .filter(|id| **id != own)
        .filter_map(|id| packages.get(*id))
        .map(|package| component(package, &sums))
        .collect();
    let object = content.read("oomtrace/bpf/oomtrace.bpf.o")?;
    components.push(json!({
        "type": "file",
        "bom-ref": "oomtrace.bpf.o",
        "name": "oomtrace.bpf.o",
        "description": "the kernel side, compiled from oomtrace-ebpf",
        "hashes": [{ "alg": "SHA-256", "content": super::sha256(&object) }],
        "licenses": [{ "expression": "MIT OR GPL-2.0-only" }],
    }));
    let dependencies: Vec<Value> = edges
        .iter()
        .map(|(id, needs)| {
            let needs: BTreeSet<_> = needs.iter().filter_map(|need| reference(need)).collect();
            json!({ "ref": reference(id), "dependsOn": needs })
        })
        .collect();
    let main = component(packages.get(own).context("no oomtrace")?, &sums);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "timestamp": super::timestamp(content.epoch)?, "component": main },
        "components": components,
        "dependencies": dependencies,
    });
    let mut text = serde_json::to_vec_pretty(&bill)?;
    text.push(b'\n');
    Ok(text)
}

fn by_id(list: Option<&Value>) -> BTreeMap<&str, &Value> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| Some((item["id"].as_str()?, item)))
        .collect()
}

/// Ids of what is compiled into the same program: neither tests nor build scripts need it alone.
fn normal_dependencies(node: &Value) -> Vec<&str> {
    let is_normal = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let dependencies = node["deps"].as_array().into_iter().flatten();
    dependencies
        .filter(is_normal)
        .filter_map(|dependency| dependency["pkg"].as_str())
        .collect()
}

/// The package URL, which identifies a crate wherever it comes from.
fn url(package: &Value) -> String {
    let part = |key: &str| package[key].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", part("name"), part("version"))
}

fn component(package: &Value, sums: &BTreeMap<(&str, &str), &str>) -> Value {
    let part = |key: &str| package[key].as_str().unwrap_or_default();
    let is_own = package["source"].is_null();
    let mut component = json!({
        "type": if part("name") == "oomtrace" { "application" } else { "library" },
        "bom-ref": url(package),
        "name": part("name"),
        "version": part("version"),
        "purl": url(package),
        // Some old manifests separate licences by a slash.
        "licenses": [{ "expression": part("license").replace('/', " OR ") }],
    });
    let sum = sums.get(&(part("name"), part("version")));
    if let (Some(object), Some(sum), false) = (component.as_object_mut(), sum, is_own) {
        let hashes = json!([{ "alg": "SHA-256", "content": sum }]);
        object.insert("hashes".to_owned(), hashes);
    }
    component
}

/// The sums of a lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    lock.split("[[package]]")
        .filter_map(|block| {
            let value = |key: &str| {
                let mut lines = block.lines();
                lines.find_map(|line| {
                    line.strip_prefix(key)?
                        .strip_prefix(" = \"")?
                        .strip_suffix('"')
                })
            };
            Some(((value("name")?, value("version")?), value("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_bill_names_what_is_compiled_in() {
        let content = Content::without_program(workspace::root().to_owned());
        let bill = sbom(&content, workspace::root()).unwrap();
        let bill: Value = serde_json::from_slice(&bill).unwrap();
        let components = bill["components"].as_array().unwrap();
        let named = |name: &str| {
            components
                .iter()
                .find(|component| component["name"] == name)
        };
        let aya = named("aya").unwrap();
        assert_eq!(aya["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(aya["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(named("oomtrace-common").is_some());
        assert!(named("oomtrace.bpf.o").is_some());
        // Of the tests and of build scripts alone.
        assert!(named("proptest").is_none() && named("jsonschema").is_none());
    }
}
