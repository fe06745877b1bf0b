//! The package for Debian and Ubuntu.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::compile::Arch;
use super::content::Content;
use super::tree::{Tree, gzip};
use crate::command;

/// Makes the package: an `ar` archive of two tar archives.
///
/// # Errors
/// A file that cannot be read or packed.
pub fn deb(content: &Content, arch: Arch, binary: &[u8]) -> Result<Vec<u8>> {
    let mut data = content.installed(binary, "usr/share/zsh/vendor-completions/_oomtrace")?;
    let doc = "usr/share/doc/oomtrace";
    data.add(
        format!("{doc}/copyright"),
        0o644,
        content.read("packaging/debian/copyright")?,
    );
    data.add(
        format!("{doc}/changelog.gz"),
        0o644,
        gzip(&content.read("CHANGELOG.md")?)?,
    );
    data.add(
        format!("{doc}/changelog.Debian.gz"),
        0o644,
        gzip(changelog(content)?.as_bytes())?,
    );
    data.add(
        "usr/share/lintian/overrides/oomtrace",
        0o644,
        content.read("packaging/debian/lintian-overrides")?,
    );
    let mut control = Tree::default();
    control.add("control", 0o644, fields(content, arch, &data)?);
    control.add("conffiles", 0o644, "/etc/oomtrace/oomtrace.toml\n");
    control.add("md5sums", 0o644, md5sums(&data)?);
    for script in ["postinst", "prerm", "postrm"] {
        let bytes = content.read(&format!("packaging/debian/{script}"))?;
        control.add(script, 0o755, bytes);
    }
    let mut archive = b"!<arch>\n".to_vec();
    let parts = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", gzip(&control.tar("./", content.epoch)?)?),
        ("data.tar.gz", gzip(&data.tar("./", content.epoch)?)?),
    ];
    for (name, bytes) in parts {
        let header = format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            content.epoch,
            0,
            0,
            "100644",
            bytes.len()
        );
        archive.extend(header.as_bytes());
        archive.extend(&bytes);
        if bytes.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    Ok(archive)
}

fn fields(content: &Content, arch: Arch, data: &Tree) -> Result<String> {
    let template = String::from_utf8(content.read("packaging/debian/control")?)?;
    let size = data.bytes().div_ceil(1024);
    Ok(template
        .replace("@VERSION@", &content.version)
        .replace("@ARCH@", arch.debian)
        .replace("@SIZE@", &size.to_string()))
}

fn changelog(content: &Content) -> Result<String> {
    let date = super::date("--rfc-email", content.epoch)?;
    Ok(format!(
        "oomtrace ({}-1) unstable; urgency=medium\n\n  * What has changed is in changelog.gz.\n\n -- The oomtrace authors <oomtrace@localhost>  {}\n",
        content.version, date
    ))
}

/// The sums by which dpkg finds files that were changed.
fn md5sums(data: &Tree) -> Result<String> {
    let folder = super::scratch()?;
    for (path, file) in data.files() {
        let place = folder.path().join(path);
        fs::create_dir_all(place.parent().context("no folder")?)?;
        fs::write(place, &file.bytes)?;
    }
    let mut md5sum = Command::new("md5sum");
    md5sum.args(data.files().map(|(path, _)| path));
    command::output(md5sum.current_dir(folder.path()))
}
