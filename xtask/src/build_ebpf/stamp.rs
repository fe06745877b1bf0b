//! What an object was built from and with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::toolchain::Toolchain;
use crate::workspace;

/// Files and folders that decide what the object becomes, this builder included.
const SOURCES: [&str; 6] = [
    "oomtrace-ebpf/Cargo.toml",
    "oomtrace-ebpf/Cargo.lock",
    "oomtrace-ebpf/src",
    "oomtrace-common/Cargo.toml",
    "oomtrace-common/src",
    "xtask/src/build_ebpf/mod.rs",
];

/// The lines of the stamp file.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Compiler and linker, in words.
    pub toolchain: String,
    /// Hash of [`SOURCES`].
    pub sources: String,
    /// Hash of the object.
    pub object: String,
}

impl Stamp {
    /// The stamp of a fresh object.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn of(toolchain: &Toolchain, object: &[u8]) -> Result<Self> {
        Ok(Self {
            toolchain: toolchain.describe(),
            sources: hash_sources()?,
            object: hash(object),
        })
    }

    /// Reads a stamp file.
    ///
    /// # Errors
    /// It is not there or not whole.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let lines: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .collect();
        let get = |key: &str| {
            lines
                .get(key)
                .map(|value| (*value).to_owned())
                .with_context(|| format!("{} has no line `{key} = …`", path.display()))
        };
        Ok(Self {
            toolchain: get("toolchain")?,
            sources: get("sources-sha256")?,
            object: get("object-sha256")?,
        })
    }

    /// Writes a stamp file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# Written by `cargo xtask build-ebpf`; do not edit.\n\
             toolchain = {}\nsources-sha256 = {}\nobject-sha256 = {}\n",
            self.toolchain, self.sources, self.object
        );
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

/// Hash of every source file, names included.
///
/// # Errors
/// One cannot be read.
pub fn hash_sources() -> Result<String> {
    let root = workspace::root();
    let mut files = Vec::new();
    for source in SOURCES {
        collect(root, Path::new(source), &mut files)?;
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let bytes =
            fs::read(root.join(&file)).with_context(|| format!("reading {}", file.display()))?;
        hasher.update(file.to_string_lossy().as_bytes());
        hasher.update([0]);
        hasher.update(u64::try_from(bytes.len())?.to_le_bytes());
        hasher.update(&bytes);
    }
    Ok(hex(&hasher.finalize()))
}

/// Hash of bytes.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn collect(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(path);
    if !full.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(&full).with_context(|| format!("reading {}", full.display()))? {
        collect(root, &path.join(entry?.file_name()), files)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stamp");
        let stamp = Stamp {
            toolchain: "rustc 1, bpf-linker 2".into(),
            sources: "a".into(),
            object: "b".into(),
        };
        stamp.write(&path).unwrap();
        assert_eq!(Stamp::read(&path).unwrap(), stamp);
    }

    #[test]
    fn a_stamp_that_is_cut_names_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stamp");
        fs::write(&path, "toolchain = x\n").unwrap();
        assert!(
            Stamp::read(&path)
                .unwrap_err()
                .to_string()
                .contains("sources-sha256")
        );
    }

    #[test]
    fn every_source_is_there() {
        for source in SOURCES {
            assert!(workspace::root().join(source).exists(), "{source}");
        }
    }
}
