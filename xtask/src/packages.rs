//! What the tests need on a Debian or Ubuntu machine, and installing what of it is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;

mod loggers;

/// Something that the tests call.
struct Need {
    /// A program that shows that it is there.
    program: &'static str,
    /// Packages that hold it; the first one that the machine's lists know is taken.
    packages: &'static [&'static str],
    /// What for, shown when it is missing.
    purpose: &'static str,
    /// The program must not need a loader, because it runs alone in a container.
    is_static: bool,
}

const fn need(
    program: &'static str,
    packages: &'static [&'static str],
    purpose: &'static str,
) -> Need {
    Need {
        program,
        packages,
        purpose,
        is_static: false,
    }
}

const NEEDS: &[Need] = &[
    need("dockerd", &["docker.io"], "kills in containers"),
    need(
        "docker",
        &["docker.io", "docker-cli"],
        "kills in containers",
    ),
    need(
        "containerd",
        &["docker.io", "containerd"],
        "kills in containers",
    ),
    need("ctr", &["containerd", "docker.io"], "kills in containers"),
    need("runc", &["runc"], "kills in containers"),
    need("podman", &["podman"], "kills in containers"),
    need("conmon", &["conmon"], "kills in containers of Podman"),
    need(
        "javac",
        &["openjdk-17-jdk-headless", "default-jdk-headless"],
        "the founding case: a JVM with a capped heap",
    ),
    Need {
        program: "busybox",
        packages: &["busybox-static"],
        purpose: "container images that are one file",
        is_static: true,
    },
    need("unshare", &["util-linux"], "namespaces of tests"),
    need("setpriv", &["util-linux"], "running without capabilities"),
    need("ps", &["procps"], "looking for what a test left behind"),
    need("journalctl", &["systemd"], "logs as journald keeps them"),
    need(
        "logger",
        &["bsdutils", "util-linux"],
        "log lines of processes",
    ),
    need("node", &["nodejs"], "kills of language runtimes"),
    need(
        "python3",
        &["python3-minimal"],
        "kills of language runtimes",
    ),
    need("redis-server", &["redis-server"], "kills of data stores"),
    need("psql", &["postgresql"], "kills of data stores"),
    need("xz", &["xz-utils"], "compressed logs"),
    need("zstd", &["zstd"], "compressed logs"),
    need("strace", &["strace"], "counting wake-ups"),
    need("mandoc", &["mandoc"], "checking the man page"),
    need("shellcheck", &["shellcheck"], "checking the scripts"),
    need("g++", &["g++"], "the fuzzing engine"),
    need("promtool", &["prometheus"], "alert rules and dashboard"),
    need("lnav", &["lnav"], "the format file of lnav"),
    need(
        "pip3",
        &["python3-pip"],
        "databases and validators of deploy/",
    ),
    need("shellcheck", &["shellcheck"], "checking shell scripts"),
];

/// Peers that `cargo xtask bench` measures beside oomtrace; some releases do not have them.
const PEERS: &[Need] = &[
    need("bpftrace", &["bpftrace"], "a peer in the benchmark"),
    need("oomkill", &["libbpf-tools"], "a peer in the benchmark"),
];

/// The compiler of parsers that `cargo xtask bench --decode` measures beside oomtrace's.
const GO: Need = need("go", &["golang-go"], "peers in the benchmark");

/// Installs what the tests need and what is not there.
///
/// # Errors
/// Names what is missing: not root, no apt, or packages that cannot be had.
pub fn install_for_tests() -> Result<()> {
    install(&missing(NEEDS, is_there))?;
    loggers::unpack()
}

/// Installs the peers as far as they can be had; the benchmark names those that cannot run.
pub fn install_peers() {
    for need in missing(PEERS, is_there) {
        if let Err(error) = install(&[need]) {
            println!("{}: {error:#}", need.program);
        }
    }
}

/// Installs a compiler of Go, if it can be had; the benchmark names those that cannot run.
pub fn install_go() {
    if !is_there(&GO)
        && let Err(error) = install(&[&GO])
    {
        println!("{}: {error:#}", GO.program);
    }
}

/// Installs packages that something is about to call.
///
/// # Errors
/// Not root, no apt, or a package that cannot be had.
pub fn install_now(packages: &[&str], purpose: &str) -> Result<()> {
    anyhow::ensure!(
        command::is_root() && command::find_program("apt-get").is_some(),
        "{purpose} needs the packages {}: install them (apt-get install, as root)",
        packages.join(" ")
    );
    command::run(apt().args(["update", "--quiet"])).context("refreshing the package lists")?;
    println!("installing {} for {purpose}", packages.join(" "));
    command::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages),
    )
}

fn install(missing: &[&Need]) -> Result<()> {
    if missing.is_empty() {
        println!("everything that the tests call is installed");
        return Ok(());
    }
    anyhow::ensure!(
        command::is_root(),
        "not root, so nothing can be installed; {}",
        list(missing)
    );
    anyhow::ensure!(
        command::find_program("apt-get").is_some(),
        "no apt-get on this system; install by hand: {}",
        list(missing)
    );
    command::run(apt().args(["update", "--quiet"])).context("refreshing the package lists")?;
    let mut packages = Vec::new();
    for need in missing {
        let known = need.packages.iter().find(|package| has_candidate(package));
        packages.push(*known.with_context(|| format!("no package to be had; {}", list(&[need])))?);
    }
    packages.sort_unstable();
    packages.dedup();
    println!("installing {}", packages.join(" "));
    command::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&packages),
    )?;
    let still = missing
        .iter()
        .copied()
        .filter(|need| !is_there(need))
        .collect::<Vec<_>>();
    anyhow::ensure!(still.is_empty(), "installed, and yet {}", list(&still));
    Ok(())
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
        let missing = missing(NEEDS, |need| need.program != "strace");
        assert_eq!(
            list(&missing),
            "missing: strace (package strace: counting wake-ups)"
        );
    }

    #[test]
    fn a_program_that_nobody_has_is_missing() {
        let needs = [need("no-such-program-anywhere", &["none"], "nothing")];
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
