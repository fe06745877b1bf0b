//! Where things lie: the repository's root, its files, the release binary.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Root of the repository.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The target directory, as cargo would choose it.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |set| root().join(set))
}

/// The release binary of oomtrace, whether or not it is built.
pub fn release_binary() -> PathBuf {
    target().join("release/oomtrace")
}

/// What a TOML file says that is compiled in. One that cannot be read ends the program: a test reads each.
pub fn data<T: Deserialize<'static>>(file: &'static str) -> T {
    toml::from_str(file).unwrap_or_else(|error| {
        eprintln!("xtask: a table in the source is not as its reader has it: {error}");
        std::process::exit(1)
    })
}

/// Paths, relative to the root, of the files that belong to the repository.
///
/// Git is asked first, because only it knows what is ignored; where this is no checkout (a
/// tarball), everything but build output and hidden metadata counts.
///
/// # Errors
/// A directory that cannot be read.
pub fn files() -> Result<Vec<PathBuf>> {
    if let Some(known) = git_files() {
        return Ok(known);
    }
    let mut found = Vec::new();
    walk(root(), Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

fn git_files() -> Option<Vec<PathBuf>> {
    let listing = Command::new("git")
        // Owned by another user (a mounted checkout, a container): still only a listing.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|out| out.status.success())?
        .stdout;
    let mut paths: Vec<PathBuf> = listing
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
        // Deleted but not yet committed.
        .filter(|path| root().join(path).is_file())
        .collect();
    paths.sort();
    paths.dedup();
    (!paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let name = entry.file_name();
        let path = below.join(&name);
        let kind = entry
            .file_type()
            .with_context(|| format!("{}", path.display()))?;
        if kind.is_dir() && name != ".git" && name != "target" {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_and_its_files_are_found() {
        let files = files().unwrap();
        assert!(files.contains(&PathBuf::from("Cargo.toml")));
        assert!(files.contains(&PathBuf::from("xtask/src/workspace.rs")));
        assert!(!files.iter().any(|path| path.starts_with("target")));
    }

    #[test]
    fn a_folder_without_git_is_walked() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/target")).unwrap();
        fs::write(folder.path().join("a/kept"), "").unwrap();
        fs::write(folder.path().join("a/target/left"), "").unwrap();
        let mut found = Vec::new();
        walk(folder.path(), Path::new(""), &mut found).unwrap();
        assert_eq!(found, [PathBuf::from("a/kept")]);
    }
}
