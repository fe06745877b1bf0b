//! `cargo xtask dist --try`: the release on systems that are new to it. As root on Debian; it needs
//! network, for the systems that it makes, and some minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::attempt_image;
use crate::{command, packages, workspace};

/// Releases of Debian that the package is installed on, the oldest first.
const SUITES: [&str; 4] = ["bullseye", "bookworm", "trixie", "sid"];

/// A log of the repository, of which every system must say the same.
const LOG: &str = "oomtrace/src/klog/report/testdata/forms/rhel7.log";

/// Programs that are called here, and their packages.
const NEEDS: [(&str, &str); 5] = [
    ("debootstrap", "debootstrap"),
    ("lintian", "lintian"),
    ("rpm", "rpm"),
    ("rpmlint", "rpmlint"),
    ("qemu-aarch64-static", "qemu-user-static"),
];

/// What a fresh system does with the package; the first line that fails ends it.
const IN_A_NEW_SYSTEM: &str = r#"
set -eu
files() { find / -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/tmp/*' | sort; }
cd /tmp
files > before
dpkg --install oomtrace.deb
oomtrace check
oomtrace decode --color never log > decoded
cmp decoded expected
oomtrace demo --color never > demo
grep 'was killed' demo
man --where oomtrace oomtrace-decode
test -s /usr/share/bash-completion/completions/oomtrace
dpkg --verify oomtrace
dpkg --purge oomtrace
files > after
diff before after
"#;

/// Tries the files of a release that lie in `out`.
///
/// # Errors
/// Names the first thing that did not go well.
pub fn attempt(out: &Path, version: &str) -> Result<()> {
    ensure!(
        command::is_root(),
        "--try makes systems and containers: run it as root"
    );
    let missing: Vec<&str> = NEEDS
        .into_iter()
        .filter(|(program, _)| command::find_program(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if !missing.is_empty() {
        packages::install_now(&missing, "trying the release")?;
    }
    // The crates build from what they package.
    let mut package = command::cargo();
    package.args(["package", "--locked", "--allow-dirty"]);
    command::run(package.args(["--package", "oomtrace-common", "--package", "oomtrace"]))?;
    linters(out, version)?;
    other_architecture(out, version)?;
    attempt_image::attempt(out, version)?;
    for suite in SUITES {
        install(out, version, suite).with_context(|| format!("on Debian {suite}"))?;
    }
    Ok(())
}

/// lintian and rpmlint find nothing that is not on a list with its reason; rpm lists what was put in.
fn linters(out: &Path, version: &str) -> Result<()> {
    for arch in ["amd64", "arm64"] {
        let mut lintian = Command::new("lintian");
        lintian.args(["--allow-root", "--fail-on", "error,warning"]);
        command::run(lintian.arg(out.join(format!("oomtrace_{version}-1_{arch}.deb"))))?;
    }
    for arch in ["x86_64", "aarch64"] {
        let package = out.join(format!("oomtrace-{version}-1.{arch}.rpm"));
        let listing = command::output(Command::new("rpm").args(["-qlp"]).arg(&package))?;
        for path in [
            "/usr/bin/oomtrace",
            "/usr/lib/systemd/system/oomtrace.service",
            "/usr/share/man/man1/oomtrace.1.gz",
            "/etc/oomtrace/oomtrace.toml",
        ] {
            ensure!(
                listing.lines().any(|line| line == path),
                "{path} is not in the RPM"
            );
        }
        let needs = command::output(
            Command::new("rpm")
                .args(["-qp", "--requires"])
                .arg(&package),
        )?;
        let foreign: Vec<&str> = needs
            .lines()
            .filter(|need| {
                !need.starts_with("rpmlib(") && *need != "/bin/sh" && !need.starts_with("config(")
            })
            .collect();
        ensure!(foreign.is_empty(), "the RPM needs {foreign:?}");
        let mut rpmlint = Command::new("rpmlint");
        rpmlint.arg("--rpmlintrc");
        rpmlint.arg(workspace::root().join("packaging/rpm/oomtrace.rpmlintrc"));
        command::run(rpmlint.arg(&package))?;
    }
    Ok(())
}

/// The binary of the other architecture says of every log of the repository what this one says.
fn other_architecture(out: &Path, version: &str) -> Result<()> {
    let folder = super::scratch()?;
    let unpacked = |arch: &str| -> Result<PathBuf> {
        let name = format!("oomtrace-{version}-{arch}-linux");
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(folder.path()).arg("-xzf");
        command::run(tar.arg(out.join(format!("{name}.tar.gz"))))?;
        Ok(folder.path().join(name).join("oomtrace"))
    };
    let (here, there) = (unpacked("x86_64")?, unpacked("aarch64")?);
    let mut logs = 0;
    for log in workspace::files()? {
        let is_log = log
            .extension()
            .is_some_and(|end| end == "log" || end == "dmesg");
        if !is_log || !log.starts_with("oomtrace") {
            continue;
        }
        let decode = |mut program: Command| {
            let file = workspace::root().join(&log);
            command::output(program.args(["decode", "-o", "json"]).arg(file))
        };
        let mut emulated = Command::new("qemu-aarch64-static");
        emulated.arg(&there);
        ensure!(
            decode(Command::new(&here))? == decode(emulated)?,
            "arm64 says something else of {}",
            log.display()
        );
        logs += 1;
    }
    ensure!(logs > 10, "only {logs} logs");
    println!("arm64 decodes {logs} logs as x86-64 does");
    Ok(())
}

/// The package comes, works and goes on a fresh system.
fn install(out: &Path, version: &str, suite: &str) -> Result<()> {
    let root = super::scratch()?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include=man-db,diffutils", suite]);
    command::run(
        debootstrap
            .arg(root.path())
            .stdout(std::process::Stdio::null()),
    )?;
    let within = |name: &str| root.path().join("tmp").join(name);
    let package = out.join(format!("oomtrace_{version}-1_amd64.deb"));
    fs::copy(package, within("oomtrace.deb"))?;
    fs::copy(workspace::root().join(LOG), within("log"))?;
    let page = fs::read_to_string(workspace::root().join("examples/log-from-elsewhere.md"))?;
    let expected = page
        .split_once(".log\n")
        .and_then(|(_, rest)| rest.split_once("```\n<!-- decode:end"))
        .context("the example has no output")?
        .0;
    fs::write(within("expected"), expected)?;
    fs::write(within("script"), IN_A_NEW_SYSTEM)?;
    // The mounts are gone with the process that they are made for, so nothing of the host is deleted.
    let enter = r#"
set -eu
for tree in proc sys dev; do mount --rbind /$tree "$1/$tree"; done
exec chroot "$1" /bin/sh /tmp/script
"#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation=private", "sh", "-c", enter, "sh"]);
    command::run(unshare.arg(root.path()).env("LC_ALL", "C.UTF-8"))?;
    println!("{suite}: installed, used and removed");
    Ok(())
}
