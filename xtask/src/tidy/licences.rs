//! Every dependency has a licence that goes with ours and comes from a registry or this tree.
//!
//! The list is that of `deny.toml`, which `cargo deny` reads too; this check needs nothing installed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;
use spdx::Expression;
use spdx::ParseMode;

use super::{Tree, Violation};
use crate::workspace;

/// Checks the workspace and the two crates outside of it.
///
/// # Errors
/// Cargo cannot list the dependencies.
pub fn check(tree: &Tree) -> Result<Vec<Violation>> {
    let allowed = allowed(tree)?;
    let mut violations = Vec::new();
    for manifest in ["Cargo.toml", "oomtrace-ebpf/Cargo.toml", "fuzz/Cargo.toml"] {
        if tree.file(manifest).is_some() {
            let listing = metadata(&workspace::root().join(manifest))?;
            violations.extend(judge(manifest, &listing, &allowed)?);
        }
    }
    Ok(violations)
}

fn metadata(manifest: &Path) -> Result<Value> {
    let done = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .context("running cargo metadata")?;
    anyhow::ensure!(
        done.status.success(),
        "cargo metadata for {}: {}",
        manifest.display(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    serde_json::from_slice(&done.stdout).context("reading what cargo metadata wrote")
}

/// The licences that `deny.toml` allows.
fn allowed(tree: &Tree) -> Result<Vec<&str>> {
    let deny = tree.file("deny.toml").context("deny.toml is missing")?;
    let listed: Vec<&str> = deny
        .text
        .lines()
        .skip_while(|line| !line.starts_with("allow = ["))
        .take_while(|line| !line.starts_with(']'))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    anyhow::ensure!(!listed.is_empty(), "deny.toml allows no licence");
    Ok(listed)
}

fn judge(manifest: &str, metadata: &Value, allowed: &[&str]) -> Result<Vec<Violation>> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .filter(|packages| !packages.is_empty())
        .context("cargo metadata lists no packages")?;
    let mut violations = Vec::new();
    for package in packages {
        let text = |key| package.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or("?");
        // Our own, whose licences are in LICENSE.md.
        if text("source").is_none() && name_is_ours(name) {
            continue;
        }
        match text("license") {
            None => violations.push(Violation::of_path(
                manifest,
                format!("{name} names no licence"),
            )),
            Some(licence) if !acceptable(licence, allowed) => violations.push(Violation::of_path(
                manifest,
                format!("{name} is under {licence}, which is not on the list"),
            )),
            Some(_) => {}
        }
        if text("source").is_some_and(|source| !source.starts_with("registry+")) {
            violations.push(Violation::of_path(
                manifest,
                format!("{name} comes from no registry"),
            ));
        }
    }
    Ok(violations)
}

fn name_is_ours(name: &str) -> bool {
    name == "xtask" || name == "oomtrace" || name.starts_with("oomtrace-")
}

/// An SPDX expression that allowed licences can satisfy. Older crates write `/` for `OR`.
fn acceptable(expression: &str, allowed: &[&str]) -> bool {
    let parsed = Expression::parse_mode(expression, ParseMode::LAX);
    parsed.is_ok_and(|parsed| {
        parsed.evaluate(|requirement| allowed.contains(&requirement.to_string().as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[&str] = &[
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "MIT",
        "Unicode-3.0",
    ];

    #[test]
    fn expressions_are_judged_by_their_operators() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "LGPL-2.1-or-later OR (MIT AND Unicode-3.0)",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(acceptable(good, ALLOWED), "{good}");
        }
        for bad in [
            "GPL-2.0-only",
            "MIT AND GPL-2.0-only",
            "(LGPL-2.1-or-later)",
            "",
            "MITX",
        ] {
            assert!(!acceptable(bad, ALLOWED), "{bad}");
        }
    }

    fn complaints(package: &str) -> Vec<String> {
        let metadata = serde_json::from_str(&format!("{{\"packages\": [{package}]}}")).unwrap();
        judge("Cargo.toml", &metadata, ALLOWED)
            .unwrap()
            .into_iter()
            .map(|v| v.what)
            .collect()
    }

    #[test]
    fn packages_of_bad_licence_or_source_are_named() {
        assert_eq!(
            complaints(r#"{"name": "a", "license": "GPL-3.0"}"#),
            ["a is under GPL-3.0, which is not on the list"]
        );
        assert_eq!(
            complaints(r#"{"name": "a", "license": null}"#),
            ["a names no licence"]
        );
        assert_eq!(
            complaints(r#"{"name": "a", "license": "MIT", "source": "git+https://x"}"#),
            ["a comes from no registry"]
        );
        assert_eq!(
            complaints(r#"{"name": "a", "license": "MIT", "source": "registry+https://x"}"#),
            [""; 0]
        );
    }

    #[test]
    fn an_empty_listing_is_an_error() {
        assert!(judge("Cargo.toml", &serde_json::json!({"packages": []}), ALLOWED).is_err());
    }

    #[test]
    fn an_empty_or_missing_list_is_an_error() {
        let deny = |text| {
            allowed(&Tree::of(&[("deny.toml", text)]))
                .map(|list| list.len())
                .ok()
        };
        assert_eq!(deny("allow = [\n  \"MIT\",\n]\n[bans]\n\"x\""), Some(1));
        assert_eq!(deny("[bans]"), None);
        assert!(allowed(&Tree::of(&[])).is_err());
    }
}
