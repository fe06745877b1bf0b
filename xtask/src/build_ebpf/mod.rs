//! `cargo xtask build-ebpf`: oomtrace-ebpf into the committed object, bit for bit in any folder.
//!
//! The object is committed so that everybody else builds with stable Rust alone. Beside it stands
//! a stamp: the hash of what it was built from, and with what. `--check` builds afresh and compares
//! the bytes where the toolchain at hand is the stamp's.

mod stamp;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs};

use anyhow::{Context as _, Result};
use stamp::Stamp;
pub use toolchain::Compiler;
use toolchain::Toolchain;

use crate::{command, workspace};

/// The committed object, in the repository.
const OBJECT: &str = "oomtrace/bpf/oomtrace.bpf.o";
/// What it was built from and with, beside it.
const STAMP: &str = "oomtrace/bpf/oomtrace.bpf.stamp";
const TARGET: &str = "bpfel-unknown-none";

/// What a build came to.
pub enum Outcome {
    /// The committed object was written (or was already what the sources give).
    Written {
        /// Whether its bytes changed.
        changed: bool,
    },
    /// A fresh build gives the committed bytes.
    Same,
    /// The toolchain at hand is not the stamp's, so the bytes cannot be compared: the fresh object
    /// lies at this path, to be tested as well.
    OtherToolchain {
        /// The fresh object.
        fresh: PathBuf,
        /// The toolchain at hand.
        here: String,
        /// The stamp's.
        stamped: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { changed: true } => write!(f, "{OBJECT} and its stamp are written"),
            Self::Written { changed: false } => {
                write!(f, "{OBJECT} was already what its sources give")
            }
            Self::Same => write!(f, "a fresh build gives {OBJECT} to the byte"),
            Self::OtherToolchain { here, stamped, .. } => write!(
                f,
                "{OBJECT} was built with {stamped}; here is {here}, so the bytes are not compared"
            ),
        }
    }
}

/// Builds the object; with `check`, compares instead of writing.
///
/// # Errors
/// No toolchain, a build that fails, or with `check` an object that is not what its sources give.
pub fn run(check: bool) -> Result<Outcome> {
    let stamped = Stamp::read(&workspace::root().join(STAMP));
    let toolchain = Toolchain::find(stamped.as_ref().ok().map(|stamp| stamp.toolchain.as_str()))?;
    let fresh = build(&toolchain)?;
    let bytes = fs::read(&fresh).with_context(|| format!("reading {}", fresh.display()))?;
    let made = Stamp::of(&toolchain, &bytes)?;
    if check {
        return compare(&stamped?, made, fresh);
    }
    let object = workspace::root().join(OBJECT);
    let changed = fs::read(&object).ok().as_deref() != Some(&bytes[..]);
    fs::write(&object, &bytes).with_context(|| format!("writing {}", object.display()))?;
    made.write(&workspace::root().join(STAMP))?;
    Ok(Outcome::Written { changed })
}

fn compare(stamped: &Stamp, made: Stamp, fresh: PathBuf) -> Result<Outcome> {
    anyhow::ensure!(
        stamped.sources == made.sources,
        "{OBJECT} was built from other sources than these: run `cargo xtask build-ebpf` and commit what it writes"
    );
    if stamped.toolchain != made.toolchain {
        return Ok(Outcome::OtherToolchain {
            fresh,
            here: made.toolchain,
            stamped: stamped.toolchain.clone(),
        });
    }
    anyhow::ensure!(
        stamped.object == made.object,
        "a fresh build ({}) does not give the committed {OBJECT}; the fresh one lies at {}",
        made.object,
        fresh.display()
    );
    Ok(Outcome::Same)
}

/// Builds and strips; where the result lies.
fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let root = workspace::root();
    let target_dir = root.join("target/ebpf");
    let flags = flags(root, toolchain);
    command::run(
        Command::new(&toolchain.cargo)
            .current_dir(root.join("oomtrace-ebpf"))
            .args([
                "build",
                "--release",
                "--locked",
                "--quiet",
                "-Zbuild-std=core",
            ])
            .args(["--target", TARGET])
            .arg("--target-dir")
            .arg(&target_dir)
            .env("RUSTC", &toolchain.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            .env("PATH", toolchain.path()?)
            // This runs under another cargo, whose choices must not leak into this build.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR"),
    )?;
    let linked = target_dir.join(TARGET).join("release/oomtrace");
    let stripped = target_dir.join("oomtrace.bpf.o");
    command::run(
        Command::new(&toolchain.strip)
            // DWARF goes; BTF stays, the kernel wants it for the global functions.
            .arg("--strip-debug")
            // Relocations of the BTF itself: nothing that loads an object reads them, and they are a
            // quarter of it.
            .args(["--remove-section=.rel.BTF", "--remove-section=.rel.BTF.ext"])
            .arg("-o")
            .args([&stripped, &linked]),
    )?;
    Ok(stripped)
}

fn flags(root: &Path, toolchain: &Toolchain) -> Vec<String> {
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    vec![
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        remap(root, "/oomtrace"),
        remap(&toolchain.cargo_home, "/cargo"),
        remap(&toolchain.sysroot, "/rust"),
        remap(Path::new("/usr/src"), "/rust-src"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when the sources were changed and the object was not built again.
    #[test]
    fn the_committed_object_is_built_from_these_sources() {
        let stamp = Stamp::read(&workspace::root().join(STAMP)).unwrap();
        assert_eq!(
            stamp.sources,
            stamp::hash_sources().unwrap(),
            "run `cargo xtask build-ebpf` and commit what it writes"
        );
        let object = fs::read(workspace::root().join(OBJECT)).unwrap();
        assert_eq!(
            stamp.object,
            stamp::hash(&object),
            "{OBJECT} is not the one that was stamped"
        );
    }

    fn stamp(toolchain: &str, sources: &str, object: &str) -> Stamp {
        Stamp {
            toolchain: toolchain.into(),
            sources: sources.into(),
            object: object.into(),
        }
    }

    #[test]
    fn a_check_tells_the_three_cases_apart() {
        let committed = stamp("rustc 1", "a", "b");
        let check = |made| compare(&committed, made, PathBuf::from("/fresh"));
        assert!(matches!(
            check(stamp("rustc 1", "a", "b")),
            Ok(Outcome::Same)
        ));
        assert!(matches!(
            check(stamp("rustc 2", "a", "c")),
            Ok(Outcome::OtherToolchain { .. })
        ));
        assert!(check(stamp("rustc 1", "a", "c")).is_err());
        assert!(check(stamp("rustc 2", "x", "b")).is_err());
    }
}
