//! Gets kernels by apt, into a cache by suite.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::apt::Apt;
use super::kernels::Kernel;

/// A kernel that lies here.
#[derive(Debug)]
pub struct Fetched {
    /// Version of the package.
    pub version: String,
    /// What is booted.
    pub image: PathBuf,
    /// Where its packages were unpacked.
    pub root: PathBuf,
}

/// Fetches the newest kernel of the suite, or takes the one that was fetched before.
///
/// # Errors
/// No mirror, no such package, or a signature or a sum that is wrong.
pub fn fetch(kernel: &Kernel) -> Result<Fetched> {
    let apt = Apt::new(kernel)?;
    let packages = packages(&apt, kernel)?;
    let (_, version) = packages.first().context("no packages")?;
    // Kernels of one version come in several packages.
    let root = apt.unpacked(kernel.package, version, |archives| {
        packages
            .iter()
            .try_for_each(|(name, version)| apt.download(name, version, archives))
    })?;
    Ok(Fetched {
        version: version.clone(),
        image: image(&root)?,
        root,
    })
}

/// The kernel that the package stands for, as the packages that hold it, with their versions.
fn packages(apt: &Apt, kernel: &Kernel) -> Result<Vec<(String, String)>> {
    let meta = kernel.package;
    let image = apt
        .depends(meta)?
        .into_iter()
        .find(|name| name.starts_with("linux-image-"))
        .with_context(|| format!("{meta} of {} depends on no kernel", kernel.suite))?;
    // Newer releases split it.
    let mut parts: Vec<String> = apt.depends(&image)?;
    parts.retain(|name| {
        let is_modules = name.starts_with("linux-modules-") && !kernel.modules.is_empty();
        name.starts_with("linux-binary-") || is_modules
    });
    if parts.is_empty() {
        parts.push(image);
    }
    parts
        .into_iter()
        .map(|name| {
            let version = apt.candidate(&name)?;
            Ok((name, version))
        })
        .collect()
}

/// Where packages put it: `boot/vmlinuz-VERSION`, or `usr/lib/modules/VERSION/vmlinuz`.
fn image(root: &Path) -> Result<PathBuf> {
    let entries = |folder: PathBuf| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let in_boot = entries(root.join("boot")).filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
    });
    let beside_modules = entries(root.join("usr/lib/modules")).map(|path| path.join("vmlinuz"));
    in_boot
        .chain(beside_modules)
        .find(|path| path.is_file())
        .with_context(|| format!("no kernel in {}", root.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_where_packages_put_them() {
        let folder = tempfile::tempdir().unwrap();
        assert!(image(folder.path()).is_err());
        for place in [
            "usr/lib/modules/7.2-cloud/vmlinuz",
            "boot/vmlinuz-5.10-cloud",
        ] {
            let file = folder.path().join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            assert_eq!(image(folder.path()).unwrap(), file);
        }
    }
}
