//! The package for Fedora, RHEL and SUSE, made by rpmbuild from files that are finished already.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::compile::Arch;
use super::content::Content;
use crate::{command, packages};

/// Makes the package.
///
/// # Errors
/// rpmbuild is missing or fails.
pub fn rpm(content: &Content, arch: Arch, binary: &[u8]) -> Result<Vec<u8>> {
    if command::find_program("rpmbuild").is_none() {
        packages::install_now(&["rpm"], "making RPM packages")?;
    }
    let folder = super::scratch()?;
    let root = folder.path().join("root");
    let mut tree = content.installed(binary, "usr/share/zsh/site-functions/_oomtrace")?;
    let doc = "usr/share/doc/oomtrace";
    tree.add(
        format!("{doc}/README.md"),
        0o644,
        content.read("README.md")?,
    );
    for licence in [
        "LICENSE.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "LICENSE-GPL-2.0",
    ] {
        let place = format!("usr/share/licenses/oomtrace/{licence}");
        tree.add(place, 0o644, content.read(licence)?);
    }
    for (path, file) in tree.files() {
        let place = root.join(path);
        fs::create_dir_all(place.parent().context("no folder")?)?;
        fs::write(&place, &file.bytes)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(file.mode))?;
    }
    let spec = String::from_utf8(content.read("packaging/rpm/oomtrace.spec")?)?;
    let spec = spec
        .replace("@VERSION@", &content.version)
        .replace(
            "@DATE@",
            super::date("+%a %b %d %Y", content.epoch)?.as_str(),
        )
        .replace("@ROOT@", &root.display().to_string());
    let file = folder.path().join("oomtrace.spec");
    fs::write(&file, spec)?;
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--target", arch.name]);
    build
        .arg("--define")
        .arg(format!("_topdir {}", folder.path().display()));
    for definition in [
        // Nothing of this machine, and no time but that of the release.
        "_buildhost localhost",
        "use_source_date_epoch_as_buildtime 1",
        "clamp_mtime_to_source_date_epoch 1",
        "_build_id_links none",
        "debug_package %{nil}",
        // No stripping or packing: every file is as it should be.
        "__os_install_post %{nil}",
        // What the oldest rpm that is in use understands.
        "_binary_payload w9.gzdio",
    ] {
        build.args(["--define", definition]);
    }
    build.env("SOURCE_DATE_EPOCH", content.epoch.to_string());
    command::run(build.arg(&file))?;
    let name = format!("oomtrace-{}-1.{}.rpm", content.version, arch.name);
    let made = folder.path().join("RPMS").join(arch.name).join(name);
    let bytes = fs::read(&made).with_context(|| format!("reading {}", made.display()))?;
    Ok(bytes)
}
