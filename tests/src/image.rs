//! Container images made of what this host has: there is no registry to fetch one from.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::engine::run;

/// Where `java` is in the image.
pub const JAVA: &str = "/opt/java/bin/java";
/// Where the compiled fixtures are in the image.
pub const CLASSES: &str = "/app";
/// A program in the image that only waits.
pub const SLEEP: [&str; 3] = ["/bin/busybox", "sleep", "1000"];

const JDKS: &str = "/usr/lib/jvm";

/// The image's `/etc/passwd`: a JVM keeps its counters under the name of its user, and keeps none
/// where that has no name.
const USERS: &str = "root:x:0:0:root:/root:/bin/sh\n";

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
    let stamp = format!("{release}\n{USERS}{text}");
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
    fs::write(root.join("etc/passwd"), USERS).context("cannot write the image's users")?;
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
    let busybox = put_busybox(root)?;
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
    pack(&archive, root, &["."])?;
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

/// Copies this host's busybox into a tree; returns where it is here.
fn put_busybox(root: &Path) -> Result<&'static str> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file());
    let busybox = busybox.context("no busybox: install busybox-static")?;
    fs::copy(busybox, root.join("bin/busybox")).context("cannot copy busybox")?;
    symlink("busybox", root.join("bin/sh")).context("cannot link sh")?;
    Ok(busybox)
}

/// A tar archive of a tree with nothing but busybox, in `directory`; returns its path.
///
/// # Errors
/// busybox or tar is missing or fails.
pub fn small(directory: &Path) -> Result<PathBuf> {
    let root = directory.join("small");
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        let path = root.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    put_busybox(&root)?;
    let archive = directory.join("small.tar");
    pack(&archive, &root, &["."])?;
    Ok(archive)
}

/// What `docker save` would write of an image with just this layer; returns its path, beside the
/// layer.
///
/// # Errors
/// tar or sha256sum is missing or fails.
pub fn saved(layer: &Path, name: &str) -> Result<PathBuf> {
    let directory = layer.parent().context("no directory")?;
    let file = layer.file_name().and_then(|name| name.to_str());
    let file = file.context("a path that is no text")?;
    let sum = run(Command::new("sha256sum").arg(layer))?;
    let sum = sum.split_whitespace().next().context("no checksum")?;
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{sum}")]},
    });
    let manifest = serde_json::json!([
        {"Config": "config.json", "RepoTags": [name], "Layers": [file]},
    ]);
    for (name, json) in [("config.json", config), ("manifest.json", manifest)] {
        fs::write(directory.join(name), json.to_string()).context("cannot write the image")?;
    }
    let archive = directory.join("saved.tar");
    pack(&archive, directory, &["config.json", "manifest.json", file])?;
    Ok(archive)
}

fn pack(archive: &Path, directory: &Path, what: &[&str]) -> Result<()> {
    run(Command::new("tar")
        .arg("-C")
        .arg(directory)
        .arg("-cf")
        .arg(archive)
        .args(what))?;
    Ok(())
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
