//! What a guest is made of: static programs, an initial file system and a disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::arch_build;
use super::initramfs::Archive;
use super::kernels::Arch;
use super::modules::Module;
use crate::{command, packages};

/// Where the tool goes.
const TOOL: &str = "bin/oomtrace";
const DISK_BYTES: u64 = 192 << 20;

/// Programs for the guests of one architecture.
#[derive(Debug)]
pub struct Programs {
    /// The architecture.
    pub arch: &'static Arch,
    /// Where each goes, and what it is.
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// A build fails, or a tool cannot be had.
    pub fn build(arch: &'static Arch) -> Result<Self> {
        let folder = arch_build::build(arch)?;
        let files = [
            ("init", "oomtrace-guest-init"),
            (TOOL, "oomtrace"),
            ("bin/oomtrace-workload", "oomtrace-workload"),
        ];
        let files = files.map(|(place, name)| {
            let path = folder.join(name);
            let contents =
                fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok((place, contents))
        });
        Ok(Self {
            arch,
            files: files.into_iter().collect::<Result<_>>()?,
        })
    }
}

/// Files that the guests of one kernel boot with.
#[derive(Debug)]
pub struct Guest {
    /// The architecture.
    pub arch: &'static Arch,
    /// The initial file system.
    pub initramfs: PathBuf,
    /// Digest of the tool in it.
    pub tool: String,
    /// The disk, written anew for each guest.
    pub disk: PathBuf,
}

impl Guest {
    /// Puts programs and modules together; the first process loads the latter in their order.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(home: &Path, programs: &Programs, modules: &[Module]) -> Result<Self> {
        let mut archive = Archive::default();
        for folder in ["bin", "dev", "proc", "sys", "tmp", "disk", "modules"] {
            archive.directory(folder);
        }
        // Before anything is mounted, the first process needs its standard streams.
        archive.device("dev/console", 5, 1);
        archive.device("dev/null", 1, 3);
        for (place, contents) in &programs.files {
            archive.program(place, contents);
        }
        for (index, module) in modules.iter().enumerate() {
            let place = format!("modules/{index:03}-{}.ko", module.name);
            archive.program(&place, &module.object);
        }
        let mut files = programs.files.iter();
        let tool = files
            .find(|(place, _)| *place == TOOL)
            .context("no tool among the programs")?;
        let initramfs = home.join("initramfs.cpio");
        fs::write(&initramfs, archive.finish())
            .with_context(|| format!("writing {}", initramfs.display()))?;
        Ok(Self {
            arch: programs.arch,
            initramfs,
            tool: format!("{:x}", Sha256::digest(tool.1.as_slice())),
            disk: home.join("disk.ext4"),
        })
    }

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
