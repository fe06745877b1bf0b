//! A guest whose first process is systemd: that of the kernel's own release of Debian, with the
//! libraries it needs and the units it begins with, in an archive behind that of every guest. The
//! kernel unpacks one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt::Apt;
use super::initramfs::Archive;
use super::kernels::Kernel;
use super::plan::Hierarchy;
use crate::{command, packages};

/// The first process, for the kernel's command line.
const FIRST: &str = "usr/lib/systemd/systemd";
/// Programs, as packages have them where `/lib` and `/bin` are in `/usr`.
const PROGRAMS: &[&str] = &[FIRST, "usr/bin/systemctl", "usr/bin/systemd-run"];
/// Programs that some releases have: the one that each service is started through, and the one that the
/// kernel runs when a cgroup of version 1 is empty.
const PERHAPS: &[&str] = &[EXECUTOR, "usr/lib/systemd/systemd-cgroups-agent"];
const EXECUTOR: &str = "usr/lib/systemd/systemd-executor";
/// What newer releases load without naming it as needed.
const LOADED: &str = "libmount.so.1";
/// Where a library is looked for without any settings.
const LIBRARIES: &str = "usr/lib";

const MACHINE_ID: &str = "00000000000000000000000000000001\n";
/// Links that lead to a file, one after the other.
const LINKS_MAX: usize = 8;

const UNITS: &[(&str, &str)] = &[
    (
        "default.target",
        "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=oomtrace-guest-init.service\n",
    ),
    (
        "oomtrace-guest-init.service",
        "[Service]\nExecStart=/init all\n\
         StandardOutput=file:/dev/console\nStandardError=file:/dev/console\n",
    ),
];

/// Writes an initial file system with a systemd to `to`: that of other guests, `base`, and more.
///
/// # Errors
/// The release's systemd cannot be had, or lacks something.
pub fn initramfs(kernel: &Kernel, base: &Path, to: &Path) -> Result<()> {
    if command::find_program("readelf").is_none() {
        packages::install_now(&["binutils"], "finding the libraries of systemd")?;
    }
    let apt = Apt::of_release(kernel)?;
    let version = apt.candidate("systemd")?;
    let root = apt.unpacked("systemd", &version, |archives| {
        apt.download_with_needs("systemd", &version, archives)
    })?;
    let mut bytes = fs::read(base).with_context(|| format!("reading {}", base.display()))?;
    bytes.extend(archive(&Unpacked::of(root))?);
    println!("        with systemd {version}");
    fs::write(to, bytes).with_context(|| format!("writing {}", to.display()))
}

/// What the kernel's command line says of it.
pub fn kernel_words(hierarchy: Hierarchy) -> String {
    let (unified, legacy) = match hierarchy {
        Hierarchy::V2 => (1, 0),
        Hierarchy::V1 => (0, 1),
        Hierarchy::Hybrid => (0, 0),
    };
    format!(
        "rdinit=/{FIRST} systemd.unified_cgroup_hierarchy={unified} \
         systemd.legacy_systemd_cgroup_controller={legacy} systemd.crash_reboot=1"
    )
}

fn archive(unpacked: &Unpacked) -> Result<Vec<u8>> {
    let programs = programs(unpacked)?;
    let mut files = BTreeMap::new();
    for (name, path) in unpacked.units() {
        files.insert(format!("usr/lib/systemd/system/{name}"), read(path)?);
    }
    for (name, text) in UNITS {
        files.insert(
            format!("etc/systemd/system/{name}"),
            text.as_bytes().to_vec(),
        );
    }
    // Else it takes the first boot of a machine for its task.
    files.insert("etc/machine-id".to_owned(), MACHINE_ID.as_bytes().to_vec());
    files.insert("etc/os-release".to_owned(), b"ID=oomtrace-guest\n".to_vec());
    let mut archive = Archive::default();
    let folders: BTreeSet<&Path> = programs
        .keys()
        .chain(files.keys())
        .flat_map(|place| Path::new(place).ancestors().skip(1))
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    // Older releases look for their programs there.
    archive.link("lib", "usr/lib");
    for folder in folders {
        archive.directory(&folder.to_string_lossy());
    }
    for (place, contents) in &programs {
        archive.program(place, contents);
    }
    for (place, contents) in &files {
        archive.file(place, contents);
    }
    Ok(archive.finish())
}

/// The programs by their places, with the libraries and the loader that they need.
fn programs(unpacked: &Unpacked) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut left: Vec<(String, &Path)> = Vec::new();
    for place in PROGRAMS {
        let file = unpacked.placed(place);
        left.push((
            (*place).to_owned(),
            file.with_context(|| format!("no {place}"))?,
        ));
    }
    for place in PERHAPS {
        left.extend(
            unpacked
                .placed(place)
                .map(|file| ((*place).to_owned(), file)),
        );
    }
    if let Ok(file) = unpacked.named(LOADED) {
        left.push((format!("{LIBRARIES}/{LOADED}"), file));
    }
    while let Some((place, file)) = left.pop() {
        if files.contains_key(&place) {
            continue;
        }
        files.insert(place, read(file)?);
        for place in needs(&dynamic_section(file)?) {
            let name = place.rsplit('/').next().unwrap_or_default();
            left.push((place.clone(), unpacked.named(name)?));
        }
    }
    Ok(files)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("reading {}", file.display()))
}

