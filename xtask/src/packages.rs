//! What the tests need on a Debian or Ubuntu machine, and installing what of it is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::{command, workspace};

mod loggers;

/// A program that something here calls: a row of `packages.toml`, which explains it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    program: &'static str,
    packages: Vec<&'static str>,
    purpose: &'static str,
    #[serde(default)]
    is_static: bool,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct Needs {
    tests: Vec<Need>,
    peers: Vec<Need>,
    go: Vec<Need>,
}

fn needs() -> Needs {
    workspace::data(include_str!("packages.toml"))
}

/// Installs what the tests need and what is not there.
///
/// # Errors
/// Names what is missing: not root, no apt, or packages that cannot be had.
pub fn install_for_tests() -> Result<()> {
    install(&missing(&needs().tests, is_there))?;
    loggers::unpack()
}

/// Installs the peers as far as they can be had; the benchmark names those that cannot run.
pub fn install_peers() {
    install_if_possible(&needs().peers);
}

/// Installs a compiler of Go, if it can be had; the benchmark names those that cannot run.
pub fn install_go() {
    install_if_possible(&needs().go);
}

fn install_if_possible(needs: &[Need]) {
    for need in missing(needs, is_there) {
        if let Err(error) = install(&[need]) {
            println!("{}: {error:#}", need.program);
        }
    }
}

/// Installs packages that something is about to call.
///
/// # Errors
/// Not root, no apt, or a package that cannot be had.
pub fn install_now(packages: &[&str], purpose: &str) -> Result<()> {
    refresh().with_context(|| format!("{purpose} needs the packages {}", packages.join(" ")))?;
    println!("installing {} for {purpose}", packages.join(" "));
    apt_install(packages)
}

fn install(missing: &[&Need]) -> Result<()> {
    if missing.is_empty() {
        println!("everything that is called is installed");
        return Ok(());
    }
    refresh().with_context(|| list(missing))?;
    let mut packages = Vec::new();
    for need in missing {
        let known = need.packages.iter().find(|package| has_candidate(package));
        packages.push(*known.with_context(|| format!("no package to be had; {}", list(&[need])))?);
    }
    packages.sort_unstable();
    packages.dedup();
    println!("installing {}", packages.join(" "));
    apt_install(&packages)?;
    let still: Vec<_> = missing
        .iter()
        .copied()
        .filter(|need| !is_there(need))
        .collect();
    ensure!(still.is_empty(), "installed, and yet {}", list(&still));
    Ok(())
}

/// Gets the package lists anew.
fn refresh() -> Result<()> {
    ensure!(
        command::is_root() && command::find_program("apt-get").is_some(),
        "only root can install, and only by apt-get: install by hand"
    );
    command::run(apt().args(["update", "--quiet"])).context("refreshing the package lists")
}

fn apt_install(packages: &[&str]) -> Result<()> {
    command::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Another apt may be at it, as on a machine that has just started.
    command.args(["-o", "DPkg::Lock::Timeout=120"]);
    command
}

/// The package lists offer a version of it.
fn has_candidate(package: &str) -> bool {
    command::output(Command::new("apt-cache").args(["policy", package])).is_ok_and(|policy| {
        policy
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Candidate:"))
            .any(|version| version.trim() != "(none)")
    })
}

fn missing(needs: &[Need], is_there: impl Fn(&Need) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !is_there(need)).collect()
}

fn is_there(need: &Need) -> bool {
    command::find_program(need.program).is_some_and(|found| !need.is_static || is_static(&found))
}

/// An ELF file that names no loader (`PT_INTERP` holds its path, near the start of the file).
fn is_static(program: &Path) -> bool {
    const LOADER: &[u8] = b"/ld-";
    fs::read(program).is_ok_and(|bytes| {
        let head = bytes.get(..4096).unwrap_or(&bytes);
        head.starts_with(b"\x7fELF") && !head.windows(LOADER.len()).any(|part| part == LOADER)
    })
}

/// "missing: docker (package docker.io: kills in containers), …".
fn list(missing: &[&Need]) -> String {
    let items = missing.iter().map(|need| {
        format!(
            "{} (package {}: {})",
            need.program,
            need.packages.join(" or "),
            need.purpose
        )
    });
    format!("missing: {}", items.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_package_and_purpose() {
        let needs = needs().tests;
        let missing = missing(&needs, |need| need.program != "strace");
        assert_eq!(
            list(&missing),
            "missing: strace (package strace: counting wake-ups)"
        );
    }

    #[test]
    fn a_program_that_nobody_has_is_missing() {
        let needs = [Need {
            program: "no-such-program-anywhere",
            packages: vec!["none"],
            purpose: "nothing",
            is_static: false,
        }];
        assert_eq!(missing(&needs, is_there).len(), 1);
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tool");
        for (contents, expected) in [
            (b"\x7fELF...../lib64/ld-linux-x86-64.so.2".as_slice(), false),
            (b"\x7fELF.....".as_slice(), true),
            (b"#!/bin/sh".as_slice(), false),
        ] {
            fs::write(&file, contents).unwrap();
            assert_eq!(
                is_static(&file),
                expected,
                "{}",
                String::from_utf8_lossy(contents)
            );
        }
        assert!(!is_static(&folder.path().join("absent")));
    }
}
