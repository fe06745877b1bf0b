//! What every kind of package brings: the same files, wherever each of them has its place.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::tree::{Tree, gzip};
use crate::command;

/// Completion scripts: the shell, the name in an archive.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "oomtrace.bash"),
    ("zsh", "_oomtrace"),
    ("fish", "oomtrace.fish"),
];

/// The files of a release besides the binaries.
pub struct Content {
    /// Where the sources are.
    root: PathBuf,
    pub version: String,
    /// Seconds after 1970 that every file gets as its time.
    pub epoch: u64,
    /// Manual pages and completions, as `man/…` and `completions/…`.
    generated: Tree,
}

impl Content {
    /// Reads what is needed from `root`, and has `binary` print its manual and completions.
    ///
    /// # Errors
    /// The binary cannot be run.
    pub fn new(root: PathBuf, version: String, epoch: u64, binary: &[u8]) -> Result<Self> {
        let folder = super::scratch()?;
        let program = folder.path().join("oomtrace");
        fs::write(&program, binary)?;
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, executable)?;
        let mut generated = Tree::default();
        let pages = folder.path().join("man");
        command::run(Command::new(&program).args(["man", "--dir"]).arg(&pages))?;
        for page in fs::read_dir(&pages)? {
            let page = page?;
            let name = page.file_name().to_string_lossy().into_owned();
            generated.add(format!("man/{name}"), 0o644, fs::read(page.path())?);
        }
        for (shell, name) in COMPLETIONS {
            let script = command::output(Command::new(&program).args(["completions", shell]))?;
            generated.add(format!("completions/{name}"), 0o644, script);
        }
        Ok(Self {
            root,
            version,
            epoch,
            generated,
        })
    }

    /// A release without the files that the program prints.
    #[cfg(test)]
    pub fn without_program(root: PathBuf) -> Self {
        Self {
            root,
            version: "0.1.0".to_owned(),
            epoch: 1_000_000_000,
            generated: Tree::default(),
        }
    }

    /// A file of the sources.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        fs::read(self.root.join(path)).with_context(|| format!("reading {path}"))
    }

    /// The archive for any Linux: what install.sh installs, with the sums of all of it.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn archive(&self, binary: &[u8]) -> Result<Tree> {
        let mut tree = self.generated.clone();
        tree.add("oomtrace", 0o755, binary);
        for script in ["install.sh", "uninstall.sh"] {
            tree.add(script, 0o755, self.read(&format!("packaging/{script}"))?);
        }
        for (path, mode) in [
            ("oomtrace.toml", 0o644),
            ("systemd/oomtrace.service", 0o644),
            ("systemd/oomtrace.catalog", 0o644),
            ("openrc/oomtrace", 0o755),
        ] {
            tree.add(path, mode, self.read(&format!("packaging/{path}"))?);
        }
        for document in [
            "README.md",
            "CHANGELOG.md",
            "LICENSE.md",
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "LICENSE-GPL-2.0",
        ] {
            tree.add(document, 0o644, self.read(document)?);
        }
        let sums: String = tree
            .files()
            .map(|(path, file)| super::sum_line(path, &file.bytes))
            .collect();
        tree.add("SHA256SUMS", 0o644, sums);
        Ok(tree)
    }

    /// The files where a distribution's package has them; `zsh` is the place of that shell's script.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn installed(&self, binary: &[u8], zsh: &str) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.add("usr/bin/oomtrace", 0o755, binary);
        for (path, file) in self.generated.files() {
            let (place, bytes) = match path.split_once('/') {
                Some(("man", page)) => {
                    (format!("usr/share/man/man1/{page}.gz"), gzip(&file.bytes)?)
                }
                Some((_, "oomtrace.bash")) => (
                    "usr/share/bash-completion/completions/oomtrace".to_owned(),
                    file.bytes.clone(),
                ),
                Some((_, "oomtrace.fish")) => (
                    "usr/share/fish/vendor_completions.d/oomtrace.fish".to_owned(),
                    file.bytes.clone(),
                ),
                _ => (zsh.to_owned(), file.bytes.clone()),
            };
            tree.add(place, 0o644, bytes);
        }
        let unit = self.read("packaging/systemd/oomtrace.service")?;
        tree.add("usr/lib/systemd/system/oomtrace.service", 0o644, unit);
        let catalog = self.read("packaging/systemd/oomtrace.catalog")?;
        tree.add("usr/lib/systemd/catalog/oomtrace.catalog", 0o644, catalog);
        let config = self.read("packaging/oomtrace.toml")?;
        tree.add("etc/oomtrace/oomtrace.toml", 0o644, config);
        Ok(tree)
    }
}
