//! A container image made of this host's JDK 17: there is no registry to fetch one from.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};

/// Where `java` is in the image.
pub const JAVA: &str = "/opt/java/bin/java";
/// Where the compiled fixtures are in the image.
pub const CLASSES: &str = "/app";
/// A program in the image that only waits.
pub const SLEEP: [&str; 3] = ["/bin/busybox", "sleep", "1000"];

const JDKS: &str = "/usr/lib/jvm";

/// Makes the image's file tree as a tar archive in `directory`, if it is not there yet from the same
/// JDK and sources; returns its path.
///
/// # Errors
/// A tool is missing or fails.
pub fn archive(directory: &Path, source: &Path) -> Result<PathBuf> {
    let jdk = jdk()?;
    let release = fs::read_to_string(jdk.join("release")).context("the JDK's release file")?;
    let text =
        fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
    let stamp = format!("{release}\n{text}");
    let (archive, stamp_file) = (directory.join("java.tar"), directory.join("java.stamp"));
    if archive.is_file() && fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Ok(archive);
    }
    let tree = tempfile::tempdir_in(directory).context("cannot make a directory")?;
    let root = tree.path();
    for name in [
        "app", "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "sys", "tmp",
    ] {
        fs::create_dir(root.join(name)).with_context(|| format!("cannot make {name}"))?;
    }
    let java = root.join("opt/java");
    run(Command::new(jdk.join("bin/jlink"))
        .args([
            "--add-modules",
            "java.base",
            "--no-man-pages",
            "--no-header-files",
            "--output",
        ])
        .arg(&java))?;
    run(Command::new(jdk.join("bin/javac"))
        .arg("-d")
        .arg(root.join("app"))
        .arg(source))?;
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file());
    let busybox = busybox.context("no busybox: install busybox-static")?;
    fs::copy(busybox, root.join("bin/busybox")).context("cannot copy busybox")?;
    symlink("busybox", root.join("bin/sh")).context("cannot link sh")?;
    for library in libraries(&[
        &java.join("bin/java"),
        &java.join("lib/server/libjvm.so"),
        Path::new(busybox),
    ])? {
        if library.starts_with(root) {
            continue;
        }
        let place = root.join(library.strip_prefix("/").unwrap_or(&library));
        fs::create_dir_all(place.parent().context("no directory")?)
            .context("cannot make a directory")?;
        fs::copy(&library, &place).with_context(|| format!("cannot copy {}", library.display()))?;
    }
    run(Command::new("tar")
        .arg("-C")
        .arg(root)
        .arg("-cf")
        .arg(&archive)
        .arg("."))?;
    fs::write(&stamp_file, stamp).context("cannot write the stamp")?;
    Ok(archive)
}

/// Compiles every Java source of `sources` into `directory`, if that is not done yet; returns where
/// the classes are.
///
/// # Errors
/// The JDK is missing, or the compiler fails.
pub fn classes(directory: &Path, sources: &Path) -> Result<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(sources).with_context(|| format!("{}", sources.display()))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "java")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut stamp = String::new();
    for file in &files {
        stamp.push_str(&fs::read_to_string(file).context("a source")?);
    }
    let (classes, stamp_file) = (directory.join("classes"), directory.join("classes.stamp"));
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Ok(classes);
    }
    run(Command::new(jdk()?.join("bin/javac"))
        .arg("-d")
        .arg(&classes)
        .args(&files))?;
    fs::write(&stamp_file, stamp).context("cannot write the stamp")?;
    Ok(classes)
}

fn jdk() -> Result<PathBuf> {
    let list = fs::read_dir(JDKS).with_context(|| format!("no JDK 17: cannot list {JDKS}"))?;
    let mut found: Vec<PathBuf> = list
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().contains("17"))
        })
        .filter(|path| path.join("bin/jlink").is_file() && path.join("bin/javac").is_file())
        .collect();
    found.sort();
    match found.pop() {
        Some(path) => Ok(path),
        None => bail!("no JDK 17 in {JDKS}: install openjdk-17-jdk-headless"),
    }
}

/// The shared libraries that these files need, by `ldd`.
///
/// # Errors
/// `ldd` cannot be run.
pub fn libraries(files: &[&Path]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in files {
        let output = Command::new("ldd")
            .arg(file)
            .env("PATH", path())
            .output()
            .context("cannot run ldd")?;
        for word in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            let path = PathBuf::from(word);
            if path.is_absolute() && path.is_file() && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn path() -> String {
    env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())
}

pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
