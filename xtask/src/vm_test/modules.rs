//! Kernel modules for a guest, in the order in which they must be loaded.
//!
//! A package has no `modules.dep`; each module names what it depends on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;

/// No chain of dependencies is longer.
const DEPTH_MAX: usize = 16;

/// A module, ready to be loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name, `_` for `-`.
    pub name: String,
    /// The object.
    pub object: Vec<u8>,
}

/// The modules called `names` of the kernel whose package was unpacked to `root`, each after those
/// that it depends on.
///
/// # Errors
/// There is no such module, or it cannot be unpacked.
pub fn of(root: &Path, names: &[&str]) -> Result<Vec<Module>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for folder in ["usr/lib/modules", "lib/modules"] {
        list(&root.join(folder), &mut files);
    }
    let mut found = Vec::new();
    for name in names {
        add(&files, name, &mut found, 0)?;
    }
    Ok(found)
}

fn add(files: &[PathBuf], name: &str, found: &mut Vec<Module>, depth: usize) -> Result<()> {
    let name = name.replace('-', "_");
    if found.iter().any(|module| module.name == name) {
        return Ok(());
    }
    ensure!(depth < DEPTH_MAX, "modules depend on each other: {name}");
    let file = files
        .iter()
        .find(|file| module_name(file).is_some_and(|module| module == name))
        .with_context(|| format!("the kernel's package has no module {name}"))?;
    let object = object(file)?;
    for needed in dependencies(&object) {
        add(files, &needed, found, depth + 1)?;
    }
    found.push(Module { name, object });
    Ok(())
}

/// Every file below a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => list(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

fn module_name(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let (stem, kind) = name.split_once(".ko")?;
    ["", ".xz"].contains(&kind).then(|| stem.replace('-', "_"))
}

fn object(file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_some_and(|kind| kind == "ko") {
        return fs::read(file).with_context(|| format!("reading {}", file.display()));
    }
    let xz = command::find_program("xz").context("no xz, which unpacks modules")?;
    let done = Command::new(xz)
        .args(["--decompress", "--stdout"])
        .arg(file)
        .output()
        .with_context(|| format!("unpacking {}", file.display()))?;
    ensure!(
        done.status.success(),
        "unpacking {}: {}",
        file.display(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(done.stdout)
}

/// `depends=` of the section `.modinfo`, which holds strings.
fn dependencies(object: &[u8]) -> Vec<String> {
    let listed = object
        .split(|byte| *byte == 0)
        .find_map(|text| text.strip_prefix(b"depends="))
        .unwrap_or_default();
    String::from_utf8_lossy(listed)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_those_that_they_depend_on() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("usr/lib/modules/6.12/kernel/fs");
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, depends: &str| {
            let object = format!("\x7fELF\0license=GPL\0depends={depends}\0name=x\0");
            fs::write(folder.join(name), object).unwrap();
        };
        write("ext4.ko", "jbd2,mb-cache,crc16");
        write("jbd2.ko", "crc16");
        write("mb-cache.ko", "");
        write("crc16.ko", "");
        write("ext4.ko.sig", "");
        let names = |wanted: &[&str]| -> Vec<String> {
            let found = of(root.path(), wanted).unwrap();
            found.into_iter().map(|module| module.name).collect()
        };
        assert_eq!(
            names(&["ext4", "crc16"]),
            ["crc16", "jbd2", "mb_cache", "ext4"]
        );
        assert_eq!(names(&[]), [""; 0]);
        let error = of(root.path(), &["nvme"]).unwrap_err().to_string();
        assert!(error.contains("nvme"), "{error}");
        write("a.ko", "b");
        write("b.ko", "a");
        assert!(of(root.path(), &["a"]).is_err());
    }
}
