//! `cargo xtask dist`: everything that a release consists of, for x86-64 and arm64.
//!
//! Offline once the toolchain is there, and the same bytes from every directory: no file has another
//! time, owner or order than the commit gives it.

mod attempt;
mod attempt_image;
mod compile;
mod content;
mod deb;
mod image;
mod rpm;
mod sbom;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub use self::compile::BINARY_BYTES_MAX;
use self::compile::{ARCHES, Arch, compile};
use self::content::Content;
use self::tree::gzip;
use crate::{command, workspace};

/// What to make.
#[derive(Args)]
pub struct Arguments {
    /// Where the files go [default: target/dist]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Sign SHA256SUMS with this secret key of minisign
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// Make everything once more, from a copy of the sources in another directory, and compare
    #[arg(long)]
    verify_reproducible: bool,
    /// Try it as root on Debian: the packages on fresh systems, the image, the other architecture
    #[arg(long = "try")]
    attempt: bool,
}

/// Files of a release by their name.
type Files = BTreeMap<String, Vec<u8>>;

/// Makes the release.
///
/// # Errors
/// A build that fails, a binary that is too large or not static, a missing tool; with
/// `--verify-reproducible` a file that differs.
pub fn run(arguments: &Arguments) -> Result<()> {
    let epoch = epoch()?;
    let files = make(
        workspace::root(),
        &workspace::target().join("dist-build"),
        epoch,
    )?;
    let default = workspace::target().join("dist");
    let out = arguments.out.as_ref().unwrap_or(&default);
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    for (name, bytes) in &files {
        let file = out.join(name);
        fs::write(&file, bytes).with_context(|| format!("writing {}", file.display()))?;
        println!("{:>9}  {}", bytes.len(), file.display());
    }
    if let Some(key) = &arguments.sign {
        let mut minisign = Command::new("minisign");
        minisign.args(["-S", "-s"]).arg(key);
        command::run(minisign.arg("-m").arg(out.join("SHA256SUMS")))?;
    }
    if arguments.verify_reproducible {
        verify_reproducible(&files, epoch)?;
    }
    if arguments.attempt {
        attempt::attempt(out, env!("CARGO_PKG_VERSION"))?;
    }
    Ok(())
}

/// The files of a release of the sources in `root`.
fn make(root: &Path, target: &Path, epoch: u64) -> Result<Files> {
    let version = env!("CARGO_PKG_VERSION");
    let mut binaries = Vec::new();
    for arch in ARCHES {
        binaries.push((arch, compile(root, target, arch)?));
    }
    let (_, own) = binaries
        .iter()
        .find(|(arch, _)| arch.is_here())
        .context("a release is made on x86-64 or arm64, whose program prints the manual")?;
    let content = Content::new(root.to_owned(), version.to_owned(), epoch, own)?;
    let mut files = Files::new();
    for (arch, binary) in &binaries {
        files.extend(packages(&content, *arch, binary)?);
    }
    let image = image::image(&content, &binaries)?;
    files.insert(format!("oomtrace-{version}-oci.tar"), image);
    let bill = sbom::sbom(&content, root)?;
    files.insert(format!("oomtrace-{version}.cdx.json"), bill);
    let sums: String = files
        .iter()
        .map(|(name, bytes)| sum_line(name, bytes))
        .collect();
    files.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    Ok(files)
}

/// The archive and the packages of one architecture.
fn packages(content: &Content, arch: Arch, binary: &[u8]) -> Result<Files> {
    let version = &content.version;
    let folder = format!("oomtrace-{version}-{}-linux", arch.name);
    let tar = content
        .archive(binary)?
        .tar(&format!("{folder}/"), content.epoch)?;
    Ok(Files::from([
        (format!("{folder}.tar.gz"), gzip(&tar)?),
        (
            format!("oomtrace_{version}-1_{}.deb", arch.debian),
            deb::deb(content, arch, binary)?,
        ),
        (
            format!("oomtrace-{version}-1.{}.rpm", arch.name),
            rpm::rpm(content, arch, binary)?,
        ),
    ]))
}

/// Makes the release again from a copy of the sources, and compares every byte.
fn verify_reproducible(files: &Files, epoch: u64) -> Result<()> {
    let folder = scratch()?;
    let copy = folder.path().join("elsewhere");
    for path in workspace::files()? {
        let target = copy.join(&path);
        fs::create_dir_all(target.parent().context("no folder")?)?;
        fs::copy(workspace::root().join(&path), &target)
            .with_context(|| format!("copying {}", path.display()))?;
    }
    let again = make(&copy, &folder.path().join("target"), epoch)?;
    let different: Vec<&str> = files
        .iter()
        .filter(|(name, bytes)| again.get(*name) != Some(bytes))
        .map(|(name, _)| name.as_str())
        .collect();
    ensure!(
        different.is_empty() && again.len() == files.len(),
        "not the same from {}: {}",
        copy.display(),
        different.join(", ")
    );
    println!("the same from another directory: {} files", files.len());
    Ok(())
}

/// The time of the release: `SOURCE_DATE_EPOCH`, else that of the commit.
fn epoch() -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => command::output(
            Command::new("git")
                .args(["-c", "safe.directory=*", "log", "-1", "--format=%ct"])
                .current_dir(workspace::root()),
        )
        .context("no commit to take the time of: set SOURCE_DATE_EPOCH")?,
    };
    text.trim()
        .parse()
        .with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: {text}"))
}

/// A time in the form of RFC 3339.
fn timestamp(epoch: u64) -> Result<String> {
    date("+%Y-%m-%dT%H:%M:%SZ", epoch)
}

/// A time in a form of the program `date`, in UTC and in no language.
fn date(form: &str, epoch: u64) -> Result<String> {
    let mut date = Command::new("date");
    date.args(["--utc", form]).env("LC_ALL", "C");
    let text = command::output(date.arg(format!("--date=@{epoch}")))?;
    Ok(text.trim().to_owned())
}

/// A new directory for what is needed on the way, which anybody may enter.
fn scratch() -> Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("oomtrace-dist-")
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .context("making a temporary directory")?;
    Ok(folder)
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line as `sha256sum` writes and checks it.
fn sum_line(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", sha256(bytes))
}