/// What `readelf` says of a program's needs.
fn dynamic_section(file: &Path) -> Result<String> {
    let mut readelf = Command::new("readelf");
    readelf.args(["--dynamic", "--program-headers", "--wide"]);
    command::output(readelf.arg(file).env("LC_ALL", "C"))
}

/// Places of what a program needs: libraries, and the loader, which it names by its place.
fn needs(listing: &str) -> Vec<String> {
    let between = |line: &str, before: &str| {
        let (_, rest) = line.split_once(before)?;
        Some(rest.split_once(']')?.0.to_owned())
    };
    let place = |line: &str| {
        if let Some(loader) = between(line, "program interpreter: /") {
            return Some(loader);
        }
        let library = between(line, "Shared library: [")?;
        // The loader itself, which is there already.
        (!library.starts_with("ld-linux")).then(|| format!("{LIBRARIES}/{library}"))
    };
    listing.lines().filter_map(place).collect()
}

/// What packages hold, unpacked.
struct Unpacked {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Unpacked {
    fn of(root: PathBuf) -> Self {
        let mut files = Vec::new();
        list(&root, &mut files);
        files.sort();
        Self { root, files }
    }

    /// The file at a place, where `/usr` may hold what the older releases have beside it.
    fn placed(&self, place: &str) -> Option<&Path> {
        let beside = place.strip_prefix("usr/").unwrap_or(place);
        let mut places = [place, beside].into_iter();
        let found = places.find_map(|place| {
            let path = self.root.join(place);
            self.files.iter().find(|file| **file == path)
        });
        found.map(PathBuf::as_path)
    }

    /// The program or library of this name, or the one that a link of this name leads to. A link's
    /// folder is not looked at: it may be one of the whole machine, and here is only a part.
    fn named(&self, name: &str) -> Result<&Path> {
        let mut name = OsString::from(name);
        for _ in 0..LINKS_MAX {
            let is_named = |file: &&PathBuf| file.file_name() == Some(name.as_os_str());
            let mut found = self.files.iter().filter(is_named);
            if let Some(file) = found.clone().find(|file| !file.is_symlink()) {
                return Ok(file);
            }
            let target = found.find_map(|link| fs::read_link(link).ok());
            let target = target.as_deref().and_then(Path::file_name);
            name = target
                .with_context(|| format!("no {}", name.display()))?
                .to_owned();
        }
        bail!("links lead in a circle: {}", name.display())
    }

    /// Targets and slices by their names: what units depend on without saying so.
    fn units(&self) -> impl Iterator<Item = (String, &Path)> {
        let units = self.files.iter().filter(|file| {
            let kind = file.extension().and_then(OsStr::to_str);
            file.parent()
                .is_some_and(|folder| folder.ends_with("systemd/system"))
                && matches!(kind, Some("target" | "slice"))
                && !file.is_symlink()
        });
        units.filter_map(|file| Some((file.file_name()?.to_str()?.to_owned(), file.as_path())))
    }
}

/// Every file and link below a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => list(&entry.path(), files),
            Ok(_) => files.push(entry.path()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read_from_what_readelf_says() {
        let listing = "      [Requesting program interpreter: /lib64/ld-linux-x86-64.so.2]\n \
             0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n \
             0x0000000000000001 (NEEDED)             Shared library: [ld-linux-x86-64.so.2]\n \
             0x000000000000000e (SONAME)             Library soname: [libm.so.6]\n";
        assert_eq!(
            needs(listing),
            ["lib64/ld-linux-x86-64.so.2", "usr/lib/libc.so.6"]
        );
    }

    #[test]
    fn files_are_found_through_links_and_beside_usr() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("lib/systemd/system");
        fs::create_dir_all(&folder).unwrap();
        fs::write(root.path().join("lib/libx-2.so"), "").unwrap();
        fs::write(root.path().join("lib/systemd/systemd"), "").unwrap();
        for (link, target) in [("libx.so.2", "/lib/libx-2.so"), ("a", "b"), ("b", "a")] {
            std::os::unix::fs::symlink(target, root.path().join("lib").join(link)).unwrap();
        }
        for name in ["basic.target", "user.slice", "cron.service"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let unpacked = Unpacked::of(root.path().to_owned());
        let library = unpacked.named("libx.so.2").unwrap();
        assert!(library.ends_with("lib/libx-2.so"), "{}", library.display());
        assert!(unpacked.named("a").is_err() && unpacked.named("c").is_err());
        assert!(unpacked.placed(FIRST).is_some() && unpacked.placed(EXECUTOR).is_none());
        let units: Vec<String> = unpacked.units().map(|(name, _)| name).collect();
        assert_eq!(units, ["basic.target", "user.slice"]);
    }
}
