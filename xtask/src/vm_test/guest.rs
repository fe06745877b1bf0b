//! What a guest is made of: static programs, an initial file system and a disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::initramfs::Archive;
use crate::{command, packages, workspace};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";
const DISK_BYTES: u64 = 192 << 20;

/// Files that every guest boots with.
#[derive(Debug)]
pub struct Guest {
    /// The initial file system.
    pub initramfs: PathBuf,
    /// The disk, written anew for each guest.
    pub disk: PathBuf,
}

/// Builds them.
///
/// # Errors
/// A build fails, or a tool cannot be had.
pub fn build(home: &Path) -> Result<Guest> {
    programs()?;
    let binaries = workspace::target().join(TARGET).join(PROFILE);
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "sys", "tmp", "disk"] {
        archive.directory(folder);
    }
    // Before anything is mounted, the first process needs its standard streams.
    archive.device("dev/console", 5, 1);
    archive.device("dev/null", 1, 3);
    for (place, name) in [
        ("init", "oomtrace-guest-init"),
        ("bin/oomtrace", "oomtrace"),
        ("bin/oomtrace-workload", "oomtrace-workload"),
    ] {
        let path = binaries.join(name);
        let contents = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        archive.program(place, &contents);
    }
    let initramfs = home.join("initramfs.cpio");
    fs::write(&initramfs, archive.finish())
        .with_context(|| format!("writing {}", initramfs.display()))?;
    Ok(Guest {
        initramfs,
        disk: home.join("disk.ext4"),
    })
}

/// A guest has no libraries.
fn programs() -> Result<()> {
    let mut cargo = command::cargo();
    cargo.args(["build", "--locked", "--bins", "--profile", PROFILE]);
    cargo.args(["--target", TARGET]);
    cargo.args(["--package", "oomtrace", "--package", "oomtrace-tests"]);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    // Inherited from a shell, another object would be tested than the one that users get.
    cargo.env_remove("OOMTRACE_BPF_OBJECT");
    command::run(&mut cargo)
}

impl Guest {
    /// Makes the disk empty.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn fresh_disk(&self) -> Result<()> {
        let file = File::create(&self.disk)
            .with_context(|| format!("creating {}", self.disk.display()))?;
        file.set_len(DISK_BYTES)
            .with_context(|| format!("sizing {}", self.disk.display()))?;
        if command::find_program("mkfs.ext4").is_none() {
            packages::install_now(&["e2fsprogs"], "a guest's disk")?;
        }
        let mkfs = command::find_program("mkfs.ext4").context("no mkfs.ext4")?;
        command::output(
            Command::new(mkfs)
                .args(["-q", "-F", "-E", "lazy_itable_init=1"])
                .arg(&self.disk),
        )?;
        Ok(())
    }
}
